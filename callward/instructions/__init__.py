"""What each controller has told us in writing: retention, transcription, lawful basis."""

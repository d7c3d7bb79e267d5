"""Speech: transcription engines behind one interface, and what becomes of their words."""

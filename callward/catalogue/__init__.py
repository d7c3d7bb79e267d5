"""What Callward knows about what it keeps. No personal data is stored here."""

"""The stage between ingest and transcription: card numbers said in recordings are muted.

Beside ``callward.cards`` and not in it, since ingest masks text with that and this
decodes what ingest has taken in.
"""

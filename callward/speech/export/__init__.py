"""A transcript in the forms that others read: pure functions, a transcript in, bytes out."""

from typing import Literal

Form = Literal["text", "vtt", "json", "vcon"]
"""The forms there are. Here, where nothing heavy is imported with it."""

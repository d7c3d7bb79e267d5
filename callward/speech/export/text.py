"""A transcript as plain text, a line a turn: ``[00:00:12] channel-1: how can I help``."""

from callward.speech.export.wording import line_of
from callward.speech.transcript import Transcript


def to_text(transcript: Transcript) -> bytes:
    """UTF-8 text that may be shown on a terminal; empty if nothing was said."""
    lines = (
        f"[{_clock(turn.start)}] {line_of(turn.speaker)}: {line_of(turn.text)}\n"
        for turn in transcript.turns
    )
    return "".join(lines).encode()


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"

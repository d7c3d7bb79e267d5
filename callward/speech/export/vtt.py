"""A transcript as WebVTT (W3C, https://www.w3.org/TR/webvtt1/): captions to a recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from callward.speech.engine import Word
from callward.speech.export.wording import line_of
from callward.speech.merge import PHRASE_PAUSE, Turn
from callward.speech.transcript import Transcript

LINES: Final = 2
COLUMNS: Final = 42
"""Lines of a cue, and characters in a line, at most, unless one word is longer."""
LONGEST: Final = 7_000
"""Milliseconds that a cue is shown, at most."""
_LATEST: Final = 31 * 86_400
"""Seconds; no recording is longer, whatever an engine says."""
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class _Cue:
    """Start and end in milliseconds, who speaks, and the lines shown."""

    start: int
    end: int
    speaker: str
    lines: tuple[str, ...]

    def block(self) -> str:
        text = "\n".join(self.lines).translate(_ESCAPES)
        return f"\n{_stamp(self.start)} --> {_stamp(self.end)}\n{_voice(self.speaker)}{text}\n"


def to_vtt(transcript: Transcript) -> bytes:
    """UTF-8 WebVTT; cues are cut at pauses, and come in the order in which they start.

    That order is the standard's (section 4.1): a turn's later cues may start after the
    first one of the turn that follows.
    """
    cues = [cue for turn in transcript.turns for cue in _cues(turn)]
    cues.sort(key=lambda cue: cue.start)
    return ("WEBVTT\n" + ("".join(cue.block() for cue in cues) or "\n")).encode()


def _cues(turn: Turn) -> Iterator[_Cue]:
    speaker = line_of(turn.speaker)
    held: list[Word] = []
    for word in turn.words:
        if not line_of(word.text):
            continue
        if held and not _fits([*held, word]):
            yield _cue(speaker, held)
            held = []
        held.append(word)
    if held:
        yield _cue(speaker, held)


def _fits(words: list[Word]) -> bool:
    """Whether the last of these words may be in one cue with those before it."""
    before, last = words[-2:]
    start, end = _span(words)
    return (
        last.start - before.end <= PHRASE_PAUSE
        and end - start <= LONGEST
        and len(_lines(words)) <= LINES
    )


def _cue(speaker: str, words: list[Word]) -> _Cue:
    start, end = _span(words)
    return _Cue(start, min(end, start + LONGEST), speaker, _lines(words))


def _span(words: list[Word]) -> tuple[int, int]:
    """From the first to the last that is heard of the words; a cue of no length is an error."""
    start = min(_milliseconds(word.start) for word in words)
    return start, max(start + 1, *(_milliseconds(word.end) for word in words))


def _lines(words: list[Word]) -> tuple[str, ...]:
    lines = [""]
    for piece in line_of(" ".join(word.text for word in words)).split(" "):
        longer = f"{lines[-1]} {piece}".strip()
        if lines[-1] and len(longer) > COLUMNS:
            lines.append(piece)
        else:
            lines[-1] = longer
    return tuple(lines)


def _voice(speaker: str) -> str:
    """The tag; none for a speaker without a name, as the standard does not allow it."""
    name = speaker.translate(_ESCAPES)
    if name.endswith("--"):
        name += " "  # or the tag would end in an arrow; readers strip it
    return f"<v {name}>" if name else ""


def _milliseconds(seconds: float) -> int:
    return round(min(max(seconds, 0.0), _LATEST) * 1000)


def _stamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"

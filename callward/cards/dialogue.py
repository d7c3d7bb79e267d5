"""Conversations written down as text: lines that begin with a time, a speaker, or both.

Chat exports, transcripts, SubRip and WebVTT subtitles. Between the parts of a number stand
then digits that nobody said, and what others said.
"""

import re
from typing import Final

from callward.cards.dress import LABELS

_SAMPLE: Final = 1 << 18
"""Characters at the beginning, in which at least two such lines must stand."""
_LEAST: Final = 2
_STAMP = (
    r"[\[(]?(?:(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4})"
    r"[T ,]{1,2})?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?[AaPp][Mm])?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?[\])]?"
)
_NAME = r"[^\W\d_][\w.'()#-]{0,24}(?: [\w.'()#-]{1,24}){0,3}"
_CUE = (
    r"(?:[0-9]{1,6}[ \t]*\r?\n)?[0-9:]{4,9}[.,][0-9]{3} ?--> ?[0-9:]{4,9}[.,][0-9]{3}[^\n]{0,80}\n"
)
_LINE = re.compile(
    rf"\n[> \t]{{0,8}}(?:{_CUE}(?:(?P<caption>{_NAME}):(?=\s))?"
    rf"|{_STAMP}[ \t]*[-\u2013|]?[ \t]*(?:(?P<stamped>{_NAME}):(?=\s)|<(?P<nick>{_NAME})>|(?=\s))"
    rf"|(?P<name>{_NAME})[ \t]*:(?=\s))"
)
Turn = tuple[int, int, str]
"""From where to where in the text somebody says something, and who (empty: not told)."""


def turns(text: str) -> list[Turn]:
    """What is said in a text that is a conversation; nothing where it is none."""
    if "\n" not in text or ":" not in text:
        return []
    if len(text) > _SAMPLE and len(_heads("\n" + text[:_SAMPLE])) < _LEAST:
        return []
    text = "\n" + text
    heads = _heads(text)
    if len(heads) < _LEAST:
        return []
    ends = [start for start, _, _ in heads[1:]] + [len(text)]
    return [(after - 1, end - 1, who) for (_, after, who), end in zip(heads, ends, strict=True)]


def _heads(text: str) -> list[Turn]:
    """Where lines begin, where what is said in them does, and who says it."""
    heads = []
    for found in _LINE.finditer(text):
        who = found[found.lastgroup] if found.lastgroup else ""
        if who and LABELS.search(who):
            continue
        heads.append((found.start(), found.end(), who))
    return heads

"""How a finding is put into words: one and many, and what it is about. Pure.

A sentence may hold ``{count}``, how many; ``{about}``, what it is about, as it is (ids, days,
names); ``{words}``, the same where these are codes, or codes after a name and a colon.
Both stand after a colon at the end or in round brackets, and go with these where there is
nothing to name. ``[one|many]`` is a choice by the count, ``[s]`` short for ``[|s]``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_SHOWN: Final = 5
_CHOICE: Final = re.compile(r"\[(?:([^\[\]|]*)\|)?([^\[\]|]*)\]")
_NAMING: Final = re.compile(r" \([^()]*\{(?:about|words)\}[^()]*\)|: \{(?:about|words)\}$")
_CALLED: Final[Mapping[str, str]] = {
    "dpa": "data processing agreement",
    "eea": "EEA",
    "sms": "SMS",
    "uk": "UK",
}


def worded(sentence: str, count: int, about: Sequence[str]) -> str:
    """The sentence for so many, naming the first few of ``about``."""
    chosen = _CHOICE.sub(lambda one: (one[1] or "") if count == 1 else one[2], sentence)
    if not about:
        chosen = _NAMING.sub("", chosen)
    shown = about[:_SHOWN]
    return chosen.format(
        count=f"{count:,}",
        about=_listed(shown, len(about)),
        words=_listed([_without_codes(one) for one in shown], len(about)),
    )


def _listed(shown: Sequence[str], of: int) -> str:
    """With semicolons where commas stand within."""
    listed = ("; " if any(", " in one for one in shown) else ", ").join(shown)
    return f"{listed} and {of - len(shown):,} more" if of > len(shown) else listed


def _without_codes(one: str) -> str:
    """``a-code`` as a code; of ``some-name: a-code, a-code`` only what follows the colon."""
    name, colon, codes = one.rpartition(": ")
    return f"{name}{colon}{', '.join(_spoken(code) for code in codes.split(', '))}"


def _spoken(code: str) -> str:
    words = [_CALLED.get(one, one) for one in re.split(r"[-_]", code)]
    return " ".join(words).replace("sub processor", "sub-processor")

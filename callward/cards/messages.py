"""Card data masked in one text, and in texts that follow each other."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final

from callward.cards.detect import Finding, findings
from callward.cards.dress import BREAK, GLUE, digits_plain
from callward.cards.masking import Edit, applied, edits
from callward.cards.words import SPOKEN

_ROUNDS: Final = 4
"""A second look finds nothing but what masking itself brought together, which is rare."""
_BETWEEN: Final = 80
"""Characters of a message that may stand between the parts of one number."""
_SPREAD: Final = 320
_HARMLESS: Final = re.compile(
    # What most fields of records hold: a moment, a telephone number, an id that is one
    # token without a dozen digits in a row.
    r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]"
    r"(?:[T ][0-2][0-9]:[0-5][0-9](?::[0-6][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
    r"|\+[0-9]{7,12}"
    r"|(?=[0-9A-Za-z]{20,64}\Z)(?:[0-9]{0,11}+[A-Za-z]++)*+[0-9]{0,11}+"
)
_DIGIT = re.compile("[0-9]")
_WORD = re.compile("[a-z]+")
_ASKS = re.compile(
    r"(?i)exp|valid|thru|cv|secur|code|back|sort|account|phone|mobile|order|postcode"
)


def mask(text: str, *, carded: bool = False) -> tuple[str, int]:
    """The text without card data, and how many numbers, expiry dates and codes it held.

    ``carded``: where the text comes from says that it is about a payment card.
    """
    if _HARMLESS.fullmatch(text):
        return text, 0
    return _until_nothing(text, lambda now: findings(now, carded=carded))


def mask_texts(texts: Sequence[str]) -> tuple[list[str], int]:
    """As ``mask`` for each of the texts, and for what is spread over several of them.

    Short messages without digits may stand between the parts ("yes", "go on").
    """
    if len(texts) < 2:  # noqa: PLR2004 - nothing to be spread over
        alone = [mask(text) for text in texts]
        return [text for text, _ in alone], sum(count for _, count in alone)
    joined = BREAK.join(texts)
    found = findings(joined, _veiled(texts), gap=_SPREAD)
    if not found:
        return list(texts), 0
    masked, count = _split(texts, edits(joined, found)), len(found)
    again = [mask(text) for text in masked]
    return [text for text, _ in again], count + sum(more for _, more in again)


def _until_nothing(text: str, look: Callable[[str], list[Finding]]) -> tuple[str, int]:
    count = 0
    for _ in range(_ROUNDS):
        found = look(text)
        if not found:
            break
        text, count = applied(text, edits(text, found)), count + len(found)
    return text, count


def _split(texts: Sequence[str], changes: Sequence[Edit]) -> list[str]:
    """The texts with changes whose places are those of all texts joined."""
    starts = [0, *accumulate(len(text) + len(BREAK) for text in texts)][:-1]
    own: list[list[Edit]] = [[] for _ in texts]
    for start, end, new in changes:
        place = bisect_right(starts, start) - 1
        own[place].append((start - starts[place], end - starts[place], new))
    return [applied(text, mine) for text, mine in zip(texts, own, strict=True)]


def _veiled(texts: Sequence[str]) -> str | None:
    """The joined texts with those made unseen that may stand between parts of a number."""
    plain = [digits_plain(text) for text in texts]
    holds = [_DIGIT.search(text) is not None or _speaks(text) for text in plain]
    if sum(holds) < 2 or all(holds):  # noqa: PLR2004 - nothing stands between
        return None
    parts = [
        GLUE * len(text) if not held and _between(text) else text
        for text, held in zip(texts, holds, strict=True)
    ]
    return BREAK.join(parts) if parts != list(texts) else None


def _speaks(text: str) -> bool:
    return not SPOKEN.isdisjoint(_WORD.findall(text.lower()))


def _between(text: str) -> bool:
    return len(text) <= _BETWEEN and not _ASKS.search(text)

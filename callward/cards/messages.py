"""Card data masked in one text, and in texts that follow each other."""

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Final

from callward.cards.detect import findings
from callward.cards.dialogue import turns
from callward.cards.dress import MARK
from callward.cards.encoded import escapes_opened
from callward.cards.masking import Edit, applied, edits
from callward.cards.views import View, digits_of, views

_ROUNDS: Final = 4
"""A second look finds nothing but what masking itself brought together, which is rare."""
_SPREAD: Final = 320
_HARMLESS: Final = re.compile(
    # What most fields of records hold: a moment, a telephone number, an id that is one
    # token without a dozen digits in a row.
    r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]"
    r"(?:[T ][0-2][0-9]:[0-5][0-9](?::[0-6][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
    r"|\+[0-9]{7,12}"
    r"|(?=[0-9A-Za-z]{20,64}\Z)(?:[0-9]{0,11}+[A-Za-z]++)*+[0-9]{0,11}+"
)


def mask(text: str, *, carded: bool = False) -> tuple[str, int]:
    """The text without card data, and how many numbers, expiry dates and codes it held.

    ``carded``: where the text comes from says that it is about a payment card.
    """
    if _HARMLESS.fullmatch(text):
        return text, 0
    count = 0
    for _ in range(_ROUNDS):
        text, more = _once(text, carded=carded)
        if not more:
            break
        count += more
    return text, count


def mask_texts(texts: Sequence[str], speakers: Sequence[Hashable] = ()) -> tuple[list[str], int]:
    """As ``mask`` for each of the texts, and for what is spread over several of them.

    Short messages without digits may stand between the parts ("yes", "go on"), and parts
    may be said twice. ``speakers``: who said each of them, where that is known.
    """
    masked, count = mask_spread(texts, speakers) if len(texts) > 1 else (list(texts), 0)
    again = [mask(text) for text in masked]
    return [text for text, _ in again], count + sum(more for _, more in again)


def mask_spread(texts: Sequence[str], speakers: Sequence[Hashable] = ()) -> tuple[list[str], int]:
    """What ``mask_texts`` does, without a second look at each text alone."""
    changes: dict[int, set[Edit]] = {}
    count = 0
    for view in views(texts, speakers):
        joined, starts = view.joined(), view.starts()
        here: set[int] = set()
        for finding in findings(joined, gap=_SPREAD):
            of_it = list(_placed(view, starts, edits(joined, [finding])))
            here.update(place for place, _ in of_it)
            new = [(place, edit) for place, edit in of_it if edit not in changes.get(place, ())]
            for place, edit in new:
                changes.setdefault(place, set()).add(edit)
            count += bool(new)
        _repeated(view, here, changes)
    if not count:
        return list(texts), 0
    masked = list(texts)
    for place, own_edits in changes.items():
        masked[place] = applied(texts[place], _apart(own_edits))
    return masked, count


def _placed(
    view: View, starts: Sequence[int], changes: Sequence[Edit]
) -> Iterator[tuple[int, Edit]]:
    """Changes of the joined text by the text that they are of."""
    for start, end, new in changes:
        for place, low, high in view.pieces(starts, start, end):
            yield place, (low, high, new)
            # A word may go on in the next text ("double", "one").
            new = MARK  # noqa: PLW2901 - the first part has them all


def _repeated(view: View, masked: set[int], changes: dict[int, set[Edit]]) -> None:
    """What repeats a text masked in this view loses its digits too."""
    for place, originals in view.repeats.items():
        if place not in changes and not masked.isdisjoint(originals):
            text = view.texts[place]
            changes[place] = {(low, high, MARK) for low, high in digits_of(text)}


def _apart(changes: Iterable[Edit]) -> list[Edit]:
    """Changes in order; of those that overlap, the part not yet covered."""
    found: list[Edit] = []
    done = 0
    for start, end, new in sorted(changes, key=lambda change: (change[0], -change[1])):
        if end > done:
            found.append((max(start, done), end, new))
            done = end
    return found


def _once(text: str, *, carded: bool) -> tuple[str, int]:
    """What one look finds, as it stands, behind JSON's escapes, and from turn to turn."""
    found = findings(text, carded=carded)
    text, count = applied(text, edits(text, found)) if found else text, len(found)
    if "\\" in text and "\\u" in text:
        found = findings(text, escapes_opened(text), carded=carded)
        text, count = applied(text, edits(text, found)), count + len(found)
    said = turns(text)
    if said:
        masked, more = mask_spread(
            [text[start:end] for start, end, _ in said], [who for _, _, who in said]
        )
        if more:
            changes = [(*turn[:2], new) for turn, new in zip(said, masked, strict=True)]
            text, count = applied(text, changes), count + more
    return text, count

"""Is everything in force that the notice promises of assurance? Pure decisions with codes.

Of several items of a kind that one holder has the one in force that lasts longest counts:
a renewed one stands for those before. Those of the kind ``other`` are each looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from callward.assurance.documents import Seen
from callward.assurance.model import Item
from callward.assurance.required import REQUIRED, Required
from callward.registers.telling import days_left, soon

WITHIN_DAYS: Final = 90


class Fails(StrEnum):
    """What is not as promised, the gravest first."""

    UNREADABLE = "item-unreadable"
    MISSING = "required-missing"
    EXPIRED = "expired"
    NOT_YET = "not-yet-valid"
    TEST_OLD = "test-older-than-a-year"
    REVIEW_OVERDUE = "dpo-review-overdue"
    NO_CREST = "tester-without-crest"
    FINDINGS_OVERDUE = "findings-overdue"
    DOCUMENT_MISSING = "document-missing"
    DOCUMENT_CHANGED = "document-changed"
    DOCUMENT_UNREADABLE = "document-unreadable"


class Warns(StrEnum):
    """What will not be as promised soon, or has lapsed without having been promised."""

    EXPIRING = "expiring"
    TEST_DUE = "test-due"
    REVIEW_DUE = "dpo-review-due"
    FINDINGS_DUE = "findings-due"
    LAPSED = "lapsed"


_OVER: Final[Mapping[str, tuple[Fails, Warns]]] = {
    "penetration-test": (Fails.TEST_OLD, Warns.TEST_DUE),
    "dpo": (Fails.REVIEW_OVERDUE, Warns.REVIEW_DUE),
}
"""What it is called when a kind's last day is over, or near; other kinds expire."""
_DOCUMENTS: Final = {
    Seen.MISSING: Fails.DOCUMENT_MISSING,
    Seen.CHANGED: Fails.DOCUMENT_CHANGED,
    Seen.UNREADABLE: Fails.DOCUMENT_UNREADABLE,
}
_ORDER: Final = [*Fails, *Warns]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as promised, or will not be: of which item, ``about`` what.

    ``item`` is a kind where there is none of it, or an unreadable file's id. ``days_left``:
    until the London ``day``, which still counts; negative once it is over.
    """

    item: str
    code: Fails | Warns
    about: str
    day: date | None = None
    days_left: int | None = None

    @property
    def fails(self) -> bool:
        """Whether a promise is not kept because of this."""
        return isinstance(self.code, Fails)


def standing(
    items: Sequence[Item],
    documents: Mapping[str, Seen],
    unreadable: Sequence[str],
    day: date,
    within: int = WITHIN_DAYS,
    required: Sequence[Required] = REQUIRED,
) -> list[Finding]:
    """What is not as promised on ``day`` (London), gravest first; then what is due ``within`` days.

    ``documents``: how each item's was found, by its id (one not named is missing);
    ``unreadable``: ids of bad files.
    Of what was ended nothing is told, and it counts for nothing.
    """
    active = [one for one in items if one.status == "active"]
    found = [Finding(one, Fails.UNREADABLE, "file") for one in unreadable]
    found += [
        Finding(one.kind, Fails.MISSING, f"promise {one.promise}")
        for one in required
        if all(item.kind != one.kind for item in active)
    ]
    wanted = {one.kind for one in required}
    for item in active:
        if _counts(item, active, day):
            found.extend(_standing_of(item, day, promised=item.kind in wanted))
        found.extend(_evidence_of(item, documents, day))
    found.sort(key=lambda one: (_ORDER.index(one.code), one.item))
    return found + _coming(active, day, within)


def _rank(item: Item, day: date) -> tuple[bool, bool, date]:
    """In force before over, over before yet to come; then what lasts longest."""
    begun = item.first_day <= day
    return begun and item.last_day >= day, begun, item.last_day


def _alike(one: Item, other: Item) -> bool:
    """Whether one can stand for the other."""
    same = one.kind == other.kind and one.holder == other.holder
    return one.id == other.id or (same and one.kind != "other")


def _counts(item: Item, active: Sequence[Item], day: date) -> bool:
    """Whether it is the one of its kind and holder that counts."""
    same = [one for one in active if _alike(one, item)]
    return max(same, key=lambda one: (_rank(one, day), one.id)).id == item.id


def _standing_of(item: Item, day: date, *, promised: bool) -> Iterator[Finding]:
    """Whether the one that counts is in force, and whoever stands behind it is who it must be."""
    over, _ = _OVER.get(item.kind, (Fails.EXPIRED, None))
    if item.first_day > day:
        if promised:
            yield _finding(item, Fails.NOT_YET, "first day", item.first_day, day)
    elif item.last_day < day:
        code: Fails | Warns = over if promised else Warns.LAPSED
        yield _finding(item, code, "last day", item.last_day, day)
    if item.tester is not None and item.tester.crest is None:
        yield _finding(item, Fails.NO_CREST, "tester", None, day)


def _evidence_of(item: Item, documents: Mapping[str, Seen], day: date) -> Iterator[Finding]:
    """Whether what it has found was put right in time, and its paper is as it was."""
    by = item.findings.remediated_by if item.findings and item.findings.grave else None
    if by is not None and by < day:
        yield _finding(item, Fails.FINDINGS_OVERDUE, "findings", by, day)
    seen = _DOCUMENTS.get(documents.get(item.id, Seen.MISSING))
    if item.document is not None and seen is not None:
        yield _finding(item, seen, "document", None, day)


def _coming(active: Sequence[Item], day: date, within: int) -> list[Finding]:
    """What runs out soon, soonest first, unless the next one is there already."""
    dated: list[tuple[Warns, str, date]] = []
    for item in active:
        _, near = _OVER.get(item.kind, (None, Warns.EXPIRING))
        counts = _counts(item, active, day) and item.first_day <= day <= item.last_day
        if counts and not _followed(item, active):
            dated.append((near, item.id, item.last_day))
        by = item.findings.remediated_by if item.findings and item.findings.grave else None
        if by is not None and by >= day:
            dated.append((Warns.FINDINGS_DUE, item.id, by))
    about = {Warns.FINDINGS_DUE: "findings"}
    return [
        Finding(one, code, about.get(code, "last day"), when, days_left(when, day))
        for code, one, when in soon(dated, day, within)
    ]


def _followed(item: Item, active: Sequence[Item]) -> bool:
    """Whether another like it begins before there would be none, and lasts longer."""
    return any(
        _alike(one, item)
        and one.first_day <= item.last_day + timedelta(days=1)
        and one.last_day > item.last_day
        for one in active
    )


def _finding(item: Item, code: Fails | Warns, about: str, when: date | None, day: date) -> Finding:
    return Finding(item.id, code, about, when, days_left(when, day))

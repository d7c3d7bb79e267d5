"""Whether a material change led to a review (promise N16)."""

from collections.abc import Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

DAYS: Final = 90
"""How long a change may wait for a review."""

UNREVIEWED: Final = "change-unreviewed"
WAITING: Final = "change-waiting"
REVIEWED: Final = "change-reviewed"


def changes_reviewed(facts: Facts, _context: Context) -> Iterator[Finding]:
    """A gap where a change has waited too long for a review; partly where one still waits."""
    waiting = [(kind, days) for kind, each in facts["waiting_days"].items() for days in each]
    late = [kind for kind, days in waiting if days > DAYS]
    soon = [kind for kind, days in waiting if days <= DAYS]
    if late:
        yield Finding(Weight.GAP, UNREVIEWED, len(late), tuple(sorted(set(late))))
    if soon:
        yield Finding(Weight.PARTLY, WAITING, len(soon), tuple(sorted(set(soon))))
    if facts["dealt"]:
        about = tuple(sorted(facts["dealt_by_kind"]))
        yield Finding(Weight.NOTE, REVIEWED, facts["dealt"], about)


JUDGES: Final[Mapping[str, Judge]] = {"changes-reviewed": changes_reviewed}
MEANS: Final[Mapping[str, str]] = {
    UNREVIEWED: f"{{count}} material change[s] [has|have] waited longer than {DAYS} days for a "
    "review: {words}",
    WAITING: "{count} material change[s] wait[s|] for a review: {words}",
    REVIEWED: "a review has dealt with {count} material change[s]: {words}",
}

"""Whether a material change led to a review (promise N16)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

DAYS: Final = 90
"""How long a change may wait for a review."""

UNREVIEWED: Final = "change-unreviewed"
WAITING: Final = "change-waiting"
LATE: Final = "change-reviewed-late"
REVIEWED: Final = "change-reviewed"


def changes_reviewed(facts: Facts, _context: Context) -> Iterator[Finding]:
    """A gap where a change has waited too long; partly where one did, or still waits."""
    waiting, dealt = _each(facts["waiting_days"]), _each(facts["dealt_days"])
    for weight, code, kinds in (
        (Weight.GAP, UNREVIEWED, [kind for kind, days in waiting if days > DAYS]),
        (Weight.PARTLY, LATE, [kind for kind, days in dealt if days > DAYS]),
        (Weight.PARTLY, WAITING, [kind for kind, days in waiting if days <= DAYS]),
    ):
        if kinds:
            yield Finding(weight, code, len(kinds), tuple(sorted(set(kinds))))
    if facts["dealt"]:
        about = tuple(sorted(facts["dealt_by_kind"]))
        yield Finding(Weight.NOTE, REVIEWED, facts["dealt"], about)


def _each(days: Mapping[str, Sequence[int]]) -> list[tuple[str, int]]:
    return [(kind, one) for kind, some in days.items() for one in some]


JUDGES: Final[Mapping[str, Judge]] = {"changes-reviewed": changes_reviewed}
MEANS: Final[Mapping[str, str]] = {
    UNREVIEWED: f"{{count}} material change[s] [has|have] waited longer than {DAYS} days for a "
    "review: {words}",
    LATE: f"a review has dealt with {{count}} material change[s] only after more than {DAYS} days: "
    "{words}",
    WAITING: "{count} material change[s] wait[s|] for a review: {words}",
    REVIEWED: "a review has dealt with {count} material change[s]: {words}",
}

"""From evidence items to verdicts: pure, and the same for whoever makes a pack and reads it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callward.evidence.clauses.model import (
    Clause,
    Context,
    Facts,
    Finding,
    Item,
    Need,
    State,
    Verdict,
    Weight,
)

Judge = Callable[[Facts, Context], Iterable[Finding]]
"""Reads the facts of one item; yields nothing where all is as promised. Pure."""

NO_EVIDENCE: Final = "no-evidence"
NOTHING_NAMED: Final = "no-evidence-named"
STALE: Final = "evidence-stale"
NO_JUDGE: Final = "no-judge"
UNREADABLE: Final = "facts-unreadable"

MEANS: Final[Mapping[str, str]] = {
    NO_EVIDENCE: "the evidence for it was not collected, or there is nothing in it",
    NOTHING_NAMED: "no evidence is named for it: nothing here shows that it is kept",
    STALE: "the newest of the evidence is {count} day[s] old, older than it may be",
    NO_JUDGE: "it is to be judged by a rule that this version does not know",
    UNREADABLE: "the evidence does not say what is needed to judge it",
}

_ORDER: Final = list(Weight)
_LONDON: Final = ZoneInfo("Europe/London")


def decide(
    clauses: Sequence[Clause],
    items: Mapping[str, Item],
    context: Context,
    judges: Mapping[str, Judge],
) -> list[Verdict]:
    """A verdict for every clause, in the order of the map; ``items`` by kind."""
    return [_verdict(clause, items, context, judges) for clause in clauses]


def _verdict(
    clause: Clause, items: Mapping[str, Item], context: Context, judges: Mapping[str, Judge]
) -> Verdict:
    per_need = [list(_judged(need, items, context, judges)) for need in clause.needs]
    found = [finding for findings in per_need for finding in findings]
    if not clause.needs:
        found = [Finding(Weight.GAP, NOTHING_NAMED)]
    found.sort(key=lambda one: _ORDER.index(one.weight))
    return Verdict(clause.id, _state(per_need, found), tuple(found))


def _state(per_need: Sequence[Sequence[Finding]], found: Sequence[Finding]) -> State:
    weights = {one.weight for one in found}
    if Weight.GAP in weights:
        return State.GAP
    if Weight.PARTLY in weights:
        return State.PARTLY
    idle = [any(one.weight is Weight.NOT_APPLICABLE for one in each) for each in per_need]
    return State.NOT_APPLICABLE if idle and all(idle) else State.MET


def _judged(
    need: Need, items: Mapping[str, Item], context: Context, judges: Mapping[str, Judge]
) -> Iterator[Finding]:
    item, judge = items.get(need.kind), judges.get(need.judge)
    if judge is None:
        yield Finding(Weight.GAP, NO_JUDGE, kind=need.kind)
    elif item is None:
        yield Finding(Weight.GAP, NO_EVIDENCE, kind=need.kind)
    else:
        asked = replace(context, options=need.options)
        try:
            findings = [replace(one, kind=need.kind) for one in judge(item.facts, asked)]
        except (LookupError, TypeError, ValueError, AttributeError):
            findings = [Finding(Weight.GAP, UNREADABLE, kind=need.kind)]
        yield from findings
        idle = any(one.weight is Weight.NOT_APPLICABLE for one in findings)
        yield from () if idle else _stale(need, item, context)


def _stale(need: Need, item: Item, context: Context) -> Iterator[Finding]:
    """Too old, or with nothing in it although it is not idle."""
    if need.fresh_days is None:
        return
    if item.newest is None:
        yield Finding(Weight.GAP, NO_EVIDENCE, kind=need.kind)
        return
    age = context.day - item.newest.astimezone(_LONDON).date()
    if age > timedelta(days=need.fresh_days):
        yield Finding(Weight.PARTLY, STALE, age.days, kind=need.kind)

"""A pack's evidence items, and the verdicts that follow from them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from callward.errors import IntegrityError
from callward.evidence.bagit import some
from callward.evidence.checks.model import NotCheckedError
from callward.evidence.checks.pack import Pack
from callward.evidence.clauses.model import Clause, Context, Item, Need
from callward.evidence.layout import EVIDENCE
from callward.evidence.plain import bound, item_json, resting_on, states_bound, verdict_json
from callward.evidence.sources import rules_digest
from callward.evidence.statement import period_of

_ITEMS: Final = "data/items.json"
_CLAUSES: Final = "data/clauses.json"
_SAME: Final = ("kind", "source", "newest", "facts")
"""What an item and its file both say."""


def check_items(pack: Pack) -> str:
    """Every item is what its file holds, and every file of evidence is an item's."""
    items = _items(pack)
    ids = {one.id for one in items}
    if len(ids) != len(items) or len({one.kind for one in items}) != len(items):
        raise IntegrityError("an evidence item is there twice")
    files = {name for name in pack.members if name.startswith(EVIDENCE)}
    wrong = files ^ {one.file for one in items}
    if wrong:
        raise IntegrityError(f"files and evidence items do not fit: {some(wrong)}")
    for one in items:
        _check_item(one, pack.read(one.file))
    return f"{len(items)}, each with the SHA-256 and the facts of its file"


def check_clauses(pack: Pack) -> str:
    """Every clause of the map has a verdict, and it is the one that the facts lead to."""
    said, told = pack.need_said(), json.loads(pack.text(_CLAUSES))
    if (said.predicate["notice"] or "") != told["notice_sha256"]:
        raise IntegrityError("the verdicts are on another notice than the pack's statement says")
    clauses = [_clause(one) for one in told["notice"].get("clauses", ())]
    items = _items(pack)
    _check_resting(pack, items, clauses)
    _check_binding(pack, items, clauses, told)
    judged = [one["clause"] for one in told["verdicts"]]
    if judged != [one.id for one in clauses]:
        different = set(judged) ^ {one.id for one in clauses}
        raise IntegrityError(f"clauses and verdicts do not fit: {some(different) or 'their order'}")
    if told["rules_sha256"] != rules_digest():
        raise NotCheckedError(
            f"{len(clauses)} clauses, each with a verdict; judged by the rules "
            f"{told['rules_sha256']}, which are not this verifier's ({rules_digest()}): use the "
            "verifier of the version that made the pack"
        )
    context = Context(said.period, _day(pack, told["judged_on"]))
    again = _decided(clauses, {one.kind: one for one in items}, context)
    wrong = [
        one["clause"] for one, other in zip(told["verdicts"], again, strict=True) if one != other
    ]
    if wrong:
        raise IntegrityError(f"the facts lead to other verdicts: {some(wrong)}")
    states = [one["state"] for one in again]
    counted = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    return f"{len(clauses)} verdicts follow from the facts ({counted or 'no clauses'})"


def _decided(
    clauses: Sequence[Clause], items: Mapping[str, Item], context: Context
) -> list[dict[str, Any]]:
    # Here, for it needs the system's time zones, which not every system has.
    from zoneinfo import ZoneInfoNotFoundError  # noqa: PLC0415 - wants time zones

    try:
        from callward.evidence.clauses.deciding import decide  # noqa: PLC0415 - same
        from callward.evidence.judges import JUDGES  # noqa: PLC0415 - same
    except ZoneInfoNotFoundError:
        raise NotCheckedError("this system has no time zones (install tzdata)") from None
    decided = decide(clauses, items, context, JUDGES)
    return [json.loads(json.dumps(verdict_json(one))) for one in decided]


def _check_item(item: Item, content: bytes) -> None:
    if hashlib.sha256(content).hexdigest() != item.digest:
        raise IntegrityError(f"{item.file} has not the SHA-256 that its evidence item says")
    document, told = json.loads(content), item_json(item)
    if document["period"] != [told["from"], told["to"]] or any(
        document[name] != told[name] for name in _SAME
    ):
        raise IntegrityError(f"{item.file} says other things than its evidence item")


def _check_resting(pack: Pack, items: Sequence[Item], clauses: Sequence[Clause]) -> None:
    told = [one["clauses"] for one in json.loads(pack.text(_ITEMS))]
    wrong = [
        item.kind for item, ids in zip(items, told, strict=True) if ids != resting_on(item, clauses)
    ]
    if wrong:
        raise IntegrityError(f"evidence items name other clauses than the map: {some(wrong)}")


def _check_binding(
    pack: Pack, items: Sequence[Item], clauses: Sequence[Clause], told: Mapping[str, Any]
) -> None:
    said = pack.need_said()
    version = said.predicate["software"].removeprefix("callward ")
    digests = {one.kind: one.digest for one in items}
    states = {one["clause"]: one["state"] for one in told["verdicts"]}
    found = bound(
        version,
        digests,
        told["missing"],
        told["notice_sha256"],
        said.period,
        rules=told["rules_sha256"],  # the pack's, which need not be this verifier's
        states=states_bound(clauses, states),
    )
    if found != said.predicate["binding"]:
        raise IntegrityError("the pack's statement is bound to other evidence than it holds")


def _day(pack: Pack, text: str) -> date:
    """The last day that counted: the period's last, or the one on which the pack was made."""
    said, day = pack.need_said(), date.fromisoformat(text)
    made = datetime.fromisoformat(said.predicate["made_at"]).date()
    if day > said.period.to_day or abs(day - min(said.period.to_day, made)) > timedelta(days=1):
        raise IntegrityError("the verdicts were made of another day than the pack's")
    return day


def _items(pack: Pack) -> list[Item]:
    return [_item(one) for one in json.loads(pack.text(_ITEMS))]


def _item(told: Mapping[str, Any]) -> Item:
    newest = told["newest"]
    found = Item(
        id=told["id"],
        kind=told["kind"],
        period=period_of(told),
        collected_at=datetime.fromisoformat(told["collected_at"]),
        source=told["source"],
        newest=None if newest is None else datetime.fromisoformat(newest),
        file=told["file"],
        digest=told["sha256"],
        facts=told["facts"],
    )
    if {**item_json(found), "clauses": told["clauses"]} != told:
        raise IntegrityError("an evidence item is malformed")
    return found


def _clause(told: Mapping[str, Any]) -> Clause:
    needs = tuple(
        Need(one["item"], one["fresh_days"], one["judge"], one["options"])
        for one in told["evidence"]
    )
    return Clause(
        id=told["id"],
        promise=told["promise"],
        title=told["title"],
        duty=told["duty"],
        legal_basis=tuple(told["legal_basis"]),
        iso27001=tuple(told["iso27001"]),
        ico=tuple(told["ico"]),
        owner=told["owner"],
        needs=needs,
    )

"""Evidence as plain JSON: how it is written, for whoever makes a pack and whoever checks it.

Pure, and part of the verifier that packs carry along.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from callward.errors import DefectError
from callward.evidence.clauses.model import Clause, Item, Period, Verdict

OF_THE_REVIEW: Final = frozenset({"reviews", "material-changes"})
"""Evidence that a review itself changes: its draft is not bound to it."""


def encoded(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Plain JSON that reads well; the same value gives the same bytes."""
    text = json.dumps(
        value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False, default=_plain
    )
    return text.encode() + b"\n"


def moment(value: datetime) -> str:
    """RFC 3339 in UTC, whole seconds; DefectError if it has no offset."""
    if value.tzinfo is None:
        raise DefectError("evidence needs moments with an offset")
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def item_json(item: Item, clauses: Iterable[Clause] = ()) -> dict[str, Any]:
    """An item as plain values, with the ids of those ``clauses`` that rest on it."""
    return {
        "id": item.id,
        "kind": item.kind,
        "clauses": resting_on(item, clauses),
        "from": item.period.from_day.isoformat(),
        "to": item.period.to_day.isoformat(),
        "collected_at": moment(item.collected_at),
        "source": item.source,
        "newest": None if item.newest is None else moment(item.newest),
        "file": item.file,
        "sha256": item.digest,
        "facts": item.facts,
    }


def resting_on(item: Item, clauses: Iterable[Clause]) -> list[str]:
    """The ids of the clauses that an item is to prove."""
    return [one.id for one in clauses if any(need.kind == item.kind for need in one.needs)]


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values, each finding with its sentence."""
    # Here, for judging needs the system's time zones, and the rest of this does not.
    from callward.evidence.judges import sentence  # noqa: PLC0415 - wants time zones

    return {
        "clause": verdict.clause,
        "state": verdict.state.value,
        "findings": [
            {
                "weight": one.weight.value,
                "code": one.code,
                "count": one.count,
                "about": list(one.about),
                "evidence": one.kind,
                "says": sentence(one),
            }
            for one in verdict.findings
        ],
    }


def states_bound(clauses: Iterable[Clause], states: Mapping[str, str]) -> dict[str, str]:
    """The verdicts (state by clause) that an approval is bound to.

    Left out are those of clauses that rest on what the review itself changes.
    """
    free = {one.id for one in clauses if any(need.kind in OF_THE_REVIEW for need in one.needs)}
    return {clause: state for clause, state in states.items() if clause not in free}


def bound(
    version: str,
    evidence: Mapping[str, str],
    missing: Iterable[str],
    notice: str,
    period: Period,
    *,
    rules: str,
    states: Mapping[str, str],
) -> str:
    """The digest (SHA-256, hex) that an approval of a draft is bound to.

    ``evidence``: the digest of each item by its kind; ``rules``: that of the rules by which it
    was judged; ``states``: what ``states_bound`` leaves of the verdicts. What the review itself
    changes is left out, so that a draft made again of the same evidence has the same.
    """
    told = {
        "rules": rules,
        "verdicts": dict(states),
        "callward": version,
        "evidence": {kind: one for kind, one in evidence.items() if kind not in OF_THE_REVIEW},
        "missing": sorted(missing),
        "notice": notice,
        "period": [period.from_day, period.to_day],
    }
    return hashlib.sha256(encoded(told)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise DefectError(f"evidence cannot hold a {type(value).__name__}")

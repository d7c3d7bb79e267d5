"""What became of the notice: the map, the evidence of a period, and a verdict on each clause."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from callward import __version__
from callward.evidence.clauses.deciding import Judge, decide
from callward.evidence.clauses.model import Context, Item, Period, Verdict
from callward.evidence.clauses.notice import as_json, notice_of
from callward.evidence.collectors import COLLECTORS
from callward.evidence.collectors.base import Collector
from callward.evidence.gathering import encoded, gather, moment, source_of
from callward.evidence.judges import JUDGES, sentence
from callward.evidence.model import Proof
from callward.instance import Instance

OF_THE_REVIEW: Final = frozenset({"reviews", "material-changes"})
"""Evidence that a review itself changes: its draft is not bound to it."""


def prove(
    instance: Instance,
    connection: sa.Connection,
    period: Period,
    collectors: Mapping[str, Collector] = COLLECTORS,
    judges: Mapping[str, Judge] = JUDGES,
) -> Proof:
    """Collect the evidence of a period and judge every clause. NoticeError for a bad map."""
    said = notice_of(instance.settings.home)
    gathered = gather(instance, connection, period, collectors)
    clauses = tuple(one.clause for one in said.value.clauses)
    context = Context(period, source_of(instance, connection, period).day)
    return Proof(
        notice=as_json(said.value),
        notice_digest=said.digest,
        clauses=clauses,
        items=gathered.items,
        files=gathered.files,
        failures=gathered.failures,
        verdicts=tuple(decide(clauses, gathered.items, context, judges)),
    )


def binding(proof: Proof, period: Period) -> str:
    """The digest (SHA-256, hex) that an approval of a draft is bound to.

    It covers map, period, version and the digest of all evidence but what the review
    itself changes; so a draft made again of the same evidence has the same.
    """
    bound = {
        "callward": __version__,
        "evidence": {
            kind: item.digest for kind, item in proof.items.items() if kind not in OF_THE_REVIEW
        },
        "missing": sorted(proof.failures),
        "notice": proof.notice_digest,
        "period": [period.from_day, period.to_day],
    }
    return hashlib.sha256(encoded(bound)).hexdigest()


def item_json(item: Item) -> dict[str, Any]:
    """An item as plain values."""
    return {
        "id": item.id,
        "kind": item.kind,
        "from": item.period.from_day.isoformat(),
        "to": item.period.to_day.isoformat(),
        "collected_at": moment(item.collected_at),
        "source": item.source,
        "newest": None if item.newest is None else moment(item.newest),
        "file": item.file,
        "sha256": item.digest,
        "facts": item.facts,
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values, each finding with its sentence."""
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

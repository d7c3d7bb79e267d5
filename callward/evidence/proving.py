"""What became of the notice: the map, the evidence of a period, and a verdict on each clause."""

from collections.abc import Mapping

import sqlalchemy as sa

from callward import __version__
from callward.evidence.clauses.deciding import Judge, decide
from callward.evidence.clauses.model import Context, Period
from callward.evidence.clauses.notice import as_json, notice_of
from callward.evidence.collectors import COLLECTORS
from callward.evidence.collectors.base import Collector
from callward.evidence.gathering import gather, source_of
from callward.evidence.judges import JUDGES
from callward.evidence.model import Proof
from callward.evidence.plain import (
    OF_THE_REVIEW,
    bound,
    item_json,
    states_bound,
    verdict_json,
)
from callward.evidence.sources import rules_digest
from callward.instance import Instance

__all__ = ["OF_THE_REVIEW", "binding", "item_json", "prove", "verdict_json"]


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
        day=context.day,
    )


def binding(proof: Proof, period: Period, version: str = __version__) -> str:
    """The digest (SHA-256, hex) that an approval of a draft is bound to.

    It covers map, period, version, the rules by which was judged, and the digest of all
    evidence and the verdicts but for what the review itself changes; so a draft made again of
    the same evidence has the same.
    """
    digests = {kind: item.digest for kind, item in proof.items.items()}
    states = {one.clause: one.state.value for one in proof.verdicts}
    return bound(
        version,
        digests,
        proof.failures,
        proof.notice_digest,
        period,
        rules=rules_digest(),
        states=states_bound(proof.clauses, states),
    )

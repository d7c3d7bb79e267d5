"""Planning transcription: which recordings have no transcript yet, and what is to be done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import held
from callward.clock import today
from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction, all_in_force
from callward.run import Run
from callward.speech.decision import Candidate, Refused, decide
from callward.speech.work import UNDECODABLE, engine

SCANNED = ("clean", "muted")
"""States of ``card_scans`` in which a recording was listened to, and dealt with."""
KINDS = ("recording", "voicemail")
BATCH = 100
"""Recordings per transaction, gate and ledger leaf: hours of work, so fewer than elsewhere."""


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """``wanted``: to transcribe, by controller; ``refused``: newly refused, with the code."""

    wanted: tuple[Candidate, ...]
    refused: tuple[tuple[Candidate, Refused], ...]

    def batches(self) -> Iterator[Sequence[Candidate]]:
        """Cut ``wanted`` into batches of one controller each."""
        for controller in sorted({one.controller for one in self.wanted}):
            mine = iter([one for one in self.wanted if one.controller == controller])
            while batch := list(islice(mine, BATCH)):
                yield batch


def plan_speech(instance: Instance, run: Run) -> SpeechPlan:
    """Decide for every live recording without a transcript; known refusals are not repeated.

    What counts is today, also in a run for an earlier day.
    """
    day = max(run.as_of, today(instance.clock))
    with instance.unit() as connection:
        in_force = all_in_force(connection, day)
        rows = connection.execute(_candidates(run, in_force)).all()
    wanted: list[Candidate] = []
    refused: list[tuple[Candidate, Refused]] = []
    for row in rows:
        facts = row.facts or {}
        candidate = Candidate(
            id=row.id,
            controller=row.controller,
            interaction_id=row.interaction_id,
            kind=row.kind,
            anchor_day=row.anchor_day,
            due_day=row.due_day,
            held=row.held,
            seconds=float(facts.get("seconds", 0)),
            channels=int(facts.get("channels", 0)),
            store_key=row.store_key or "",
            early=row.early,
            scanned=row.scanned in SCANNED,
        )
        version = in_force.get(row.controller)
        instruction = version.instruction if version else None
        code = decide(candidate, instruction, engine().languages, day)
        if code is None:
            wanted.append(candidate)
        elif code != row.code:
            refused.append((candidate, code))
    return SpeechPlan(tuple(wanted), tuple(refused))


def _candidates(
    run: Run, in_force: Mapping[str, VersionedInstruction]
) -> sa.Select[tuple[object, ...]]:
    objects, made = t.objects.c, t.transcriptions.c
    enabled = [
        controller
        for controller, version in in_force.items()
        if version.instruction.transcription.enabled
    ]
    undecided = sa.or_(
        made.state.is_(None),
        made.state == "failed",
        sa.and_(
            made.state == "refused",
            # Nothing new can be said of those whose controller still says no.
            sa.or_(objects.controller.in_(enabled), made.code != str(Refused.NO_INSTRUCTION)),
            # Nor by the engine that could make nothing of them.
            sa.not_(sa.and_(made.code.startswith(UNDECODABLE), made.engine == engine().name)),
        ),
    )
    query = (
        sa.select(
            objects.id,
            objects.controller,
            objects.interaction_id,
            objects.kind,
            objects.anchor_day,
            objects.due_day,
            objects.facts,
            objects.store_key,
            objects.early,
            made.code,
            held().label("held"),
            t.card_scans.c.state.label("scanned"),
        )
        .join(t.transcriptions, made.recording_id == objects.id, isouter=True)
        .join(t.card_scans, t.card_scans.c.object_id == objects.id, isouter=True)
        .where(
            objects.state == "live",
            objects.superseded_at.is_(None),
            objects.kind.in_(KINDS),
            objects.controller.not_in(sorted(run.unclear)),
            undecided,
        )
        .order_by(objects.controller, objects.id)
    )
    return query if run.controller is None else query.where(objects.controller == run.controller)

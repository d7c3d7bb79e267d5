"""Planning transcription: which recordings have no transcript yet, by which engine, in shards."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import held
from callward.clock import today
from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction, all_in_force
from callward.run import Run
from callward.speech.decision import Candidate, Refused, choose, decide
from callward.speech.options import Options, options
from callward.speech.work import UNDECODABLE

SCANNED = ("clean", "muted")
"""States of ``card_scans`` in which a recording was listened to, and dealt with."""
KINDS = ("recording", "voicemail")
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Recordings of one controller for one engine: one transaction, gate and ledger leaf.

    The longest come first, so that no worker is left with one at the end.
    """

    controller: str
    engine: str
    recordings: tuple[Candidate, ...]

    @property
    def work(self) -> float:
        """Seconds of audio, every channel counted."""
        return sum(one.work for one in self.recordings)


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """``shards``: what to transcribe, in order; ``refused``: newly refused, with the code."""

    shards: tuple[Shard, ...]
    refused: tuple[tuple[Candidate, str], ...]

    @property
    def work(self) -> float:
        """Seconds of audio, every channel counted."""
        return sum(shard.work for shard in self.shards)


def plan_speech(
    instance: Instance, run: Run, under_way: Collection[str] = frozenset()
) -> SpeechPlan:
    """Decide for every live recording without a transcript; known refusals are not repeated.

    What counts is today, also in a run for an earlier day. ``under_way``: recordings
    that somebody is transcribing.
    """
    day = max(run.as_of, today(instance.clock))
    with instance.unit() as connection:
        in_force = all_in_force(connection, day)
        may_be_asked = options(instance, connection, run.unclear_register)
        rows = connection.execute(_candidates(run, in_force)).all()
    wanted: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    refused: list[tuple[Candidate, str]] = []
    for row in rows:
        if row.id in under_way:
            continue
        candidate = candidate_of(row)
        version = in_force.get(row.controller)
        engine, code = pick(candidate, version, may_be_asked, day)
        title = may_be_asked.titles.get(engine, "")
        if code is None and not candidate.redo and _heard_in_vain(row, title):
            continue
        if code is None:
            wanted[row.controller, engine].append(candidate)
        elif candidate.redo or code != row.code:  # a wish is always answered
            refused.append((candidate, code))
    settings = instance.settings
    shards = [
        Shard(controller, engine, part)
        for (controller, engine), mine in sorted(wanted.items())
        for part in cut(mine, settings.shard_recordings, settings.shard_seconds)
    ]
    return SpeechPlan(tuple(fair(shards, settings.shares)), tuple(refused))


def still_planned(instance: Instance, run: Run, engine: str, ids: Sequence[str]) -> list[Candidate]:
    """Those of a shard's recordings that a plan would still say something new of.

    In the shard's order. What an attempt cut short has recorded is not among them.
    """
    day = max(run.as_of, today(instance.clock))
    found: list[Candidate] = []
    with instance.unit() as connection:
        in_force = all_in_force(connection, day)
        may_be_asked = options(instance, connection, run.unclear_register)
        for start in range(0, len(ids), _AT_ONCE):
            some = t.objects.c.id.in_(ids[start : start + _AT_ONCE])
            for row in connection.execute(_candidates(run, in_force).where(some)):
                candidate = candidate_of(row)
                _, code = pick(candidate, in_force.get(row.controller), may_be_asked, day)
                in_vain = code is None and _heard_in_vain(row, may_be_asked.titles.get(engine, ""))
                if not in_vain and (code is None or code != row.code):
                    found.append(candidate)
    return sorted(found, key=lambda one: -one.work)


def pick(
    candidate: Candidate, version: VersionedInstruction | None, may_be_asked: Options, day: date
) -> tuple[str, str | None]:
    """The name of the engine that a recording goes to; else empty, and why to none."""
    instruction = version.instruction if version else None
    names = instruction.transcription.engines if instruction else ()
    if candidate.redo:
        code = decide(candidate, instruction, may_be_asked.get(candidate.redo), day)
        return ("", code) if code else (candidate.redo, None)
    option, code = choose(candidate, instruction, [may_be_asked.get(n) for n in names], day)
    return option.name if option else "", code


def cut(
    candidates: Iterable[Candidate], most: int, seconds: float
) -> Iterator[tuple[Candidate, ...]]:
    """Parts of at most ``most`` recordings and ``seconds`` of audio, one at least in each."""
    part: list[Candidate] = []
    work = 0.0
    for one in candidates:
        if part and (len(part) >= most or work + one.work > seconds):
            yield tuple(sorted(part, key=lambda each: -each.work))
            part, work = [], 0.0
        part.append(one)
        work += one.work
    if part:
        yield tuple(sorted(part, key=lambda each: -each.work))


def fair(shards: Sequence[Shard], shares: Mapping[str, int]) -> Iterator[Shard]:
    """Shards so ordered that every controller's work goes on in proportion to its share.

    A share is 1 unless set. Whoever has had least for its share is next; within a
    controller the order stays.
    """
    waiting: dict[str, list[Shard]] = defaultdict(list)
    for shard in reversed(shards):
        waiting[shard.controller].append(shard)
    had = dict.fromkeys(sorted(waiting), 0.0)
    while had:
        controller = min(had, key=lambda one: (had[one], one))
        shard = waiting[controller].pop()
        yield shard
        had[controller] += (shard.work + 1) / shares.get(controller, 1)
        if not waiting[controller]:
            del had[controller]


def candidate_of(row: sa.Row[*tuple[Any, ...]]) -> Candidate:
    """A recording as ``about_recordings`` has found it."""
    facts = row.facts or {}
    return Candidate(
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
        redo=row.wanted or "",
    )


def _heard_in_vain(row: sa.Row[*tuple[Any, ...]], title: str) -> bool:
    """Whether this very engine could make nothing of it already."""
    return (row.code or "").startswith(UNDECODABLE) and row.engine == title


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
        made.wanted.is_not(None),
        sa.and_(
            made.state == "refused",
            # Nothing new can be said of those whose controller still says no.
            sa.or_(objects.controller.in_(enabled), made.code != str(Refused.NO_INSTRUCTION)),
        ),
    )
    query = (
        about_recordings()
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


def about_recordings() -> sa.Select[tuple[object, ...]]:
    """All that a decision on a recording asks the catalogue, and what was made of it."""
    objects, made = t.objects.c, t.transcriptions.c
    return (
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
            made.engine,
            made.wanted,
            objects.state,
            objects.superseded_at,
            made.transcript_id,
            made.state.label("made"),
            held().label("held"),
            t.card_scans.c.state.label("scanned"),
        )
        .join(t.transcriptions, made.recording_id == objects.id, isouter=True)
        .join(t.card_scans, t.card_scans.c.object_id == objects.id, isouter=True)
    )

"""Planning the scan: which recordings nobody has listened to for card numbers yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from callward.cardscan.work import ENGINE
from callward.catalogue import tables as t
from callward.catalogue.held import held
from callward.clock import today
from callward.instance import Instance
from callward.instructions.registry import all_in_force
from callward.retention.due import KEPT
from callward.run import Run
from callward.speech.plan import KINDS, SCANNED

SCAN: Final = "scan"
UNSCANNABLE: Final = "unscannable"
"""State of a scan that the same engine need not try again; what is known is kept with it."""
HEARD: Final = (*KINDS, "attachment")
"""Kinds of objects that may be audio; those that are have ``facts``."""
BATCH: Final = 100
"""Recordings per transaction, gates and ledger leaf."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording that is kept, to listen to, or to mute where ``known`` says (seconds).

    ``state`` is that of its scan before this one, "" where there was none. ``refused``:
    it is in quarantine.
    """

    id: str
    controller: str
    interaction_id: str | None
    kind: str
    retention_class: str
    anchor_day: date
    due_day: date | None
    store_key: str
    size: int
    seconds: float
    channels: int
    rate: int
    samples: int
    held: bool
    refused: bool
    state: str
    known: tuple[tuple[float, float], ...]
    mode: str

    @property
    def listen(self) -> bool:
        """Whether it has to be listened to, as well as muted where a number is known."""
        return self.state in ("", "failed", UNSCANNABLE) and self.mode == SCAN


def plan_scan(instance: Instance, run: Run, *, found_only: bool = False) -> list[Candidate]:
    """Every recording to be listened to, by controller; those first found to hold a number.

    Also in quarantine, if ingest could decode it: it may be kept there until it is due.
    What is due by ``run``'s day or to be erased goes anyway, unless it is on hold.
    A controller without an instruction in force has told us nothing else: it is scanned.
    ``found_only``: those alone of which a transcript showed a number.
    """
    day = max(run.as_of, today(instance.clock))
    with instance.unit() as connection:
        modes = {
            controller: str(version.instruction.card_data)
            for controller, version in all_in_force(connection, day).items()
        }
        rows = connection.execute(_candidates(run, found_only=found_only)).all()
    every = [_candidate(row, modes.get(row.controller, SCAN)) for row in rows]
    return [one for one in every if is_wanted(one, day)]


def is_wanted(one: Candidate, day: date) -> bool:
    """Whether anything is to be done about a recording that has not been dealt with."""
    if one.due_day is not None and one.due_day <= day and not one.held:
        return False
    return bool(one.known) or (one.mode == SCAN and one.state not in SCANNED)


def batches(wanted: Sequence[Candidate]) -> Iterator[Sequence[Candidate]]:
    """Cut into batches of one controller each."""
    for controller in sorted({one.controller for one in wanted}):
        mine = iter([one for one in wanted if one.controller == controller])
        while batch := list(islice(mine, BATCH)):
            yield batch


def _candidates(run: Run, *, found_only: bool) -> sa.Select[tuple[Any, ...]]:
    objects, scans = t.objects.c, t.card_scans.c
    undone = (
        scans.state == "found"
        if found_only
        else sa.or_(scans.state.is_(None), scans.state.not_in(SCANNED))
    )
    given_up = sa.and_(scans.state == UNSCANNABLE, scans.engine == ENGINE)
    query = (
        sa.select(
            objects.id,
            objects.controller,
            objects.interaction_id,
            objects.kind,
            objects.retention_class,
            objects.anchor_day,
            objects.due_day,
            objects.store_key,
            objects.size,
            objects.facts,
            objects.state.label("kept"),
            scans.state,
            scans.spans,
            held().label("held"),
        )
        .join(t.card_scans, scans.object_id == objects.id, isouter=True)
        .where(
            objects.state.in_(KEPT),
            ~objects.early,
            objects.kind.in_(HEARD),
            sa.cast(objects.facts, sa.Text) != "null",
            objects.controller.not_in(sorted(run.unclear)),
            undone,
            sa.or_(scans.state.is_(None), ~given_up),
        )
        .order_by(objects.controller, scans.state.is_(None), objects.id)
    )
    return query if run.controller is None else query.where(objects.controller == run.controller)


def _candidate(row: sa.Row[Any], mode: str) -> Candidate:
    facts = row.facts or {}
    return Candidate(
        id=row.id,
        controller=row.controller,
        interaction_id=row.interaction_id,
        kind=row.kind,
        retention_class=row.retention_class,
        anchor_day=row.anchor_day,
        due_day=row.due_day,
        store_key=row.store_key or "",
        size=row.size,
        seconds=float(facts.get("seconds", 0)),
        channels=int(facts.get("channels", 0)),
        rate=int(facts.get("rate", 0)),
        samples=int(facts.get("samples", 0)),
        held=row.held,
        refused=row.kept == "quarantined",
        state=row.state or "",
        known=tuple((float(start), float(end)) for start, end in row.spans or ()),
        mode=mode,
    )

"""Having recordings transcribed again, by another engine that a person names.

The wish is entered now, and the next run of the stage sees to it, with the decision made
anew (``plan.pick``): what the instruction does not allow, nobody can wish for.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import NotFoundError, OperatorError, SettingsError, ShreddedError
from callward.instance import Instance
from callward.instructions.periods import CEILING
from callward.instructions.periods import due_day as due_day_of
from callward.instructions.registry import all_in_force
from callward.ledger import log
from callward.retention.notes import seal_note
from callward.speech.options import options
from callward.speech.plan import KINDS, about_recordings, candidate_of, pick

WANTED: Final = "transcription-wanted"
MOST: Final = 1_000
"""Ids in one wish, at most."""
_Row = sa.Row[*tuple[Any, ...]]


class EngineUnknownError(OperatorError):
    """The settings have no transcription engine of the name given."""

    code = "engine-unknown"


class RedoRefusedError(OperatorError):
    """The recording cannot be transcribed again: it is not kept, or was not transcribed yet."""

    code = "redo-refused"


@dataclass(frozen=True, slots=True)
class Redo:
    """A recording that is to be transcribed again; ``transcript``: what there is until then.

    ``outlook``: why it would be refused as things stand now (a code); empty: it would not.
    ``new``: False if it was wanted already, by that engine.
    """

    recording: str
    controller: str
    transcript: str | None
    engine: str
    outlook: str
    new: bool

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def want_again(
    instance: Instance, ids: Collection[str], engine: str, reason: str, *, dry_run: bool = False
) -> tuple[Redo, ...]:
    """Have recordings (by their ids or their transcripts') transcribed again; sorted by id.

    Nothing is changed if any of them cannot be, or by ``dry_run``. EngineUnknownError;
    NotFoundError or ShreddedError, for no recording of ours, or one that is gone;
    RedoRefusedError.
    """
    if not ids or len(ids) > MOST:
        raise SettingsError(f"from 1 to {MOST} recordings are transcribed again at a time")
    if not reason.strip():
        raise SettingsError("a transcription again needs a reason")
    if engine not in instance.settings.engines:
        raise EngineUnknownError("the settings have no engine of that name")
    if dry_run:
        with instance.reading() as connection:
            rows = _resolve(connection, ids, lock=False)
            return _outlook(instance, connection, rows, engine)
    with instance.unit() as connection:
        instance.vault.generation(connection, lock=True)  # before any row, as a turn does
        rows = _resolve(connection, ids, lock=True)
        wanted = _outlook(instance, connection, rows, engine)
        _enter(connection, instance, [one for one in wanted if one.new], reason)
    return wanted


def _resolve(connection: sa.Connection, ids: Collection[str], *, lock: bool) -> Sequence[_Row]:
    """The recordings that are meant, each once; raises for what is none, or not kept."""
    named = {one: _recording_of(connection, one) for one in sorted(set(ids))}
    wanted = sorted(set(named.values()))
    if lock:  # a shard that is being recorded meanwhile has the wish, or leaves it
        made = t.transcriptions.c
        mine = sa.select(made.recording_id).where(made.recording_id.in_(wanted))
        connection.execute(mine.order_by(made.recording_id).with_for_update())
    query = about_recordings().where(t.objects.c.id.in_(wanted)).order_by(t.objects.c.id)
    rows = {row.id: row for row in connection.execute(query)}
    for one, recording in named.items():
        _check(one, rows[recording])
    return [rows[one] for one in wanted]


def _recording_of(connection: sa.Connection, one: str) -> str:
    objects, made = t.objects.c, t.transcriptions.c
    query = (
        sa.select(objects.id, objects.kind, made.recording_id)
        .join(t.transcriptions, made.transcript_id == objects.id, isouter=True)
        .where(objects.id == one)
    )
    row = connection.execute(query).one_or_none()
    if row is None or row.kind not in (*KINDS, "transcript"):
        raise NotFoundError(f"no recording or transcript {one}")
    if row.kind in KINDS:
        return one
    if row.recording_id is None:
        raise NotFoundError(f"{one} is no transcript that a recording has from here")
    return str(row.recording_id)


def _check(one: str, row: _Row) -> None:
    if row.state == "shredded":
        raise ShreddedError(f"the recording of {one} has been destroyed")
    if row.state != "live" or row.early or row.superseded_at is not None:
        raise RedoRefusedError(f"the recording of {one} is in quarantine, replaced, or to go")
    if row.made is None:
        raise RedoRefusedError(f"{one} has not been transcribed yet; the next run decides on it")


def _outlook(
    instance: Instance, connection: sa.Connection, rows: Sequence[_Row], engine: str
) -> tuple[Redo, ...]:
    """What would become of each, as things stand."""
    day = today(instance.clock)
    in_force, may_be_asked = all_in_force(connection, day), options(instance, connection, ())
    found = []
    for row in rows:
        candidate = replace(candidate_of(row), redo=engine)
        _, code = pick(candidate, in_force.get(row.controller), may_be_asked, day)
        found.append(
            Redo(
                row.id,
                row.controller,
                row.transcript_id,
                engine,
                str(code or ""),
                row.wanted != engine,
            )
        )
    return tuple(found)


def _enter(
    connection: sa.Connection, instance: Instance, wanted: Sequence[Redo], reason: str
) -> None:
    """Set the wish, with its sealed reason, and say so in the ledger."""
    now, made = instance.clock.now(), t.transcriptions.c
    due = due_day_of(today(instance.clock), CEILING)
    notes = {
        controller: seal_note(connection, instance, controller, "redo-reason", reason, due_day=due)
        for controller in sorted(_by_controller(wanted))
    }
    log.lock(connection)  # pages first, as everybody takes them
    for controller, mine in sorted(_by_controller(wanted).items()):
        connection.execute(
            t.transcriptions.update()
            .where(made.recording_id.in_([one.recording for one in mine]))
            .values(wanted=mine[0].engine)
        )
        body = {"reason_id": notes[controller]}
        items = [log.Item(one.recording, {**body, "of": one.transcript}) for one in mine]
        ids = {"controller": controller, "engine": mine[0].engine}
        log.append(connection, WANTED, items, at=now, ids=ids)


def _by_controller(wanted: Sequence[Redo]) -> Mapping[str, list[Redo]]:
    found: dict[str, list[Redo]] = defaultdict(list)
    for one in wanted:
        found[one.controller].append(one)
    return found

"""What went to whom: disclosures of recordings to sub-processors, batch by batch (promise N8).

Announced, with every recording that may go, before the first one does; ended with those
that went. What was cut short in between counts as disclosed whole, for nobody can know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.enginesettings import Place
from callward.errors import DefectError, IntegrityError
from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction
from callward.ledger import log
from callward.run import Run
from callward.speech.decision import Candidate
from callward.speech.frames import Heard
from callward.speech.work import Undecodable
from callward.vault.storing import StoreError, StoreRefusesError

ANNOUNCED: Final = "disclosure-announced"
ENDED: Final = "disclosed"
_KEPT_HERE: Final = frozenset(
    one.code for one in (IntegrityError, DefectError, StoreError, StoreRefusesError)
)
"""Codes of what never came as far as the engine."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One batch on its way to a sub-processor."""

    id: str
    controller: str
    place: Place


def announce(
    instance: Instance,
    run: Run,
    version: VersionedInstruction,
    place: Place,
    engine: str,
    recordings: Sequence[Candidate],
) -> Disclosure:
    """Enter what may go, to whom, where and by which instruction, before any of it does."""
    now, controller = instance.clock.now(), version.instruction.controller
    made = Disclosure(token_hex(16), controller, place)
    row = {
        "id": made.id,
        "night": run.night,
        "controller": controller,
        "sub_processor": place.sub_processor,
        "country": place.country,
        "engine": engine,
        "instruction": version.digest,
        "state": "announced",
        "recordings": len(recordings),
        "seconds": sum(one.work for one in recordings),
        "begun_at": now,
        "ended_at": None,
    }
    ids = {**_ids(made), "night": run.night, "engine": engine, "instruction": version.digest}
    with instance.unit() as connection:
        connection.execute(t.disclosures.insert().values(**row))
        items = [log.Item(one.id) for one in recordings]
        log.append(connection, ANNOUNCED, items, at=now, ids=ids)
    return made


def end(instance: Instance, made: Disclosure, sent: Sequence[Candidate]) -> None:
    """Enter what went, whether or not anything came back."""
    now, row = instance.clock.now(), t.disclosures.c
    seconds = sum(one.work for one in sent)
    with instance.unit() as connection:
        connection.execute(
            t.disclosures.update()
            .where(row.id == made.id)
            .values(state="ended", recordings=len(sent), seconds=seconds, ended_at=now)
        )
        items = [log.Item(one.id) for one in sent]
        counts = {"recordings": len(sent), "seconds": round(seconds)}
        log.append(connection, ENDED, items, at=now, ids=_ids(made), counts=counts)


def went(given: Sequence[Candidate], heard: Sequence[Heard]) -> list[Candidate]:
    """What of ``given`` may have gone, or did: all but what could not even be opened or decoded."""
    here = {
        one.recording.id
        for one in heard
        if isinstance(one.result, Undecodable) or one.result in _KEPT_HERE
    }
    return [one for one in given if one.id not in here]


def listing(
    connection: sa.Connection, *, controller: str | None = None, sub_processor: str | None = None
) -> list[dict[str, Any]]:
    """Disclosures, the oldest first: what went to whom, where, when, and by which instruction.

    The instruction is told by its version, too, as its file may be gone.
    """
    row, told = t.disclosures.c, t.instructions.c
    version = (
        sa.select(sa.func.max(told.version))
        .where(told.controller == row.controller, told.digest == row.instruction)
        .scalar_subquery()
    )
    query = sa.select(
        row.begun_at,
        row.controller,
        row.sub_processor,
        row.country,
        row.engine,
        row.recordings,
        row.seconds,
        row.state,
        version.label("version"),
        row.instruction,
        row.night,
        row.ended_at,
        row.id,
    ).order_by(row.begun_at, row.id)
    if controller is not None:
        query = query.where(row.controller == controller)
    if sub_processor is not None:
        query = query.where(row.sub_processor == sub_processor)
    found = connection.execute(query).mappings()
    return [{**one, "seconds": round(one["seconds"], 1)} for one in found]


def _ids(made: Disclosure) -> dict[str, str]:
    return {
        "disclosure": made.id,
        "controller": made.controller,
        "sub_processor": made.place.sub_processor,
        "country": made.place.country,
    }

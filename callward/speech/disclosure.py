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
from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction
from callward.ledger import log
from callward.run import Run
from callward.speech.decision import Candidate

ANNOUNCED: Final = "disclosure-announced"
ENDED: Final = "disclosed"


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


def of_controller(connection: sa.Connection, controller: str) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Every disclosure of a controller's recordings, the oldest first."""
    row = t.disclosures.c
    query = sa.select(t.disclosures).where(row.controller == controller).order_by(row.begun_at)
    return connection.execute(query).all()


def _ids(made: Disclosure) -> dict[str, str]:
    return {
        "disclosure": made.id,
        "controller": made.controller,
        "sub_processor": made.place.sub_processor,
        "country": made.place.country,
    }

"""How many recordings may be with an engine at the same time, over all workers.

A sub-processor's cap (``at_once``) is so many slots, each a lease in our database:
gone with its worker, on whatever machine. Engines of our own need none.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.enginesettings import EngineSettings
from callward.errors import OperatorError
from callward.instance import Instance
from callward.intake.claims import Claims, database_now, forget_dead
from callward.workers import Workers

_EVERY: Final = 1.0
Sleep = Callable[[float], None]


class SlotsTakenError(OperatorError):
    """As many recordings as a sub-processor may have at once are with it already."""

    code = "slots-taken"


def cap_of(engine: EngineSettings) -> int | None:
    """How many recordings the engine's sub-processor may have at once; None: it has none."""
    if not engine.place.sub_processor:
        return None
    return getattr(engine, "at_once", None)


@contextmanager
def listeners(instance: Instance, workers: Workers, engine: str) -> Iterator[Workers]:
    """For a run that is alone: ``workers``, or fewer if the engine may not be asked by so many."""
    cap = cap_of(instance.settings.engines[engine])
    with _at_most(instance, cap, workers) as fitting:
        yield fitting


@contextmanager
def slots(
    instance: Instance, claims: Claims, engine: str, patience: float, sleep: Sleep = time.sleep
) -> Iterator[Workers]:
    """For one worker among others: as many processes as it has got slots, one at least.

    SlotsTakenError if there was none for ``patience`` seconds.
    """
    cap, mine = cap_of(instance.settings.engines[engine]), list[str]()
    try:
        if cap is not None:
            mine = _take(instance, claims, engine, cap, patience, sleep)
        with _at_most(instance, len(mine) or None) as workers:
            yield workers
    finally:
        if mine:
            claims.release(*mine)


@contextmanager
def _at_most(
    instance: Instance, most: int | None, workers: Workers | None = None
) -> Iterator[Workers]:
    fewer = 0 if most is None else min(0, most - instance.settings.processes)
    if workers is not None and not fewer:
        yield workers
        return
    with instance.workers(extra=fewer) as own:
        yield own


def _take(
    instance: Instance, claims: Claims, engine: str, cap: int, patience: float, sleep: Sleep
) -> list[str]:
    wanted, waited = min(cap, instance.settings.processes), 0.0
    while True:
        mine: list[str] = []
        for name in _free(instance, engine, cap):
            if len(mine) < wanted and claims.claim(name):
                mine.append(name)
        if mine:
            return mine
        if waited >= patience:
            raise SlotsTakenError(f"all {cap} slots of engine {engine} are taken")
        sleep(_EVERY)
        waited += _EVERY


def _free(instance: Instance, engine: str, cap: int) -> list[str]:
    """Names of slots that nobody had a moment ago."""
    names = [f"slot:{engine}:{number}" for number in range(cap)]
    lease = t.leases.c
    with instance.unit() as connection:
        forget_dead(connection)
        taken = sa.select(lease.name).where(
            lease.name.startswith(f"slot:{engine}:", autoescape=True),
            lease.until > database_now(connection),
        )
        held = set(connection.scalars(taken))
    return [name for name in names if name not in held]

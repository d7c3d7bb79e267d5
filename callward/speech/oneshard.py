"""A worker's part: take one shard, transcribe it, end it. Its id is all that it is told."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from callward.catalogue.guard import sharing
from callward.errors import SettingsError, scrubbed
from callward.gatebook import KeptGates
from callward.gates import Gates
from callward.instance import Instance
from callward.intake.claims import Claims, LeaseLostError
from callward.run import StageReport, Work
from callward.speech.options import options
from callward.speech.plan import Shard, still_planned
from callward.speech.shards import Held, Taken, is_wanted, take
from callward.speech.slots import Sleep, SlotsTakenError, slots
from callward.speech.stage import STAGE, transcribe_shard

NOT_NEEDED = "NotNeeded"
"""Outcome of a run whose shard another has, or that nobody waits for any more."""
_BEATS = 4


def do_shard(
    instance: Instance,
    gates: Gates,
    shard_id: str,
    *,
    patience: float = 60,
    sleep: Sleep = time.sleep,
) -> StageReport:
    """Transcribe a shard that a night has handed out; its counts.

    Raises CallwardErrors only: SettingsError if this machine cannot have the engine,
    BusyError if somebody has the catalogue alone, LeaseLostError with nothing more
    recorded if the shard was lost meanwhile, SlotsTakenError if the sub-processor's slots
    stayed taken for ``patience`` seconds. All others end the shard as failed.
    """
    report = StageReport(STAGE)
    with instance.unit() as connection:
        # Asked before the guard: what is stale must not keep others from being alone.
        wanted = is_wanted(connection, shard_id)
        if wanted is not None:
            _require(instance, connection, wanted[1])
    if wanted is not None:
        seconds = instance.settings.shard_lease_seconds
        with (
            sharing(instance.engine) as holder,
            Claims(instance.engine, holder, seconds) as claims,
        ):
            taken = take(instance, claims, shard_id, instance.settings.shard_attempts)
            if taken is not None:
                return _do(instance, gates, claims, taken, patience, sleep)
    report.outcome = NOT_NEEDED
    return report


def _require(instance: Instance, connection: sa.Connection, engine: str) -> None:
    """A machine that lacks an engine must not have recordings refused for that."""
    option = options(instance, connection, ()).get(engine)
    if option is None:
        raise SettingsError(f"the settings of this machine have no engine {engine}")
    if option.fault:
        raise SettingsError(f"this machine cannot have engine {engine}: {option.fault}")


def _do(
    instance: Instance, gates: Gates, claims: Claims, taken: Taken, patience: float, sleep: Sleep
) -> StageReport:
    held = Held(claims, taken.id)
    with _ending(instance, held), slots(instance, claims, taken.engine, patience, sleep) as workers:
        run = taken.run
        wanted = still_planned(instance, run, taken.engine, taken.recordings)
        shard = Shard(taken.controller, taken.engine, tuple(wanted))
        work = Work(KeptGates(gates, instance, run), _watch(instance, held))
        report = transcribe_shard(instance, work, run, workers, shard, held)
        with instance.unit() as connection:
            held.close(connection, report.counts.get(taken.controller, {}))
    return report


def _watch(instance: Instance, held: Held) -> Callable[[int, int], None]:
    """Stops between two recordings if the shard was lost; asked now and then."""
    every = instance.settings.shard_lease_seconds / _BEATS
    asked = time.monotonic()

    def told(_done: int, _known: int) -> None:
        nonlocal asked
        if time.monotonic() - asked < every:
            return
        asked = time.monotonic()
        with instance.unit() as connection:
            held.check(connection)

    return told


@contextmanager
def _ending(instance: Instance, held: Held) -> Iterator[None]:
    """Say in the row how it went wrong; a shard that was lost is not ours to end."""
    try:
        yield
    except LeaseLostError:
        raise
    except SlotsTakenError:
        with instance.unit() as connection:
            held.give_back(connection)
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not get out
        known = scrubbed(error)
        with instance.unit() as connection:
            held.fail(connection, known.code, str(known))
        raise known from None

"""A parent's part: write the shards down, hand them out to the pool, wait for what comes of them.

It waits by looking at our own database. The pool may forget a run, or its server may
be away for a while: what workers have taken they finish and record all the same.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from callward.catalogue.guard import BusyError, exclusive, gone
from callward.errors import CallwardError, OperatorError
from callward.instance import Instance
from callward.intake.claims import Claims, LeaseLostError, database_now
from callward.run import EngineFigures, Run, StageReport, Work
from callward.speech import shards as rows
from callward.speech.plan import Shard
from callward.speech.record import STAGE
from callward.speech.shards import Ended
from callward.speech.sharing import Limits, Standing, State, finished, moves, seconds_done
from callward.speech.slots import Sleep

PARENT: Final = "shards:parent"
"""The lease of whoever hands out shards."""
_EVERY: Final = 1.0
_STEP: Final = 0.2
_NAMED: Final = 20


class PoolMissingError(OperatorError):
    """There is no pool that shards could be handed out to."""

    code = "work-pool-missing"


class PoolUnreachableError(OperatorError):
    """Prefect's server did not take a shard; it is tried again."""

    code = "work-pool-unreachable"


class ShardLostError(OperatorError):
    """Workers have died over a shard as often as the settings allow; the next night goes on."""

    code = "shard-lost"


class ShardNotTakenError(OperatorError):
    """No worker has taken a shard for as long as the night waited; the next tries again."""

    code = "shard-not-taken"


class ShardNotDoneError(OperatorError):
    """A worker was still at a shard when the night had waited long enough."""

    code = "shard-not-done"


_SAID: Final = {one.code: one for one in (ShardLostError, ShardNotTakenError, ShardNotDoneError)}


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A shard on its way to the pool; ``name``: ids and counts, ``times``: how often before."""

    id: str
    name: str
    times: int


HandOut = Callable[[HandedOut], None]
"""Gives a shard to the pool; PoolMissingError, or PoolUnreachableError to be asked again."""


@dataclass(slots=True)
class Parent:
    """Whoever has planned shards and waits for them; one on a catalogue at a time."""

    instance: Instance
    work: Work
    run: Run
    claims: Claims
    hand_out: HandOut
    sleep: Sleep = time.sleep
    watch: Callable[[], float] = time.monotonic
    left: dict[str, frozenset[str]] = field(default_factory=dict)
    """Shards of a parent that is gone which living workers are at, and their recordings."""
    _names: dict[str, str] = field(default_factory=dict)
    _trouble: str = ""

    def find_left(self) -> frozenset[str]:
        """Abandon what an earlier parent has left, but for what somebody is at: its recordings."""
        if not self.claims.claim(PARENT):
            raise BusyError("another run hands out shards of this catalogue")
        with self.instance.unit() as connection:
            self.left = rows.under_way(connection)
        return frozenset().union(*self.left.values())

    def share_out(self, planned: Sequence[Shard]) -> StageReport:
        """Have ``planned`` done by the pool's workers, and wait for all of it."""
        made = rows.write_shards(self.instance, self.run, planned, self.claims.holder)
        self._names = {
            shard_id: f"{shard.controller} shard {number}, {shard.engine}, "
            f"{len(shard.recordings)} recordings"
            for number, (shard_id, shard) in enumerate(made.items(), start=1)
        }
        ids = [*self.left, *made]
        failures: list[str] = []
        try:
            self._wait(ids)
        except CallwardError as error:
            failures.append(str(error))
        finally:
            # Whatever has ended the waiting, nobody takes what nobody waits for.
            self._give_up()
        with self.instance.reading() as connection:
            report = self._report(rows.how_ended(connection, ids))
        report.failures[:0] = failures
        return report

    def _wait(self, ids: Collection[str]) -> None:
        until = self.watch() + 60 * self.instance.settings.shard_wait_minutes
        while True:
            standing, wanted = self._look(ids)
            whole = sum(one.seconds for one in standing)
            self.work.progress(round(seconds_done(standing)), round(whole))
            if finished(standing) or self.watch() >= until:
                return
            times = {one.id: one.handed_out for one in standing}
            for shard_id in wanted:
                if not self._hand_out(shard_id, times[shard_id]):
                    break
            self.sleep(_EVERY)

    def _look(self, ids: Collection[str]) -> tuple[list[Standing], Sequence[str]]:
        """How things stand, after the moves they call for; which are to be handed out."""
        settings, holder = self.instance.settings, self.claims.holder
        patience = timedelta(seconds=settings.shard_lease_seconds)
        with self.instance.unit() as connection:
            self.claims.still_mine(connection, PARENT)
            if gone(connection, [holder]):
                raise LeaseLostError("the run that hands out shards has lost its session")
            standing = rows.standings(connection, holder, ids)
            now = database_now(connection)
            wanted = moves(standing, now, Limits(settings.shard_attempts, patience))
            rows.free(connection, [one for one in standing if one.id in wanted.freed])
            rows.abandon(connection, wanted.lost, ShardLostError.code)
            rows.abandon(connection, wanted.stopped, "controller-stopped")
            if wanted.lost or wanted.stopped:
                standing = rows.standings(connection, holder, ids)
        return standing, wanted.hand_out

    def _hand_out(self, shard_id: str, times: int) -> bool:
        try:
            self.hand_out(HandedOut(shard_id, self._names[shard_id], times))
        except PoolUnreachableError as error:
            self._trouble = str(error)
            return False
        self._trouble = ""
        with self.instance.unit() as connection:
            rows.handed_out(connection, shard_id)
        return True

    def _give_up(self) -> None:
        """Abandon what has not ended; workers notice between two recordings."""
        with self.instance.unit() as connection:
            rest = rows.standings(connection, self.claims.holder, list(self.left))
            for state, error in (
                (State.PLANNED, ShardNotTakenError),
                (State.TAKEN, ShardNotDoneError),
            ):
                rows.abandon(connection, [one.id for one in rest if one.state is state], error.code)

    def _report(self, ended: Sequence[Ended]) -> StageReport:
        report = StageReport(STAGE)
        unsaid: dict[str, list[Ended]] = defaultdict(list)
        for one in ended:
            report.add(one.controller, one.counts)
            if one.state is State.DONE:
                told = (one.controller, one.engine, dict(one.counts), one.seconds, one.wall)
                report.figures.append(EngineFigures(*told))
            report.failures.extend(one.failures)
            if one.state is State.ABANDONED and one.code in _SAID:
                unsaid[one.code].append(one)
        if self._trouble and ShardNotTakenError.code in unsaid:
            report.failures.append(self._trouble)
        report.failures.extend(_said(code, some) for code, some in sorted(unsaid.items()))
        return report


@contextmanager
def alone_soon(instance: Instance, seconds: float, sleep: Sleep = time.sleep) -> Iterator[None]:
    """``exclusive``, once those that shared have let go; BusyError after ``seconds``."""
    waited = 0.0
    with ExitStack() as stack:
        while not _is_alone(instance, stack, last=waited >= seconds):
            sleep(_STEP)
            waited += _STEP
        yield


def _is_alone(instance: Instance, stack: ExitStack, *, last: bool) -> bool:
    try:
        stack.enter_context(exclusive(instance.engine))
    except BusyError:
        if last:
            raise
        return False
    return True


def _said(code: str, some: Sequence[Ended]) -> str:
    recordings, ids = sum(one.recordings for one in some), [one.id for one in some]
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    what = f"{len(ids)} shards with {recordings} recordings wait for the next night: "
    return str(_SAID[code](what + ", ".join(ids[:_NAMED]) + more))

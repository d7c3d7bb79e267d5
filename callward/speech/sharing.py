"""Which shards to hand out to the pool now, and which to give up: decisions and nothing else.

What is known of a shard stands in its row; whether its worker still counts, in its
lease. What the pool says of its runs is not asked: a run that was killed says
nothing, and one that never began looks like one that has to wait.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_DOUBLINGS: Final = 10


class State(StrEnum):
    """How far a shard is."""

    PLANNED = "planned"
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"  # an error that is not its worker's death: its controller's others stop
    ABANDONED = "abandoned"  # the next night plans its recordings anew


WAITING: Final = frozenset({State.PLANNED, State.TAKEN})


@dataclass(frozen=True, slots=True)
class Standing:
    """A shard as it stands. Moments are the database's, UTC.

    ``ours``: planned by this parent, not found left by another. ``alive``: whoever
    took it lives and its lease has not run out.
    """

    id: str
    controller: str
    state: State
    attempts: int
    handed_out: int
    seconds: float
    handed_out_at: datetime | None = None
    taken_at: datetime | None = None
    ended_at: datetime | None = None
    holder: str | None = None
    ours: bool = True
    alive: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """``attempts``: how often a shard is taken, at most; ``patience`` with one nobody takes."""

    attempts: int
    patience: timedelta


@dataclass(frozen=True, slots=True)
class Moves:
    """Ids of shards; to be done in this order.

    ``freed``: their worker has died, they may be taken again. ``lost``: that happened
    too often. ``stopped``: another shard of their controller's failed. ``hand_out``:
    to the pool, in order, those freed just now too.
    """

    freed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    hand_out: tuple[str, ...] = ()


def moves(shards: Sequence[Standing], now: datetime, limits: Limits) -> Moves:
    """What to do with shards, given in the order of handing out."""
    orphans = [one for one in shards if one.state is State.TAKEN and not one.alive]
    lost = {one.id for one in orphans if one.attempts >= limits.attempts or not one.ours}
    lost |= {one.id for one in shards if one.state is State.PLANNED and not one.ours}
    stopped = _stopped(shards, orphans) - lost
    freed = {one.id for one in orphans} - lost - stopped
    again = [
        one.id
        for one in shards
        if one.id in freed
        or (
            one.state is State.PLANNED
            and one.id not in stopped | lost
            and _is_to_go(one, shards, now, limits.patience)
        )
    ]
    return Moves(
        _in_order(freed, shards), _in_order(lost, shards), _in_order(stopped, shards), (*again,)
    )


def finished(shards: Iterable[Standing]) -> bool:
    """Whether nothing more is to be waited for."""
    return all(one.state not in WAITING for one in shards)


def seconds_done(shards: Iterable[Standing]) -> float:
    """Seconds of audio that need not be waited for any more."""
    return sum(one.seconds for one in shards if one.state not in WAITING)


def _stopped(shards: Iterable[Standing], orphans: Iterable[Standing]) -> set[str]:
    """What waits for the next night because something else of the controller's failed."""
    failing = {one.controller for one in shards if one.state is State.FAILED and one.ours}
    open_ = [*(one for one in shards if one.state is State.PLANNED), *orphans]
    return {one.id for one in open_ if one.controller in failing}


def _is_to_go(
    one: Standing, shards: Sequence[Standing], now: datetime, patience: timedelta
) -> bool:
    """Whether a planned shard goes to the pool: it never did, or its run has come to nothing.

    That it has cannot be seen, only guessed: later ones were taken, or nobody is at
    work at all. A wrong guess costs a run that finds nothing to do; each comes twice as late.
    """
    if one.handed_out_at is None:
        return True
    waits = patience * 2 ** min(max(one.handed_out - 1, 0), _DOUBLINGS)
    if now - one.handed_out_at <= waits:
        return False
    return _overtaken(one.handed_out_at, shards) or _idle(shards, now, patience)


def _overtaken(since: datetime, shards: Iterable[Standing]) -> bool:
    return any(
        one.handed_out_at is not None
        and one.taken_at is not None
        and since < one.handed_out_at <= one.taken_at
        for one in shards
    )


def _idle(shards: Sequence[Standing], now: datetime, patience: timedelta) -> bool:
    if any(one.state is State.TAKEN and one.alive for one in shards):
        return False
    told = [moment for one in shards for moment in (one.taken_at, one.ended_at) if moment]
    return not told or now - max(told) > patience


def _in_order(wanted: Collection[str], shards: Iterable[Standing]) -> tuple[str, ...]:
    return tuple(one.id for one in shards if one.id in wanted)

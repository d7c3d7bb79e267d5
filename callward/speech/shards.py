"""The rows of shards: planned by a parent, taken by workers, ended once.

A shard is taken under a lease (``callward.intake.claims``), and its end is written in
the transaction that records its transcripts, if the lease still stands: done twice, it counts once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from secrets import token_hex
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.guard import gone
from callward.errors import NotFoundError
from callward.instance import Instance
from callward.intake.claims import Claims, LeaseLostError, database_now
from callward.run import Run
from callward.speech.plan import Shard
from callward.speech.sharing import WAITING, Standing, State

_C: Final = t.shards.c
_LEASE: Final = "shard:"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a shard; ``wall``: seconds from its being taken to its end."""

    id: str
    controller: str
    engine: str
    state: State
    code: str
    recordings: int
    counts: Mapping[str, int]
    failures: Sequence[str]
    seconds: float = 0.0
    wall: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A shard that a worker has taken: for which run, and whose recordings."""

    id: str
    run: Run
    controller: str
    engine: str
    recordings: tuple[str, ...]
    seconds: float


def lease_of(shard_id: str) -> str:
    """The name of a shard's lease."""
    return _LEASE + shard_id


def write_shards(
    instance: Instance, run: Run, shards: Sequence[Shard], parent: str
) -> dict[str, Shard]:
    """Enter shards, in the order in which they are to be handed out; by their new ids."""
    made = {token_hex(8): shard for shard in shards}
    with instance.unit() as connection:
        now = database_now(connection)
        rows = [
            {
                "id": shard_id,
                "night": run.night,
                "parent": parent,
                "place": place,
                "controller": shard.controller,
                "engine": shard.engine,
                "state": State.PLANNED.value,
                "attempts": 0,
                "handed_out": 0,
                "recordings": len(shard.recordings),
                "seconds": shard.work,
                "body": _body(run, shard),
                "counts": {},
                "failures": [],
                "planned_at": now,
            }
            for place, (shard_id, shard) in enumerate(made.items())
        ]
        if rows:
            connection.execute(t.shards.insert(), rows)
    return made


def standings(connection: sa.Connection, parent: str, ids: Collection[str]) -> list[Standing]:
    """How ``parent``'s shards stand, and those of ``ids``, in the order of handing out."""
    lease = t.leases.c
    query = (
        sa.select(
            *(_C[name] for name in ("id", "parent", "controller", "state", "holder", "attempts")),
            *(_C[name] for name in ("handed_out", "seconds", "handed_out_at", "taken_at")),
            _C.ended_at,
            (lease.until > database_now(connection)).label("leased"),
        )
        .join(
            t.leases,
            sa.and_(lease.name == _LEASE + _C.id, lease.holder == _C.holder),
            isouter=True,
        )
        .where(sa.or_(_C.parent == parent, _C.id.in_(ids)))
        .order_by(_C.planned_at, _C.place)
    )
    rows = connection.execute(query).all()
    taken = {row.holder for row in rows if row.state == State.TAKEN and row.holder}
    dead = gone(connection, taken)
    return [
        Standing(
            id=row.id,
            controller=row.controller,
            state=State(row.state),
            holder=row.holder,
            attempts=row.attempts,
            handed_out=row.handed_out,
            seconds=row.seconds,
            handed_out_at=row.handed_out_at,
            taken_at=row.taken_at,
            ended_at=row.ended_at,
            ours=row.parent == parent,
            alive=bool(row.leased) and row.holder not in dead,
        )
        for row in rows
    ]


def under_way(connection: sa.Connection) -> dict[str, frozenset[str]]:
    """Shards that a parent has left and a living worker is at: ids to recordings.

    All others that were left are abandoned: their recordings are planned anew.
    """
    left = connection.execute(sa.select(_C.id, _C.body).where(_C.state.in_(WAITING))).all()
    ids = [row.id for row in left]
    living = {one.id for one in standings(connection, "", ids) if one.alive}
    abandon(connection, [one for one in ids if one not in living], "parent-gone")
    return {row.id: frozenset(row.body["recordings"]) for row in left if row.id in living}


def handed_out(connection: sa.Connection, shard_id: str) -> None:
    """It was given to the pool, once more."""
    connection.execute(
        t.shards.update()
        .where(_C.id == shard_id)
        .values(handed_out=_C.handed_out + 1, handed_out_at=database_now(connection))
    )


def free(connection: sa.Connection, orphans: Sequence[Standing]) -> None:
    """These may be taken again, for their worker has died, and nobody has taken them since."""
    for one in orphans:
        connection.execute(
            t.shards.update()
            .where(_C.id == one.id, _C.state == State.TAKEN.value, _C.holder == one.holder)
            .values(state=State.PLANNED.value, holder=None)
        )


def abandon(connection: sa.Connection, ids: Sequence[str], code: str) -> None:
    """Give these up; whoever is at one can record nothing of it any more."""
    _end(connection, State.ABANDONED, _C.id.in_(ids), code=code)


def how_ended(connection: sa.Connection, ids: Collection[str]) -> list[Ended]:
    """What became of these, in the order of handing out."""
    query = sa.select(t.shards).where(_C.id.in_(ids)).order_by(_C.planned_at, _C.place)
    return [
        Ended(
            id=row.id,
            controller=row.controller,
            engine=row.engine,
            state=State(row.state),
            code=row.code or "",
            recordings=row.recordings,
            counts=row.counts,
            failures=row.failures,
            seconds=row.seconds,
            wall=_between(row.taken_at, row.ended_at),
        )
        for row in connection.execute(query)
    ]


def _between(taken: datetime | None, ended: datetime | None) -> float:
    return (ended - taken).total_seconds() if taken and ended else 0.0


def is_wanted(connection: sa.Connection, shard_id: str) -> tuple[str, str] | None:
    """The controller and engine of a shard that somebody still waits for; None: it is not.

    NotFoundError if there is none of that id.
    """
    row = connection.execute(
        sa.select(_C.state, _C.parent, _C.controller, _C.engine).where(_C.id == shard_id)
    ).first()
    if row is None:
        raise NotFoundError(f"there is no shard {shard_id!r}")
    if row.state not in WAITING or gone(connection, [row.parent]):
        return None
    return row.controller, row.engine


def take(instance: Instance, claims: Claims, shard_id: str, attempts: int) -> Taken | None:
    """Take a shard that its parent still waits for; None if another has it, or it has ended."""
    if not claims.claim(lease_of(shard_id)):
        return None
    with instance.unit() as connection:
        row = connection.execute(sa.select(t.shards).where(_C.id == shard_id)).one()
        # The lease is ours, so whoever had taken it has died or lost it.
        open_ = _C.id == shard_id, _C.state.in_(WAITING), _C.attempts < attempts
        mine = (
            not gone(connection, [row.parent])
            and connection.execute(
                t.shards.update()
                .where(*open_)
                .values(
                    state=State.TAKEN.value,
                    holder=claims.holder,
                    attempts=_C.attempts + 1,
                    taken_at=database_now(connection),
                )
            ).rowcount
        )
    if not mine:
        claims.release(lease_of(shard_id))
        return None
    return Taken(
        id=row.id,
        run=_run(row.night, row.body),
        controller=row.controller,
        engine=row.engine,
        recordings=tuple(row.body["recordings"]),
        seconds=row.seconds,
    )


@dataclass(frozen=True, slots=True)
class Held:
    """``Tenure`` of a shard that was taken: it stands as long as the lease and the row do."""

    claims: Claims
    shard_id: str

    @property
    def holder(self) -> str:
        """The worker."""
        return self.claims.holder

    def check(self, connection: sa.Connection) -> None:
        """LeaseLostError if it ran out, was taken over, or was given up by the parent."""
        self.claims.still_mine(connection, lease_of(self.shard_id))
        if connection.scalar(sa.select(_C.id).where(*self._row)) is None:
            raise LeaseLostError(f"shard {self.shard_id} is no longer this worker's")

    def done(
        self, connection: sa.Connection, counts: Mapping[str, int], failures: Sequence[str]
    ) -> None:
        """End the shard, in the transaction that records its transcripts."""
        ended = {"counts": dict(counts), "failures": list(failures)}
        if not _end(connection, State.DONE, *self._row, **ended):
            raise LeaseLostError(f"shard {self.shard_id} is no longer this worker's")

    def close(self, connection: sa.Connection, counts: Mapping[str, int]) -> None:
        """End it if nothing of it was left to transcribe, and nobody has ended it."""
        _end(connection, State.DONE, *self._row, counts=dict(counts))

    def fail(self, connection: sa.Connection, code: str, said: str) -> None:
        """It failed, and would again; unless it is another's by now."""
        _end(connection, State.FAILED, *self._row, code=code, failures=[said])

    def give_back(self, connection: sa.Connection) -> None:
        """Somebody else may take it, as if nobody had; unless it is another's by now."""
        connection.execute(
            t.shards.update()
            .where(*self._row)
            .values(
                state=State.PLANNED.value,
                holder=None,
                attempts=_C.attempts - 1,
                handed_out_at=None,
            )
        )

    @property
    def _row(self) -> tuple[sa.ColumnElement[bool], ...]:
        taken = _C.state == State.TAKEN.value
        return _C.id == self.shard_id, _C.holder == self.holder, taken


def _end(
    connection: sa.Connection, state: State, *which: sa.ColumnElement[bool], **told: Any
) -> int:
    """End shards that have not ended; how many. Their recordings need not be known any more."""
    ending: dict[str, Any] = {
        "state": state.value,
        "body": {"recordings": []},
        "ended_at": database_now(connection),
    }
    query = t.shards.update().where(*which, _C.state.in_(WAITING))
    return connection.execute(query.values(**ending, **told)).rowcount


def _body(run: Run, shard: Shard) -> dict[str, Any]:
    return {
        "as_of": run.as_of.isoformat(),
        "controller": run.controller,
        "unclear": sorted(run.unclear),
        "unclear_register": sorted(run.unclear_register),
        "recordings": [one.id for one in shard.recordings],
    }


def _run(night: str, body: Mapping[str, Any]) -> Run:
    return Run(
        night=night,
        as_of=date.fromisoformat(body["as_of"]),
        controller=body["controller"],
        unclear=frozenset(body["unclear"]),
        unclear_register=frozenset(body["unclear_register"]),
    )

"""Claims: which worker is at which drop (or shard), so that two never take the same one.

A claim is a lease in the catalogue. It is renewed while its worker lives, and taken
over at once when its worker has died, or when it has run out (a worker that hangs, or
was paused). Whoever records says in the same transaction that the lease is still its
own (``still_mine``): what a worker that lost it has done comes to nothing.

Time is the database server's, the same for all machines; with SQLite there is one
machine, and its clock. Not the instance's, which tells for which day is worked.
"""

import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from callward.catalogue import tables as t
from callward.catalogue.engine import unit_of_work
from callward.catalogue.guard import gone, sharing
from callward.clock import SystemClock
from callward.errors import OperatorError
from callward.instance import Instance

_BEATS = 4
"""A lease is renewed so many times before it would run out."""
_RECORDING = 0x72656300  # "rec", and a hash of the controller as the second half


class LeaseLostError(OperatorError):
    """The lease on a drop ran out or was taken over, so nothing is recorded under it."""

    code = "lease-lost"


class Claims:
    """One worker's claims; a context manager that renews them, and lets go of all at the end.

    ``holder`` is an id from ``guard.sharing``. May be used by several threads.
    """

    def __init__(self, engine: sa.Engine, holder: str, seconds: float) -> None:
        self.holder = holder
        self._engine, self._lease = engine, timedelta(seconds=seconds)
        self._every = seconds / _BEATS
        self._renewed = time.monotonic()
        self._end = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="claims", daemon=True)

    def __enter__(self) -> Self:
        """Forget the claims of the dead, and begin to renew one's own."""
        with unit_of_work(self._engine) as connection:
            forget_dead(connection)
        self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of everything."""
        self._end.set()
        self._heart.join()
        with unit_of_work(self._engine) as connection:
            connection.execute(t.leases.delete().where(t.leases.c.holder == self.holder))

    def claim(self, name: str) -> bool:
        """Claim what ``name`` stands for, or renew the claim; False if it is another's."""
        with unit_of_work(self._engine) as connection:
            now = database_now(connection)
            row = connection.execute(sa.select(t.leases).where(t.leases.c.name == name)).first()
            free = {self.holder}
            if row is not None and row.holder != self.holder:
                free |= gone(connection, [row.holder])
                if row.until > now and row.holder not in free:
                    return False
            # It may have changed hands since we looked: said again where it counts.
            ours = self._taking(connection, name, now, free)
            return connection.scalar(ours) is not None

    def still_mine(self, connection: sa.Connection, *names: str) -> None:
        """Before recording, in the same transaction: nobody can take these over until it ends.

        LeaseLostError, and the caller's transaction is to be rolled back, otherwise.
        """
        wanted, leases = set(names), t.leases.c
        held = connection.scalars(
            sa.select(leases.name)
            .where(leases.name.in_(wanted), leases.holder == self.holder)
            .where(leases.until > database_now(connection))
            .order_by(leases.name)
            .with_for_update()
        ).all()
        if len(held) != len(wanted):
            lost = len(wanted) - len(held)
            raise LeaseLostError(f"{lost} of {len(wanted)} leases are no longer this worker's")

    def release(self, *names: str) -> None:
        """Let go of these; what is not one's own (any more) is left alone."""
        leases = t.leases.c
        with unit_of_work(self._engine) as connection:
            connection.execute(
                t.leases.delete().where(leases.name.in_(names), leases.holder == self.holder)
            )

    def renew(self, *, now: bool = False) -> None:
        """Renew what has not run out, if that is due."""
        if not now and time.monotonic() - self._renewed < self._every:
            return
        leases = t.leases.c
        with unit_of_work(self._engine) as connection:
            moment = database_now(connection)
            # What is being recorded is locked; waiting for that could end in a deadlock.
            mine = connection.scalars(
                sa.select(leases.name)
                .where(leases.holder == self.holder, leases.until > moment)
                .with_for_update(skip_locked=True)
            ).all()
            connection.execute(
                t.leases.update().where(leases.name.in_(mine)).values(until=moment + self._lease)
            )
        self._renewed = time.monotonic()

    def _taking(
        self, connection: sa.Connection, name: str, now: datetime, free: Collection[str]
    ) -> sa.Executable:
        insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        leases = t.leases.c
        new = insert(t.leases).values(name=name, holder=self.holder, until=now + self._lease)
        return new.on_conflict_do_update(  # type: ignore[no-any-return]  # either dialect's
            index_elements=[leases.name],
            set_={"holder": new.excluded.holder, "until": new.excluded.until},
            where=sa.or_(leases.until <= now, leases.holder.in_(free)),
        ).returning(leases.name)

    def _beat(self) -> None:
        while not self._end.wait(self._every / 2):
            try:
                self.renew()
            except sa.exc.SQLAlchemyError:
                # Tried again in a moment; if it goes on, the leases run out, and that is told.
                continue


@contextmanager
def claiming(instance: Instance) -> Iterator[Claims]:
    """Share the catalogue with other workers and make claims; BusyError as ``sharing``."""
    with (
        sharing(instance.engine) as holder,
        Claims(instance.engine, holder, instance.settings.lease_seconds) as claims,
    ):
        yield claims


def forget_dead(connection: sa.Connection) -> None:
    """Delete the leases of those who have died."""
    leases = t.leases.c
    dead = gone(connection, set(connection.scalars(sa.select(leases.holder).distinct())))
    if dead:
        connection.execute(t.leases.delete().where(leases.holder.in_(dead)))


def in_turn(connection: sa.Connection, controllers: Iterable[str]) -> None:
    """Let one transaction at a time record what is of a controller: what it then reads stands.

    Else two workers that meet the same record in two drops would both find it new.
    After the instance's lock and before any row's. On SQLite writers wait for each
    other anyway.
    """
    if connection.dialect.name != "postgresql":
        return
    for controller in sorted(set(controllers)):
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(:space, hashtext(:name))"),
            {"space": _RECORDING, "name": controller},
        )


def database_now(connection: sa.Connection) -> datetime:
    """The moment all workers go by, UTC."""
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.execute(
            sa.select(sa.func.clock_timestamp(type_=t.Moment))
        ).scalar_one()
        return moment
    return SystemClock().now()

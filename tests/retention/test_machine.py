"""Whatever happens in whatever order, what exists is what a ten-line model says.

``CALLWARD_MACHINE=50`` runs fifty times as many histories.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from callward import erasing, night
from callward.clock import FixedClock, london_day, today
from callward.errors import ShreddedError
from callward.evidence.certificate import verify_certificate
from callward.instructions.load import load_folder
from callward.instructions.periods import Period
from callward.ledger import log
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import HOLD, RESTRICTION, lift_hold, place_hold
from callward.retention.stage import prepare
from callward.run import StageReport
from tests.conftest import PostgresqlServer
from tests.retention.crashing import FUSE, Crash, fragile
from tests.retention.shelf import Shelved, StrictGates, openable, shelve, stored
from tests.support import instruct, new_instance, rows, run_stage

TIMES = int(os.environ.get("CALLWARD_MACHINE", "1"))
WHO = ("acorn", "birch")
CALLERS = ("07700 900001", "07700 900002")
PARTS = ("recording", "transcript", "details", "interaction")
_numbers = count(1)

who_ = st.sampled_from(WHO)
nth = st.integers(0, 9)
scopes = st.sampled_from(("controller", "person", "interaction", "interaction"))
crashes = st.just(0) | st.integers(1, 40)
days = st.tuples(st.integers(1, 40), st.integers(10, 60))


@dataclass(frozen=True)
class Call:
    """What the model knows of an interaction; ``day``: London's, when it ended."""

    who: str
    caller: str
    day: date
    shelved: Shelved


@dataclass
class Model:
    """What there must be."""

    said: dict[str, list[tuple[date, tuple[int, int]]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    holds: list[tuple[str, str, tuple[str, str, str]]] = field(default_factory=list)
    early: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def periods(self, who: str, day: date) -> tuple[int, int]:
        """What was said last of all that counts by then."""
        return next(days for since, days in reversed(self.said[who]) if since <= day)

    def held(self, call: Call) -> bool:
        """Whether any hold or restriction covers the call."""
        mine = ("controller", ""), ("person", call.caller), ("interaction", call.shelved.recording)
        return any(covers in [(call.who, *one) for one in mine] for _, _, covers in self.holds)

    def sweep(self, day: date, who: str | None, only: set[str] | None) -> set[str]:
        """Let everything go that is due and free; what went."""
        taken = set()
        for call in self.calls:
            age, (recordings, interactions) = (day - call.day).days, self.periods(call.who, day)
            due = call.shelved.media if age >= recordings else set()
            due = due | ({call.shelved.details} if age >= interactions else set())
            due = (due | (self.early & call.shelved.all)) - self.gone
            if who in (None, call.who) and not self.held(call):
                taken |= due if only is None else due & only
        self.gone |= taken
        return taken


class Machine(RuleBasedStateMachine):
    """A model and an instance that live the same life; sweeps may be killed and run again."""

    def __init__(self, database: Callable[[], str], forget: Callable[[str], None]) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._url, self._forget = database(), forget
        made = new_instance(Path(self._folder.name) / "home", database_url=self._url)
        self.instance, self.model = fragile(made), Model()

    def teardown(self) -> None:
        """Put everything away."""
        self.instance.close()
        self._forget(self._url)
        self._folder.cleanup()

    @property
    def _day(self) -> date:
        return today(self.instance.clock)

    @initialize(first=days, second=days)
    def begin(self, first: tuple[int, int], second: tuple[int, int]) -> None:
        """Both controllers have said something, long ago."""
        for who, said in zip(WHO, (first, second), strict=True):
            self.instruct(who, said, ahead=-400)

    @rule(who=who_, said=days, ahead=st.just(0) | st.integers(1, 12))
    def instruct(self, who: str, said: tuple[int, int], ahead: int) -> None:
        """Lengthen or shorten, from today or from a day to come."""
        since = self._day + timedelta(days=ahead)
        recordings, interactions = (f"{number} days" for number in said)
        instruct(
            self.instance,
            who,
            recordings=recordings,
            interactions=interactions,
            effective_from=since.isoformat(),
        )
        load_folder(self.instance)
        self.model.said.setdefault(who, []).append((since, said))

    @rule(who=who_, caller=st.sampled_from(CALLERS), age=st.integers(0, 70), by=st.none() | days)
    def arrive(self, who: str, caller: str, age: int, by: tuple[int, int] | None) -> None:
        """A call; its due days may have been reckoned by some other version (``by``)."""
        ended = self.instance.clock.now() - timedelta(days=age)
        recordings, interactions = by or self.model.periods(who, self._day)
        shelved = shelve(
            self.instance,
            str(len(self.model.calls)),
            ended=ended,
            controller=who,
            caller=caller,
            recordings=Period(days=recordings),
            interactions=Period(days=interactions),
        )
        self.model.calls.append(Call(who, caller, london_day(ended), shelved))

    @rule(who=who_, scope=scopes, n=nth, basis=st.sampled_from((HOLD, RESTRICTION)))
    def hold(self, who: str, scope: str, n: int, basis: str) -> None:
        """Hold or restrict a controller's data, a person's, or one interaction."""
        target = {"controller": "", "person": CALLERS[n % 2]}.get(scope, "")
        if scope == "interaction":
            mine = [call.shelved for call in self.model.calls if call.who == who]
            if not mine:
                return
            target = mine[n % len(mine)].recording
        made = place_hold(self.instance, who, scope, target, "because", self._day, basis=basis)
        self.model.holds.append((made, basis, (who, scope, target)))

    @precondition(lambda self: self.model.holds)
    @rule(n=nth)
    def lift(self, n: int) -> None:
        """Lift one; whatever else covers the same data stays."""
        hold, basis, _ = self.model.holds.pop(n % len(self.model.holds))
        lift_hold(self.instance, hold, basis)

    @rule(days=st.integers(0, 20), minutes=st.integers(0, 24 * 60 - 1))
    def wait(self, days: int, minutes: int) -> None:
        """Time goes by, over midnights and changes of the clocks."""
        assert isinstance(self.instance.clock, FixedClock)
        self.instance.clock.moment += timedelta(days=days, minutes=minutes)

    @precondition(lambda self: self.model.calls)
    @rule(n=nth, part=st.sampled_from(PARTS), now=st.booleans(), crash=crashes)
    def erase(self, n: int, part: str, crash: int, *, now: bool) -> None:
        """Have something erased early, or at once."""
        shelved = self.model.calls[n % len(self.model.calls)].shelved
        meant = {"recording": shelved.media, "interaction": shelved.all}.get(part)
        wanted: str = getattr(shelved, part)
        named = shelved.all if part == "interaction" else {wanted}
        if named <= self.model.gone:
            with pytest.raises(ShreddedError):
                instruct_erasure(self.instance, [wanted], "asked for")
            return
        going = set(instruct_erasure(self.instance, [wanted], "asked for"))
        assert going == (meant or {wanted}) - self.model.gone
        self.model.early |= going
        if now:
            self._swept(
                lambda: erasing.sweep_only(self.instance, StrictGates(), going), crash, None, going
            )

    @rule(who=st.none() | who_, crash=crashes)
    def sweep(self, who: str | None, crash: int) -> None:
        """The third stage, for everybody or for one; approved, whatever the brake says."""
        plan = prepare(self.instance, night.new_run(self.instance, controller=who, dry_run=True))

        def stage() -> StageReport:
            run: dict[str, Any] = {"controller": who, "approve": plan.plan.hash}
            return run_stage(self.instance, "retention", StrictGates(), **run)

        self._swept(stage, crash, who, None)

    def _swept(
        self, act: Callable[[], StageReport], crash: int, who: str | None, only: set[str] | None
    ) -> None:
        """Sweep, again if it was killed, and compare everything."""
        FUSE.at, FUSE.steps, crashed = crash, 0, False
        try:
            report = act()
        except Crash:
            FUSE.at, crashed = 0, True
            report = act()
        finally:
            FUSE.at = 0
        assert report.failures == []
        taken = self.model.sweep(self._day, who, only)
        assert crashed or report.total("shredded") == len(taken)
        self._compare()

    def _compare(self) -> None:
        calls, gone, instance = self.model.calls, self.model.gone, self.instance
        everything = set[str]().union(*(call.shelved.all for call in calls))
        assert openable(instance, everything) == everything - gone
        bodies = [body for (body,) in rows(instance, "certificates", "body")]
        documents = [verify_certificate(body, instance.signer.verifier) for body in bodies]
        listed = [one for document in documents for one in document.objects]
        assert sorted(listed) == sorted(gone)
        assert len(stored(instance)) == sum(call.shelved.recording not in gone for call in calls)
        kept = {call.shelved.interaction for call in calls if not call.shelved.all <= gone}
        assert {row[0] for row in rows(instance, "interactions", "id")} == kept
        assert {row[0] for row in rows(instance, "people", "interaction_id")} == kept
        with instance.unit() as connection:
            log.verify(connection, [instance.signer.verifier])
        due = dict(rows(instance, "objects", "id", "due_day"))
        assert all(due[c.shelved.transcript] <= due[c.shelved.recording] for c in calls)


def _live(histories: int, database: Callable[[], str], forget: Callable[[str], None]) -> None:
    class Placed(Machine):
        def __init__(self) -> None:
            super().__init__(database, forget)

    run_state_machine_as_test(
        Placed,
        settings=settings(
            max_examples=histories * TIMES,
            stateful_step_count=15,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_history_on_sqlite() -> None:
    """Instructions, holds, arrivals, erasures, sweeps, crashes and time, in any order."""
    _live(10, lambda: "", lambda _url: None)


def test_any_history_on_postgresql(postgresql_server: PostgresqlServer) -> None:
    """A few of the same on the other database."""

    def database() -> str:
        return postgresql_server.create(f"machine_{next(_numbers)}", empty=True)

    def forget(url: str) -> None:
        postgresql_server.drop(f"machine_{url.partition('/machine_')[2].partition('?')[0]}")

    _live(2, database, forget)

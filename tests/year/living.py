"""Lives the simulated year: every night as plain functions, and what people do by day."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from callward import erasing, night, strictyaml
from callward.backup.create import create_backup
from callward.cardscan import work as scanning
from callward.catalogue import tables as t
from callward.clock import FixedClock, today
from callward.evidence.attest import attest
from callward.flowruns.stage import History
from callward.gates import Gates
from callward.instance import Instance, create_instance
from callward.ledger.signing import Signer
from callward.ledger.witness import Witness, witness_key
from callward.ledger.witness_server import WitnessServer
from callward.opening import open_in_memory
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import RESTRICTION, lift_hold, place_hold
from callward.run import Run
from callward.sbom.importing import import_report
from tests.night.driver import FakeEngine, HereWorkers
from tests.speech.studio import listen_with
from tests.support import Call, PassingGates, deliver
from tests.year import days, papers
from tests.year.prefected import Moved, run_night
from tests.year.seen import Seen

_STRAY: Final = "0123456789abcdef/000000"
_BACKUPS: Final = 2 if days.WHOLE else 1
_REFUSED: Final = {days.REJECTED: 1, days.NEVER_DECIDED: 1, days.UNDECIDED_FROM: days.UNDECIDED}
"""Files that are no media, by the night in which they come."""


class Here(Instance):
    """An instance whose workers are this process."""

    def workers(self, extra: int = 0) -> Any:
        """Nothing is started for a handful of calls a night."""
        del extra
        return HereWorkers()


class Stranger:
    """A witness on loopback that goes by the year's clock and can be away."""

    def __init__(self, folder: Path, clock: FixedClock) -> None:
        self._folder, self._clock = folder, clock
        self.signer = Signer.create(folder / "witness.key", "witness.example/w1")
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self._port = one.getsockname()[1]
        self._server: WitnessServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What an instance that asks it has set."""
        url = f"http://127.0.0.1:{self._port}"
        return {"witness_url": url, "witness_key": str(witness_key(self.signer))}

    def come(self, log_key: str) -> None:
        """Answer from now on."""
        witness = Witness(self._folder / "state", self.signer, [log_key], self._clock)
        self._server = WitnessServer(("127.0.0.1", self._port), witness)
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def go(self) -> None:
        """Answer no more."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None


@dataclass
class Year:
    """An instance in its year; ``told``: what stages could not do, by night."""

    instance: Instance
    clock: FixedClock
    stranger: Stranger
    folder: Path
    seen: Seen = field(default_factory=Seen)
    moved: Moved | None = None
    """Prefect's own server, if that runs some of the nights."""
    told: dict[date, list[str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    """Ids that later days come back to."""

    def tell(self, failures: Iterable[str]) -> None:
        """Remember what a night or a person was told today."""
        if lines := list(failures):
            self.told.setdefault(today(self.clock), []).extend(lines)

    @property
    def history(self) -> History:
        """Who knows of flow runs."""
        return self.moved.history if self.moved else self.seen.history

    def stage(self, name: str, run: Run, gates: Gates | None = None) -> list[str]:
        """Run one stage; what it could not do."""
        work = night.work_for(self.instance, gates or PassingGates(), run)
        found: list[str] = getattr(night, name)(self.instance, work, run).failures
        return found


@contextmanager
def begun(folder: Path, database_url: str = "", moved: Moved | None = None) -> Iterator[Year]:
    """A fresh instance on the year's first day, its papers in order and its witness there.

    ``moved``: the server of Prefect that some nights go through.
    """
    home = folder / "home"
    home.mkdir(parents=True)
    clock = FixedClock(days.CREATED)
    stranger = Stranger(folder, clock)
    lines = {**stranger.settings, "database_url": database_url}
    said = "".join(f'{name} = "{value}"\n' for name, value in lines.items() if value)
    (home / "callward.toml").write_text(said + papers.SETTINGS)
    made = create_instance(home, clock)
    values = {one.name: getattr(made, one.name) for one in fields(made)}
    year = Year(Here(**values), clock, stranger, folder, moved=moved)
    _papers(year.instance)
    stranger.come(year.instance.signer.verifier)
    try:
        yield year
    finally:
        stranger.go()
        made.close()


def _papers(instance: Instance) -> None:
    """Registers and instructions as they are on the first day."""
    papers.assurance(instance)
    papers.sub_processor(instance, "northwind", abroad=True)
    papers.instruct(instance, "acorn", "  enabled: true\n")
    papers.instruct(instance, "birch")
    papers.instruct(
        instance,
        "cedar",
        "  enabled: true\n  engines: [abroad]\n  sub_processors: [northwind]\n"
        "  transfers:\n    - {sub_processor: northwind, country: US, safeguard: IDTA,"
        " reference: T/1}\n",
    )


def stand_in(patch: pytest.MonkeyPatch) -> None:
    """Quick engines in the place of slow ones, no file parsed twice, no waiting for the disk."""
    listen_with(patch, FakeEngine())
    patch.setattr(scanning, "listen_to", lambda pieces: ([], sum(map(len, pieces)) / 8000))
    patch.setattr(os, "fsync", lambda _handle: None)
    patch.setattr(strictyaml, "_parse", _remembering(strictyaml._parse))
    patch.setenv("NO_PROXY", "127.0.0.1")


def _remembering(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Parses a file once for as long as nobody changes it: it is read several times a night."""
    known: dict[tuple[bytes, int], Any] = {}

    def parsed(content: bytes, form: Any) -> Any:
        key = content, id(form)
        if key not in known:
            known[key] = parse(content, form)
        return known[key]

    return parsed


def live(year: Year, until: date = days.LAST) -> None:
    """Every night and every day up to ``until``."""
    for day in days.NIGHTS:
        if day > until:
            return
        _deliver(year, day)
        if day.weekday() == days.WEDNESDAY:
            year.clock.moment = days.at(day, 0, 30)
            _back_up(year)
        if day != days.MISSING_NIGHT:
            year.clock.moment = days.night_of(day)
            _night(year, day)
        for hour, act in sorted(_by_day(day), key=itemgetter(0)):
            year.clock.moment = days.at(day, hour)
            act(year)


def _deliver(year: Year, day: date) -> None:
    """What suppliers put into the landing zone before the night of ``day``."""
    now = days.night_of(day)
    for controller in days.RECORDINGS:
        calls = [Call(name, age=0.25) for name in days.calls_on(controller, day)]
        if controller == "acorn":
            many = _REFUSED.get(day, 0)
            calls += [
                Call(f"bad-{day:%m%d}-{n}", content=f"no {day} {n}".encode(), age=0.25)
                for n in range(many)
            ]
        if calls:
            deliver(year.instance, calls, controller=controller, drop=f"c-{day:%m%d}", now=now)
    if days.sends_messages(day):
        _deliver_messages(year.instance, day, now - timedelta(hours=6))


def _deliver_messages(instance: Instance, day: date, at: datetime) -> None:
    folder = instance.settings.landing / "birch" / f"m-{day:%m%d}"
    folder.mkdir(parents=True)
    record = {
        "kind": "sms",
        "external_id": f"sms-{day:%m%d}",
        "started_at": at.isoformat(),
        "ended_at": at.isoformat(),
        "direction": "inbound",
        "people": [{"role": "sender", "text": "07700 900123"}],
        "texts": [{"text": "please call back"}],
    }
    (folder / "records.jsonl").write_text(json.dumps(record) + "\n")
    (folder / "drop.json").write_text(json.dumps({"source": "callward-records"}))


def _night(year: Year, day: date) -> None:
    """One night; the witness is asked also where it does not end with a pack."""
    run = night.new_run(year.instance)
    if year.moved and day in days.THROUGH_PREFECT:
        year.tell(run_night(year.instance, run, year.moved))
        return
    for name in ("ingest", "cards", "transcribe"):
        stops = name == "ingest" and day == days.GATE_STOPS
        year.tell(year.stage(name, run, PassingGates(stop="ingest_entry") if stops else None))
    if day not in days.NO_RETENTION:
        _retention(year, run)
    if days.packed(day):
        _pack(year, run)
    elif days.asks_witness(day):
        year.tell(attest(year.instance))


def _pack(year: Year, run: Run) -> None:
    """The night's pack, in a night that Prefect has seen."""
    at = year.clock.moment
    runs = year.seen.begin(run, at)
    work = night.work_for(year.instance, PassingGates(), run)
    year.tell(night.evidence(year.instance, work, run, year.history)[0].failures)
    year.seen.end(runs, at)


def _retention(year: Year, run: Run) -> None:
    """The sweep, and a person's word where the brake asks for it."""
    failures = year.stage("retention", run)
    year.tell(failures)
    if len(failures) == 1 and failures[0].startswith("[brake]"):
        word = replace(run, approve=failures[0].rpartition(" ")[2])
        year.tell(year.stage("retention", word))


Act = Callable[[Year], None]


def _by_day(day: date) -> Iterator[tuple[int, Act]]:
    """What is done on a day after its night: the hour, and what."""
    if day.weekday() == days.SUNDAY:
        yield 3, _scan
    if day.weekday() == days.WEDNESDAY:
        yield 4, _drill
    if day.day == 1:
        yield 6, _registers
    if day.day == 3 and day.month not in days.WITHOUT_REPORT:
        yield 8, _report
    yield from ((12, act) for on, act in _ONCE if on == day)


def _scan(year: Year) -> None:
    year.tell(night.residual_scan(year.instance).failures)


def _back_up(year: Year) -> None:
    """Before the night, so that the drill tries what that destroys; older ones are let go."""
    folder = year.instance.settings.backups
    create_backup(year.instance, folder)
    for old in sorted(folder.iterdir())[:-_BACKUPS]:
        shutil.rmtree(old)


def _drill(year: Year) -> None:
    year.tell(night.restore_drill(year.instance).failures)


def _registers(year: Year) -> None:
    for check in (night.sub_processors, night.assurance):
        year.tell(check(year.instance)[0].failures)


def _report(year: Year) -> None:
    day = today(year.clock)
    path = papers.vulnerability_report(year.folder, day)
    import_report(year.instance, path, year.clock.now())


def _renew(year: Year) -> None:
    papers.certificate(
        year.instance, "cyber-essentials-plus", "2026-04-24", "2027-04-23", "cyber-essentials-2026"
    )
    _registers(year)


def _hold(year: Year) -> None:
    """A dispute over a call whose recording will be due while the hold stands."""
    target = _interaction(year, "recording", "acorn", days.at(date(2026, 1, 27), 0))
    year.marks["hold"] = place_hold(
        year.instance, "acorn", "interaction", target, "a dispute", days.HOLD_REVIEW
    )


def _lift(year: Year) -> None:
    lift_hold(year.instance, year.marks["hold"])


def _restrict(year: Year) -> None:
    target = _interaction(year, "recording", "acorn", days.at(date(2026, 8, 25), 0))
    year.marks["restriction"] = place_hold(
        year.instance,
        "acorn",
        "interaction",
        target,
        "she disputes it",
        days.RESTRICTION_REVIEW,
        basis=RESTRICTION,
    )


def _lift_restriction(year: Year) -> None:
    lift_hold(year.instance, year.marks["restriction"], RESTRICTION)


def _reject(year: Year) -> None:
    """Somebody decides about the one file that was refused."""
    (entry,) = _scalars(year, sa.select(t.quarantine.c.id).where(t.quarantine.c.state == "held"))
    year.tell(erasing.reject(year.instance, PassingGates(), entry).failures)


def _erase(year: Year) -> None:
    target = _interaction(year, "recording", "acorn", days.at(date(2026, 3, 1), 0))
    instruct_erasure(year.instance, [target], "the controller asks for it")


def _open(year: Year) -> None:
    one = _scalars(
        year,
        sa.select(t.objects.c.id)
        .where(t.objects.c.kind == "details", t.objects.c.state == "live")
        .order_by(t.objects.c.id),
    )[0]
    open_in_memory(year.instance, one, "the controller asks what was said")


def _stray(year: Year) -> None:
    year.instance.vault.store.put(_STRAY, [b"nobody knows whence"])


def _clear(year: Year) -> None:
    year.instance.vault.store.delete([_STRAY])


def _engage(year: Year) -> None:
    """A sub-processor that nobody has heard of before, and a controller that agrees to it."""
    papers.sub_processor(year.instance, "southwind", abroad=False)
    papers.instruct(
        year.instance,
        "acorn",
        "  enabled: true\n  engines: [clear]\n  sub_processors: [southwind]\n",
    )


def _away(year: Year) -> None:
    year.stranger.go()


def _back(year: Year) -> None:
    year.stranger.come(year.instance.signer.verifier)


_ONE = timedelta(days=1)
_ONCE: Final[tuple[tuple[date, Act], ...]] = (
    (days.HELD_FROM, _hold),
    (days.HOLD_LIFTED, _lift),
    (days.DECIDED, _reject),
    (days.ERASED, _erase),
    (days.LAPSED_TO + _ONE, _renew),
    (days.OPENED, _open),
    (days.STRAY_FOUND - _ONE, _stray),
    (days.STRAY_FOUND + _ONE, _clear),
    (days.WITNESS_DOWN[0] - _ONE, _away),
    (days.WITNESS_DOWN[1], _back),
    (days.RESTRICTED_FROM, _restrict),
    (days.RESTRICTED_TO, _lift_restriction),
    (days.NEW_SUB_PROCESSOR, _engage),
)
"""What happens once, at noon of its day."""


def _interaction(year: Year, kind: str, controller: str, since: datetime) -> str:
    """The first interaction of a kind since a moment."""
    row = t.interactions.c
    found = _scalars(
        year,
        sa.select(row.id)
        .where(row.kind == kind, row.controller == controller, row.ended_at >= since)
        .order_by(row.ended_at, row.id),
    )
    return found[0]


def _scalars(year: Year, query: sa.Select[tuple[Any]]) -> list[str]:
    with year.instance.reading() as connection:
        return [str(one) for one in connection.scalars(query)]

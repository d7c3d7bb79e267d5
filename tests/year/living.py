"""Lives the simulated year: every night as plain functions, a few through Prefect."""

import json
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Final

from callward import night
from callward.backup.create import create_backup
from callward.evidence.attest import attest
from callward.instance import Instance
from callward.run import Run
from tests.support import Call, PassingGates, deliver
from tests.year import days
from tests.year.acts import by_day
from tests.year.prefected import run_night
from tests.year.world import Year

_BACKUPS: Final = 2 if days.WHOLE else 1
_REFUSED: Final = {days.REJECTED: 1, days.NEVER_DECIDED: 1, days.UNDECIDED_FROM: days.UNDECIDED}
"""Files that are no media, by the night in which they come."""


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
        for hour, act in sorted(by_day(day), key=itemgetter(0)):
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


def _back_up(year: Year) -> None:
    """Before the night, so that the drill tries what that destroys; older ones are let go."""
    folder = year.instance.settings.backups
    create_backup(year.instance, folder)
    for old in sorted(folder.iterdir())[:-_BACKUPS]:
        shutil.rmtree(old)

"""The restore drill: restore backups into a scratch place and try what opens.

The newest backup, and the newest one of an earlier root: what has been destroyed
since must not open, by whatever wraps and roots there are; what has not, must.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import sqlalchemy as sa

from callward.backup import trial
from callward.backup.archive import Backup, NoBackupError, find_backups, read_backup
from callward.backup.load import load
from callward.backup.replay import Today, chain, replay
from callward.catalogue import tables as t
from callward.catalogue.engine import open_engine, unit_of_work
from callward.catalogue.guard import exclusive
from callward.catalogue.pending import RestorePendingError, clear_pending
from callward.errors import CallwardError, scrubbed
from callward.instance import Instance
from callward.ledger import keybook, log

SCRATCH: Final = ".partial-drill"
"""The folder within the home that a drill works in, gone afterwards; a scan finds one left."""
TARGETS: Final = 1_000
SURVIVORS: Final = 200
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Trial:
    """What one backup came to. Counts of objects; ``ids``: some of those that failed."""

    backup: str
    which: str
    """``newest`` or ``before-turn``."""
    generation: int
    journals: int = 0
    destroyed_since: int = 0
    targets_tried: int = 0
    opened_by_force: int = 0
    """With the backup's and today's wraps, and every root of every cell. Must be 0."""
    opened_before_replay: int = 0
    not_shredded: int = 0
    """Those that after the replay are not refused as destroyed. Must be 0."""
    survivors_tried: int = 0
    survivors_failed: int = 0
    error: str = ""
    """Code of what stopped the restore."""
    ids: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was as it must be."""
        wrong = (
            self.opened_by_force,
            self.opened_before_replay,
            self.not_shredded,
            self.survivors_failed,
        )
        return not (self.error or any(wrong))


@dataclass(frozen=True, slots=True)
class DrillReport:
    """A drill as it was entered in the catalogue and the ledger."""

    id: str
    outcome: str
    """``passed`` or ``failed``."""
    trials: tuple[Trial, ...]

    @property
    def passed(self) -> bool:
        """Whether every trial passed."""
        return self.outcome == "passed"

    def counts(self) -> Mapping[str, int]:
        """Totals over the trials, for the ledger."""
        names = (
            "destroyed_since",
            "targets_tried",
            "opened_by_force",
            "opened_before_replay",
            "not_shredded",
            "survivors_tried",
            "survivors_failed",
        )
        totals = {name: sum(getattr(one, name) for one in self.trials) for name in names}
        return {"backups": len(self.trials), **totals}


def drill(instance: Instance, folder: Path) -> DrillReport:
    """Try the backups in ``folder``; the result is kept and entered in the ledger.

    Runs wait meanwhile (BusyError if one is under way). NoBackupError if there is
    nothing to restore; every other error is a failed drill that names its code.
    """
    with exclusive(instance.engine):
        with instance.reading() as connection:
            generation = instance.vault.generation(connection)
            keys = [one.verifier for one in _history(connection, instance)]
        chosen = _choose(folder, keys, generation)
        trials = tuple(_attempt(instance, backup, which, keys) for which, backup in chosen)
        outcome = "passed" if all(one.passed for one in trials) else "failed"
        report = DrillReport(token_hex(8), outcome, trials)
        _record(instance, report)
    return report


def _history(connection: sa.Connection, instance: Instance) -> Sequence[Any]:
    return keybook.history(connection, [instance.signer.verifier]).periods


def _choose(folder: Path, keys: Sequence[str], generation: int) -> list[tuple[str, Backup]]:
    """The newest backup, and the newest of a generation before today's."""
    found = [read_backup(path, keys) for path in find_backups(folder)]
    found.sort(key=lambda one: (one.ledger_size, one.at))
    if not found:
        raise NoBackupError("there is no backup in the folder given, so there is nothing to drill")
    chosen = [("newest", found[-1])]
    before = [one for one in found if one.generation < generation]
    if before and before[-1].id != found[-1].id:
        chosen.append(("before-turn", before[-1]))
    return chosen


def _attempt(instance: Instance, backup: Backup, which: str, keys: Sequence[str]) -> Trial:
    found = Trial(backup.id, which, backup.generation)
    try:
        with _scratch(instance) as engine:
            load(engine, backup, instance.clock.now())
            sample, found = _by_force(instance, engine, found)
            return _led_on(instance, engine, backup, keys, sample, found)
    except Exception as error:  # noqa: BLE001 - whatever it is, the drill has failed
        return replace(found, error=scrubbed(error).code)


@contextmanager
def _scratch(instance: Instance) -> Iterator[sa.Engine]:
    """A SQLite database of its own, gone afterwards."""
    folder = instance.settings.home / SCRATCH
    shutil.rmtree(folder, ignore_errors=True)  # of a drill cut short
    folder.mkdir(mode=0o700)
    url = sa.URL.create("sqlite", database=str(folder / "catalogue.sqlite"))
    engine = open_engine(url.render_as_string(hide_password=False))
    try:
        yield engine
    finally:
        engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Sample:
    """What is tried, as chosen from the backup and today's catalogue before the replay."""

    wanted: Sequence[trial.Target]
    kept: Sequence[str]


def _by_force(instance: Instance, engine: sa.Engine, found: Trial) -> tuple[_Sample, Trial]:
    """Before anything is led on: what has been destroyed since, and what of it opens.

    And what must open afterwards: what the replay loses is not to be left out.
    """
    with unit_of_work(engine) as scratch, instance.reading() as live:
        wanted, total = trial.targets(scratch, live, TARGETS)
        kept = trial.survivors(scratch, live, SURVIVORS)
        wraps = trial.live_wraps(live, wanted)
        forced = trial.opened_by_force(instance.vault, wanted, wraps)
        early = [one.object_id for one in wanted[:_SHOWN] if not _is_shut(instance, scratch, one)]
    return _Sample(wanted, kept), replace(
        found,
        destroyed_since=total,
        targets_tried=len(wanted),
        opened_by_force=len(forced),
        opened_before_replay=len(early),
        ids=tuple([*forced, *early][:_SHOWN]),
    )


def _led_on(
    instance: Instance,
    engine: sa.Engine,
    backup: Backup,
    keys: Sequence[str],
    sample: _Sample,
    found: Trial,
) -> Trial:
    """As after a restore: what has been destroyed is refused as such, and all else opens."""
    vault = instance.vault
    with unit_of_work(engine) as scratch:
        journals = chain(instance.settings.journal, backup)
        today = Today(vault, keys, instance.clock.now())
        done = replay(scratch, journals, backup, today)
        clear_pending(scratch)
    with unit_of_work(engine) as scratch:
        left = trial.not_shredded(vault, scratch, sample.wanted)
        lost = trial.not_opened(vault, scratch, sample.kept)
    return replace(
        found,
        journals=len(done.journals),
        not_shredded=len(left),
        survivors_tried=len(sample.kept),
        survivors_failed=len(lost),
        ids=tuple([*found.ids, *left, *lost][:_SHOWN]),
    )


def _is_shut(instance: Instance, scratch: sa.Connection, one: trial.Target) -> bool:
    """Before the replay nothing may be opened in the ordinary way."""
    try:
        instance.vault.object_key(scratch, one.object_id)
    except RestorePendingError:
        return True
    except CallwardError:
        return False
    return False


def _record(instance: Instance, report: DrillReport) -> None:
    now = instance.clock.now()
    body = {"trials": [{**asdict(one), "ids": list(one.ids)} for one in report.trials]}
    with instance.unit() as connection:
        connection.execute(
            t.drills.insert().values(id=report.id, outcome=report.outcome, body=body, at=now)
        )
        log.append(
            connection,
            "restore-drill",
            [],
            at=now,
            counts=report.counts(),
            ids={"drill": report.id, "outcome": report.outcome},
        )
        log.checkpoint(connection, instance.signer, now)

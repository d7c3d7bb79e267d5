"""An instance's life with backups in it, a catastrophe, and the home to restore into."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.backup.archive import Backup
from callward.backup.create import create_backup
from callward.backup.restore import Restored, restore
from callward.clock import FixedClock
from callward.instance import Instance, open_instance
from tests.retention.shelf import Shelved, read, shelve
from tests.support import NOW, instruct, new_instance, run_stage

_NO_BRAKE = {"brake_share": 1.0, "brake_floor": 1000, "clock_jump_days": 400, "processes": 2}


@dataclass
class Life:
    """An instance, its clock, what was put on its shelf, and where its backups are."""

    instance: Instance
    clock: FixedClock
    backups: Path
    shelf: dict[str, Shelved] = field(default_factory=dict)

    def shelve(self, name: str, **told: Any) -> Shelved:
        """Put an interaction on the shelf."""
        self.shelf[name] = shelve(self.instance, name, **told)
        return self.shelf[name]

    def back_up(self, **told: Any) -> Backup:
        """Make a backup."""
        return create_backup(self.instance, self.backups, **told)

    def sweep(self, days: float = 1) -> None:
        """Let days go by and destroy what is due by then."""
        self.clock.moment += timedelta(days=days)
        report = run_stage(self.instance, "retention")
        assert report.failures == [], str(report.failures)

    def home_after(self, where: Path, *, url: str = "", journal: bool = True) -> Path:
        """A home with today's keys and ciphertexts, and without the catalogue."""
        old = self.instance.settings.home
        where.mkdir()
        lines = [f"{name} = {value}" for name, value in _NO_BRAKE.items()]
        if url:
            lines.append(f'database_url = "{url}"')
        (where / "callward.toml").write_text("\n".join(lines))
        shutil.copytree(old / "keys", where / "keys")
        shutil.copytree(old / "instructions", where / "instructions")
        shutil.copytree(old / "data" / "objects", where / "data" / "objects")
        if journal and (old / "data" / "journal").exists():
            shutil.copytree(old / "data" / "journal", where / "data" / "journal")
        return where


def begin(tmp_path: Path, url: str = "") -> Life:
    """A life: due today are ``old-…`` (a page that survivors share), later all else."""
    clock = FixedClock(NOW)
    instance = new_instance(tmp_path / "home", database_url=url, clock=clock, **_NO_BRAKE)
    instruct(instance)
    life = Life(instance, clock, tmp_path / "backups")
    for number in range(3):
        life.shelve(f"old-{number}", age=44)
        life.shelve(f"young-{number}", age=5)
    return life


def restored(folder: Path, home: Path, **told: Any) -> tuple[Instance, Restored]:
    """Restore and open."""
    done = restore(folder, home, clock=FixedClock(NOW + timedelta(days=10)), **told)
    return open_instance(home, FixedClock(NOW + timedelta(days=10))), done


def states(instance: Instance, ids: Iterable[str]) -> set[str]:
    """The states of some objects."""
    query = sa.text("SELECT id, state FROM objects")
    with instance.unit() as connection:
        found = {row.id: row.state for row in connection.execute(query)}
    return {found[one] for one in ids}


def plaintexts(instance: Instance, ids: Iterable[str]) -> set[bytes]:
    """What some objects hold."""
    return {read(instance, one) for one in ids}


def with_a_word(instance: Instance) -> None:
    """The first sweep after a restore waits for a person: it may lack what came since."""
    (failure,) = run_stage(instance, "retention").failures
    assert "restored" in failure
    assert run_stage(instance, "retention", approve=failure.rpartition(" ")[2]).failures == []

"""The time machine: with today's keys no copy of any store opens what has been destroyed.

A month is lived: arrivals, changed instructions, holds placed and lifted, early
erasures, nights, and now and then a crash in the middle of one. After every
transaction everything that wraps or is wrapped is copied, and the journal after
every night. An adversary then has all copies, and every key cell as it is at the
end, and tries every wrap under every key that can be had from any of them.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock, today
from callward.errors import IntegrityError
from callward.instance import Instance
from callward.instructions.periods import Period
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import lift_hold, place_hold
from callward.vault import journal
from callward.vault.cells import FileCell, KeyCell, unwrap
from callward.vault.pkcs11 import Pkcs11Cell
from callward.vault.sealing import context, open_bytes
from callward.vault.vault import Vault
from tests.hsm import HsmToken
from tests.retention.shelf import Shelved, openable, shelve
from tests.support import instruct, rows, run_stage

CONTROLLERS = ("acorn", "birch", "cedar")


@dataclass
class Loot:
    """Everything that was ever to be copied."""

    page_wraps: set[bytes] = field(default_factory=set)
    object_wraps: dict[str, set[bytes]] = field(default_factory=dict)
    payloads: dict[str, set[bytes]] = field(default_factory=dict)
    about: dict[str, tuple[str, str]] = field(default_factory=dict)
    copies: int = 0

    def copy(self, connection: sa.Connection) -> None:
        """Take what the catalogue holds just now."""
        self.copies += 1
        self.page_wraps |= {bytes(w) for w in connection.scalars(sa.select(t.pages.c.wrapped_key))}
        for one, wrapped in connection.execute(
            sa.select(t.object_keys.c.object_id, t.object_keys.c.wrapped_key)
        ):
            self.object_wraps.setdefault(one, set()).add(bytes(wrapped))
        for one, sealed in connection.execute(sa.select(t.payloads)):
            self.payloads.setdefault(one, set()).add(bytes(sealed))
        objects = t.objects.c
        for one, controller, kind in connection.execute(
            sa.select(objects.id, objects.controller, objects.kind)
        ):
            self.about[one] = (controller, kind)

    def copy_journals(self, folder: Path) -> None:
        """Take the key backups as well."""
        for generation in journal.generations(folder):
            found = journal.read(folder, generation)
            if (found.folder / journal.PAGES).exists():
                self.page_wraps |= {
                    bytes.fromhex(one["wrapped_key"]) for one in found.lines("pages")
                }
            for one in found.lines("moved"):
                wraps = self.object_wraps.setdefault(one["object"], set())
                wraps.add(bytes.fromhex(one["wrapped_key"]))

    def page_keys(self, cells: tuple[KeyCell, ...]) -> set[bytes]:
        """Every page key that the cells as they are give away, of whatever copy."""
        found: set[bytes] = set()
        for cell in cells:
            for generation in cell.generations():
                for wrapped in self.page_wraps:
                    try:
                        found |= set(cell.unwrap(generation, [wrapped]))
                    except IntegrityError:
                        continue
        return found

    def opened(self, page_keys: set[bytes]) -> set[str]:
        """The objects of which a copy opens."""
        return {
            one for one, wraps in self.object_wraps.items() if self._opens(one, wraps, page_keys)
        }

    def _opens(self, one: str, wraps: set[bytes], page_keys: set[bytes]) -> bool:
        for wrapped in wraps:
            for page_key in page_keys:
                try:
                    key = unwrap(page_key, wrapped)
                except IntegrityError:
                    continue
                self._try_content(one, key)
                return True
        return False

    def _try_content(self, one: str, key: bytes) -> None:
        """An object key that was had opens the row that was copied: the loot is real."""
        controller, kind = self.about[one]
        for sealed in self.payloads.get(one, ()):
            open_bytes(key, context(controller, one, kind), sealed)


class Crash(BaseException):
    """The process dies here."""


class Watched(Instance):
    """An instance of which a copy is made after every transaction, and which may die there."""

    loot = Loot()
    dies_in = 0

    @contextmanager
    def unit(self) -> Iterator[sa.Connection]:
        """One transaction, a copy, and perhaps the end."""
        with Instance.unit(self) as connection:
            yield connection
        with Instance.unit(self) as connection:
            Watched.loot.copy(connection)
        if Watched.dies_in:
            Watched.dies_in -= 1
            if not Watched.dies_in:
                raise Crash


@pytest.fixture(params=["file", "pkcs11"])
def cells(request: pytest.FixtureRequest, instance: Instance) -> tuple[KeyCell, ...]:
    """The instance's cells: a file, or a file and a token that hold the same roots."""
    file = FileCell(instance.settings.keys)
    if request.param == "file":
        return (file,)
    token: HsmToken = request.getfixturevalue("hsm_token")
    name = f"tm-{instance.engine.dialect.name}"
    hsm = Pkcs11Cell(token.module, token.token, name, lambda: token.pin, "hsm")
    hsm.hold(1, (instance.settings.keys / "root-00000001.key").read_bytes())
    return (hsm, file)


@pytest.fixture
def watched(instance: Instance, cells: tuple[KeyCell, ...]) -> Watched:
    """The instance, watched."""
    Watched.loot, Watched.dies_in = Loot(), 0
    vault = Vault(cells, instance.vault.store)
    parts = {one.name: getattr(instance, one.name) for one in fields(instance)}
    return Watched(**{**parts, "vault": vault})


def _night(instance: Watched, crash_after: int) -> None:
    """Sweep; where it crashes or waits for a person's word, sweep again until it ends."""
    Watched.dies_in, approve = crash_after, None
    for _ in range(4):
        try:
            failures = run_stage(instance, "retention", approve=approve).failures
        except Crash:
            continue
        finally:
            Watched.dies_in = 0
        if not failures:
            break
        assert [failure.partition("]")[0] for failure in failures] == ["[brake"]
        approve = failures[0].rpartition(" ")[2]
    else:
        pytest.fail(f"the night does not end: {failures}")
    Watched.loot.copy_journals(instance.settings.journal)


def test_no_copy_opens_what_is_gone(watched: Watched, cells: tuple[KeyCell, ...]) -> None:
    """Whatever is shredded opens from nothing that was ever copied; all else opens today.

    A month on SQLite with a file and on PostgreSQL with a token, half of one on the other
    two; CALLWARD_WHOLE_MONTHS=1 gives all four a month.
    """
    usual = (watched.engine.dialect.name == "sqlite") == (len(cells) == 1)
    days = 30 if usual or os.environ.get("CALLWARD_WHOLE_MONTHS") else 14
    dice = random.Random(20261123)
    clock = watched.clock
    assert isinstance(clock, FixedClock)
    periods = dict.fromkeys(CONTROLLERS, 45)
    for controller in CONTROLLERS:
        instruct(watched, controller)
    shelf: list[Shelved] = []
    holds: list[str] = []
    for day in range(days):
        clock.moment += timedelta(days=1)
        for controller in CONTROLLERS:
            period = Period(days=periods[controller])
            for n in range(dice.randint(1, 3)):
                age = dice.choice((1, 20, 40, periods[controller] - 1, periods[controller]))
                name = f"{controller} {day} {n}"
                shelf.append(
                    shelve(watched, name, age=age, controller=controller, recordings=period)
                )
        if day % 7 == 3:
            chosen = dice.choice(CONTROLLERS)
            periods[chosen] = dice.choice((30, 45, 60))
            instruct(watched, chosen, recordings=f"{periods[chosen]} days")
        if day % 4 == 1:
            _hold_one(watched, shelf, holds, dice)
        if day % 5 == 2 and holds:
            lift_hold(watched, holds.pop(0))
        if day % 3 == 0:
            _erase_one(watched, shelf, dice)
        _night(watched, dice.randint(1, 25) if day % 2 else 0)
    _judge(watched, cells, shelf)


def _hold_one(
    instance: Instance, shelf: list[Shelved], holds: list[str], dice: random.Random
) -> None:
    living = [one for one in shelf if _state(instance, one.recording) != "shredded"]
    one = dice.choice(living)
    controller = dict(rows(instance, "interactions", "id", "controller"))[one.interaction]
    review = today(instance.clock)
    holds.append(place_hold(instance, controller, "interaction", one.interaction, "asked", review))


def _erase_one(instance: Instance, shelf: list[Shelved], dice: random.Random) -> None:
    living = [one for one in shelf if _state(instance, one.recording) == "live"]
    instruct_erasure(instance, [dice.choice(living).interaction], "asked")


def _state(instance: Instance, one: str) -> str:
    return str(dict(rows(instance, "objects", "id", "state"))[one])


def _judge(instance: Watched, cells: tuple[KeyCell, ...], shelf: list[Shelved]) -> None:
    states = dict(rows(instance, "objects", "id", "state"))
    ids = {one for shelved in shelf for one in shelved.all}
    gone = {one for one in ids if states[one] == "shredded"}
    assert len(gone) > 20
    assert len(ids - gone) > 40
    loot = Watched.loot
    assert loot.copies > 200
    assert gone <= set(loot.object_wraps), "a copy was made of everything while it was there"
    opened = loot.opened(loot.page_keys(cells))
    assert opened & gone == set()
    assert opened >= ids - gone
    assert openable(instance, ids) == ids - gone
    assert [cell.generations() for cell in cells] == [
        {
            number
            for number, state in rows(instance, "generations", "number", "state")
            if state == "current"
        }
    ] * len(cells)


def test_the_adversary_is_not_blind(watched: Watched, tmp_path: Path) -> None:
    """With the cell as it was before the sweep, the same copies do open what is gone."""
    instruct(watched)
    old = shelve(watched, "old", age=50)
    copied = FileCell(tmp_path / "stolen")
    copied.hold(1, (watched.settings.keys / "root-00000001.key").read_bytes())
    _night(watched, 0)
    loot = Watched.loot
    assert openable(watched, old.all) == {old.details}
    assert loot.opened(loot.page_keys(watched.vault.cells)) & old.media == set()
    assert loot.opened(loot.page_keys((copied,))) >= old.media

"""Instructions in the catalogue: versions, what is in force, what got shorter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue.tables import instructions
from callward.instructions.model import Instruction
from callward.instructions.reader import Loaded
from callward.instructions.registry import (
    all_in_force,
    in_force,
    known_before,
    load,
    shortened,
    versions,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Entries:
    """A ledger that only remembers."""

    seen: list[tuple[str, dict[str, str], dict[str, int]]] = field(default_factory=list)

    def __call__(self, event: str, ids: Mapping[str, str], counts: Mapping[str, int]) -> None:
        """Remember one entry."""
        self.seen.append((event, dict(ids), dict(counts)))


@pytest.fixture
def connection(catalogue_engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction on an empty catalogue, on each database in turn."""
    with catalogue_engine.begin() as connection:
        yield connection


@pytest.fixture
def entries() -> Entries:
    """An empty ledger."""
    return Entries()


def loaded(digest: str, **said: Any) -> Loaded:
    """Return a valid instruction that says ``said``, under a made-up digest."""
    base = {
        "controller": "acorn",
        "name": "Acorn Insurance Ltd",
        "effective_from": date(2026, 1, 1),
        "approved_by": "Head of Data Protection",
        "reference": "ACORN/1",
        "lawful_basis": "contract",
    }
    return Loaded(Instruction.model_validate(base | said), digest * 64)


def test_first_load_is_version_one(connection: sa.Connection, entries: Entries) -> None:
    """A new controller's instruction is catalogued and entered in the ledger."""
    what = loaded("a", transcription={"enabled": True})
    assert load(connection, what, at=NOON, record=entries) == 1
    [kept] = versions(connection, "acorn")
    assert (kept.version, kept.digest, kept.loaded_at) == (1, "a" * 64, NOON)
    assert kept.instruction == what.instruction
    ids = {"controller": "acorn", "digest": "a" * 64}
    assert entries.seen == [("instruction-loaded", ids, {"version": 1, "shortened": 0})]


def test_same_digest_changes_nothing(connection: sa.Connection, entries: Entries) -> None:
    """Loading the newest file again adds neither version nor ledger entry."""
    load(connection, loaded("a"), at=NOON, record=entries)
    before = connection.execute(sa.select(instructions)).all()
    assert load(connection, loaded("a"), at=NOON.replace(hour=13), record=entries) is None
    assert connection.execute(sa.select(instructions)).all() == before
    assert len(entries.seen) == 1


def test_going_back_to_an_old_file_is_a_new_decision(
    connection: sa.Connection, entries: Entries
) -> None:
    """Only the newest version's digest is a repetition; an older one is a change back."""
    loads = [load(connection, loaded(d), at=NOON, record=entries) for d in "aba"]
    assert loads == [1, 2, 3]
    assert [v.digest[0] for v in versions(connection, "acorn")] == ["a", "b", "a"]


def test_ledger_says_how_many_classes_got_shorter(
    connection: sa.Connection, entries: Entries
) -> None:
    """Shortened classes are counted in the entry; voicemail is shortened with recordings."""
    load(connection, loaded("a"), at=NOON, record=entries)
    shorter = loaded("b", retention={"recordings": "30 days"})
    load(connection, shorter, at=NOON, record=entries)
    assert entries.seen[-1][2] == {"version": 2, "shortened": 2}


def test_failing_ledger_leaves_no_version(catalogue_engine: sa.Engine) -> None:
    """If the entry cannot be written, the transaction keeps nothing."""

    def refuse(event: str, ids: Mapping[str, str], counts: Mapping[str, int]) -> None:
        raise OSError(event, ids, counts)

    with pytest.raises(OSError, match="loaded"), catalogue_engine.begin() as connection:
        load(connection, loaded("a"), at=NOON, record=refuse)
    with catalogue_engine.begin() as connection:
        assert versions(connection, "acorn") == []


def test_in_force_follows_effective_days(connection: sa.Connection, entries: Entries) -> None:
    """Before the first effective day nothing is in force; from each day on its version."""
    for digest, day in (("a", date(2026, 1, 1)), ("b", date(2026, 6, 1))):
        load(connection, loaded(digest, effective_from=day), at=NOON, record=entries)

    def version(day: date) -> int | None:
        found = in_force(connection, "acorn", day)
        return found.version if found else None

    assert version(date(2025, 12, 31)) is None
    assert version(date(2026, 1, 1)) == 1
    assert version(date(2026, 5, 31)) == 1
    assert version(date(2026, 6, 1)) == 2
    assert in_force(connection, "birch", date(2026, 6, 1)) is None


def test_later_version_supersedes_from_its_own_day(
    connection: sa.Connection, entries: Entries
) -> None:
    """Loaded later but effective earlier, it wins from its day on, for good."""
    for digest, day in (("a", date(2026, 6, 1)), ("b", date(2026, 2, 1))):
        load(connection, loaded(digest, effective_from=day), at=NOON, record=entries)
    for day in (date(2026, 2, 1), date(2026, 6, 1), date(2027, 1, 1)):
        found = in_force(connection, "acorn", day)
        assert found is not None
        assert found.version == 2


def test_all_in_force(connection: sa.Connection, entries: Entries) -> None:
    """Every controller with an effective instruction is there once, sorted, others not."""
    load(connection, loaded("a", controller="birch"), at=NOON, record=entries)
    load(connection, loaded("b"), at=NOON, record=entries)
    load(connection, loaded("c"), at=NOON, record=entries)
    late = loaded("d", controller="cedar", effective_from=date(2027, 1, 1))
    load(connection, late, at=NOON, record=entries)
    found = all_in_force(connection, date(2026, 3, 1))
    assert [(name, v.version) for name, v in found.items()] == [("acorn", 2), ("birch", 1)]


def test_known_before(connection: sa.Connection, entries: Entries) -> None:
    """What was loaded at the moment or after it is left out; of each all versions, in order."""
    for digest, hour in (("a", 12), ("b", 13), ("c", 14)):
        load(connection, loaded(digest), at=NOON.replace(hour=hour), record=entries)
    load(connection, loaded("d", controller="birch"), at=NOON.replace(hour=14), record=entries)
    found = known_before(connection, NOON.replace(hour=14))
    assert {name: [one.version for one in some] for name, some in found.items()} == {
        "acorn": [1, 2]
    }
    assert found["acorn"] == versions(connection, "acorn")[:2]
    assert list(known_before(connection, NOON.replace(hour=15))) == ["acorn", "birch"]


def test_shortened() -> None:
    """Only classes that end earlier are named, longer ones are not."""
    older = loaded("a", retention={"recordings": "45 days", "interactions": "2 years"})
    newer = loaded("b", retention={"recordings": "6 weeks", "interactions": "3 years"})
    assert shortened(older.instruction, newer.instruction) == {"recordings", "voicemail"}
    assert shortened(newer.instruction, older.instruction) == {"interactions"}
    assert shortened(older.instruction, older.instruction) == frozenset()

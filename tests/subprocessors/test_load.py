"""The register's folder and the catalogue: versions, the ledger, what cannot be relied on."""

import json

import pytest
import sqlalchemy as sa

from callward.catalogue.tables import ledger_leaves, sub_processors
from callward.instance import Instance
from callward.subprocessors.checking import Unreadable, may_go_to
from callward.subprocessors.load import load_register, look_at_register
from callward.subprocessors.registry import newest, versions
from tests.subprocessors.entries import DAY, FULL, changed, register
from tests.support import rows, snapshot

RISKIER = changed({"risk: low": "risk: high"})


def events(instance: Instance) -> list[dict[str, object]]:
    """The register's entries in the ledger, oldest first."""
    leaf = ledger_leaves.c
    query = sa.select(leaf.body).where(leaf.event == "sub-processor-loaded").order_by(leaf.position)
    with instance.reading() as connection:
        bodies = [json.loads(body) for body in connection.scalars(query)]
    return [{"ids": body["ids"], "counts": body["counts"]} for body in bodies]


def test_an_empty_register(instance: Instance) -> None:
    """Knows nobody and has no problems; so has one whose folder is not there."""
    found = load_register(instance)
    assert (found.ids, dict(found.problems), dict(found.changed)) == ([], {}, {})
    assert found.get("northwind") is None
    instance.settings.sub_processors.rmdir()
    assert load_register(instance).ids == []


def test_a_changed_file_is_a_new_version(instance: Instance) -> None:
    """Catalogued and in the ledger, by id and digest; the same again changes nothing."""
    register(instance)
    first = load_register(instance)
    assert dict(first.changed) == {"northwind": 1}
    before = snapshot(instance)
    assert dict(load_register(instance).changed) == {}
    assert snapshot(instance) == before
    register(instance, RISKIER)
    second = load_register(instance)
    assert dict(second.changed) == {"northwind": 2}
    register(instance)
    assert dict(load_register(instance).changed) == {"northwind": 3}
    with instance.reading() as connection:
        kept = versions(connection, "northwind")
        assert newest(connection)["northwind"] == kept[-1]
    assert [(one.version, one.value.risk) for one in kept] == [
        *((1, "low"), (2, "high"), (3, "low")),
    ]
    assert [one.loaded_at for one in kept] == [instance.clock.now()] * 3
    assert events(instance) == [
        {
            "ids": {"sub_processor": "northwind", "digest": one.digest},
            "counts": {"version": one.version},
        }
        for one in kept
    ]


def test_the_newest_version_is_in_force(instance: Instance) -> None:
    """What is given under its id is what the file says now, read back from the catalogue."""
    register(instance)
    register(instance, name="southwind")
    load_register(instance)
    register(instance, RISKIER)
    found = load_register(instance)
    assert found.ids == ["northwind", "southwind"]
    assert {name: one.version for name, one in found.entries.items()} == {
        "northwind": 2,
        "southwind": 1,
    }
    known = found.get("northwind")
    assert known is not None
    assert not isinstance(known, Unreadable)
    assert known.risk == "high"
    assert may_go_to(known, "NO", DAY, ()) is None
    assert found.findings(DAY) == []


def test_a_file_that_is_wrong_stops_its_own_sub_processor_alone(instance: Instance) -> None:
    """Nothing may go to it, though an earlier version is there; others go on; then it is mended."""
    path = register(instance)
    register(instance, name="southwind")
    load_register(instance)
    before = rows(instance, "sub_processors")
    path.write_text(FULL.replace("risk: low", "risk: none"))
    found = load_register(instance)
    assert found.problems.keys() == {"northwind"}
    assert "northwind.yaml, line 26: risk: expected one of" in found.problems["northwind"]
    assert found.entries.keys() == {"southwind"}
    unclear = found.get("northwind")
    assert unclear == Unreadable("northwind")
    assert may_go_to(unclear, "GB", DAY, ()) == "sub-processor-register-unreadable"
    assert may_go_to(found.get("southwind"), "GB", DAY, ()) is None
    assert [(one.sub_processor, one.code) for one in found.findings(DAY)] == [
        ("northwind", "register-unreadable")
    ]
    assert rows(instance, "sub_processors") == before
    register(instance)
    assert may_go_to(load_register(instance).get("northwind"), "GB", DAY, ()) is None
    assert rows(instance, "sub_processors") == before


def test_a_file_that_is_wrong_from_the_start(instance: Instance) -> None:
    """Is unclear, not unknown."""
    register(instance, "id: northwind\n")
    found = load_register(instance)
    assert found.ids == ["northwind"]
    assert found.get("northwind") == Unreadable("northwind")


def test_a_file_under_another_name_makes_both_unclear(instance: Instance) -> None:
    """Which of the two was meant is not known."""
    register(instance)
    (instance.settings.sub_processors / "southwind.yaml").write_text(RISKIER)
    found = load_register(instance)
    assert found.problems.keys() == {"northwind", "southwind"}
    assert "southwind.yaml: the file must be named after its id" in found.problems["northwind"]
    assert found.entries == {}


def test_a_file_under_another_ending_is_a_problem(instance: Instance) -> None:
    """It would be overlooked; an editor's files are nobody's."""
    register(instance)
    (instance.settings.sub_processors / "southwind.yml").write_text(FULL)
    (instance.settings.sub_processors / ".northwind.yaml.swp").write_text("x")
    found = load_register(instance)
    assert found.problems.keys() == {"southwind"}
    assert "southwind.yml: register files end in .yaml" in found.problems["southwind"]


def test_a_file_that_has_gone_takes_its_sub_processor_off(instance: Instance) -> None:
    """Nothing may go there until it is back, or says that the use has ended."""
    path = register(instance)
    load_register(instance)
    path.unlink()
    found = load_register(instance)
    assert found.get("northwind") == Unreadable("northwind")
    assert "northwind.yaml: expected a file of every" in found.problems["northwind"]
    register(instance, changed({"status: active": "status: ended"}))
    load_register(instance)
    path.unlink()
    found = load_register(instance)
    assert found.problems == {}
    assert [one.code.value for one in found.findings(DAY)] == ["ended"]


def test_looking_changes_nothing_and_sees_the_same(instance: Instance) -> None:
    """What the next load would find; a version that is not catalogued yet is 0."""
    register(instance)
    register(instance, name="southwind")
    load_register(instance)
    register(instance, RISKIER)
    gone = register(instance, name="eastwind")
    load_register(instance)
    register(instance)
    gone.unlink()
    (instance.settings.sub_processors / "westwind.yaml").write_text("")
    before = snapshot(instance)
    seen = look_at_register(instance)
    assert snapshot(instance) == before
    assert {name: one.version for name, one in seen.entries.items()} == {
        "northwind": 0,
        "southwind": 1,
    }
    loaded = load_register(instance)
    assert seen.problems == loaded.problems
    assert seen.problems.keys() == {"eastwind", "westwind"}
    assert {name: one.value for name, one in seen.entries.items()} == {
        name: one.value for name, one in loaded.entries.items()
    }


def test_a_ledger_that_fails_leaves_no_version(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the entry cannot be written, the transaction keeps nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("full")

    register(instance)
    before = snapshot(instance)
    monkeypatch.setattr("callward.ledger.log.append", refuse)
    with pytest.raises(OSError, match="full"):
        load_register(instance)
    assert snapshot(instance) == before


def test_two_that_load_the_same_at_once(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that comes second finds the first one's version, and makes none of its own."""
    if instance.engine.dialect.name == "sqlite":
        pytest.skip("writers queue for the file")
    register(instance)
    truly = versions
    rivals = [lambda: load_register(instance)]

    def late(_: object, connection: sa.Connection, sub_processor: str) -> object:
        found = truly(connection, sub_processor)
        if rivals:
            rivals.pop()()
        return found

    monkeypatch.setattr("callward.registers.book.Book.versions", late)
    load_register(instance)
    with instance.reading() as connection:
        assert len(truly(connection, "northwind")) == 1
    assert len(rows(instance, sub_processors.name)) == len(events(instance)) == 1

"""The register's folder and the catalogue: versions, the ledger, documents."""

import hashlib
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from callward.assurance.documents import Seen
from callward.assurance.load import BOOK, load_assurance, look_at_assurance
from callward.assurance.stage import as_markdown, as_rows, checked
from callward.catalogue.tables import ledger_leaves
from callward.clock import FixedClock
from callward.instance import Instance
from tests.assurance.items import DAY, FULL, TEST, enter, enter_all
from tests.support import rows, snapshot


def events(instance: Instance) -> list[dict[str, object]]:
    """The ledger's entries of items that were loaded."""
    with instance.reading() as connection:
        found = connection.scalars(
            sa.select(ledger_leaves.c.body).order_by(ledger_leaves.c.position)
        )
        bodies = [json.loads(body) for body in found]
    return [one for one in bodies if one["event"] == "assurance-item-loaded"]


def test_a_whole_register(instance: Instance) -> None:
    """All are loaded once, with an entry each; a second time nothing changes."""
    enter_all(instance)
    first = load_assurance(instance)
    assert first.changed == dict.fromkeys(sorted(FULL), 1)
    assert first.problems == {}
    assert set(first.documents.values()) == {Seen.THERE}
    assert first.findings(DAY) == []
    before = snapshot(instance)
    again = load_assurance(instance)
    assert again.changed == {}
    assert again.entries == first.entries
    assert snapshot(instance) == before
    assert [one["ids"] for one in events(instance)] == [
        {"item": name, "digest": first.entries[name].digest} for name in sorted(FULL)
    ]


def test_a_changed_file_is_a_new_version(instance: Instance) -> None:
    """The earlier one stays as it was; the kind has a column of its own."""
    enter_all(instance)
    load_assurance(instance)
    enter(instance, TEST.replace("medium: 2", "medium: 1"), "penetration-test")
    found = load_assurance(instance)
    assert found.changed == {"penetration-test": 2}
    with instance.reading() as connection:
        kept = BOOK.versions(connection, "penetration-test")
    counts = [one.value.findings.medium for one in kept if one.value.findings]
    assert ([one.version for one in kept], counts) == ([1, 2], [2, 1])
    assert {kind for (kind,) in rows(instance, "assurance_items", "kind")} == set(FULL)


def test_a_document_is_looked_at_anew_each_time(instance: Instance) -> None:
    """Missing or different it is a finding of every item that names it; it is not touched."""
    enter_all(instance)
    load_assurance(instance)
    path = instance.settings.assurance_documents / "paper.pdf"
    path.write_bytes(b"another")
    found = load_assurance(instance)
    assert found.changed == {}
    assert {one.code.value for one in found.findings(DAY)} == {"document-changed"}
    assert len(found.findings(DAY)) == 5
    assert path.read_bytes() == b"another"
    path.unlink()
    assert {one.code.value for one in look_at_assurance(instance).findings(DAY)} == {
        "document-missing"
    }


def test_nothing_of_a_document_is_kept(instance: Instance) -> None:
    """It may hold personal data: neither its content nor its new digest goes anywhere."""
    enter_all(instance)
    content = b"canary, Jo Smith"
    (instance.settings.assurance_documents / "paper.pdf").write_bytes(content)
    found = checked(load_assurance(instance), DAY)
    told = repr((snapshot(instance), as_rows(found.findings), as_markdown(found)))
    assert "document-changed" in told
    assert "canary" not in told
    assert hashlib.sha256(content).hexdigest() not in told


def test_a_file_that_is_wrong_stops_its_own_item_alone(instance: Instance) -> None:
    """With line and expectation; the version loaded before does not count meanwhile."""
    enter_all(instance)
    load_assurance(instance)
    enter(instance, FULL["iso-9001"].replace("2027-06-30", "canary"), "iso-9001")
    found = load_assurance(instance)
    assert found.problems.keys() == {"iso-9001"}
    assert found.problems["iso-9001"].startswith("[assurance] iso-9001.yaml, line 8: expires: ")
    assert "canary" not in found.problems["iso-9001"]
    assert [one.code.value for one in found.findings(DAY)] == [
        "item-unreadable",
        "required-missing",
    ]


def test_a_file_that_has_gone_before_its_last_day(instance: Instance) -> None:
    """Is missed; what is over, or was ended, is history and needs no file."""
    enter_all(instance)
    old = FULL["iso-9001"].replace("id: iso-9001", "id: old").replace("2027-06-30", "2026-11-19")
    ended = FULL["iso-9001"].replace("id: iso-9001", "id: ended\nstatus: ended")
    gone = [enter(instance, text, name) for text, name in ((old, "old"), (ended, "ended"))]
    load_assurance(instance)
    for path in gone:
        path.unlink()
    (instance.settings.assurance_documents / "paper.pdf").rename(
        instance.settings.assurance_documents / "kept.pdf"
    )
    found = load_assurance(instance)
    assert found.problems == {}
    assert found.gone == {"old", "ended"}
    assert {one.item for one in found.findings(DAY)} == set(FULL) - {"dpo"}
    (instance.settings.assurance / "dpo.yaml").unlink()
    found = load_assurance(instance)
    assert found.problems.keys() == {"dpo"}
    assert "dpo.yaml: expected a file of every item that is not over" in (found.problems["dpo"])


def test_a_test_with_grave_findings_does_not_go(instance: Instance) -> None:
    """Its file is missed until they are put right, however old it is."""
    old = TEST.replace("2026-09-01", "2024-09-01").replace("high: 0", "high: 1")
    enter_all(instance)
    path = enter(instance, old.replace("id: penetration-test", "id: old"), "old")
    load_assurance(instance)
    path.unlink()
    assert load_assurance(instance).problems.keys() == {"old"}
    path.write_text(old.replace("id: penetration-test", "id: old").replace("high: 1", "high: 0"))
    load_assurance(instance)
    path.unlink()
    assert load_assurance(instance).findings(DAY) == []


def test_looking_changes_nothing_and_sees_the_same(instance: Instance) -> None:
    """A version that is not catalogued yet is 0."""
    enter_all(instance)
    before = snapshot(instance)
    seen = look_at_assurance(instance)
    assert snapshot(instance) == before
    assert {one.version for one in seen.entries.values()} == {0}
    loaded = load_assurance(instance)
    assert {name: one.value for name, one in seen.entries.items()} == {
        name: one.value for name, one in loaded.entries.items()
    }
    assert seen.documents == loaded.documents


def test_an_instance_from_before_there_was_a_register(instance: Instance) -> None:
    """Its folders are not there, and everything is missing."""
    instance.settings.assurance_documents.rmdir()
    instance.settings.assurance.rmdir()
    assert {one.code.value for one in load_assurance(instance).findings(DAY)} == {
        "required-missing"
    }


def test_a_ledger_that_fails_leaves_no_version(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the entry cannot be written, the transaction keeps nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("full")

    enter_all(instance)
    before = snapshot(instance)
    monkeypatch.setattr("callward.ledger.log.append", refuse)
    with pytest.raises(OSError, match="full"):
        load_assurance(instance)
    assert snapshot(instance) == before


def test_what_was_known_at_a_moment(instance: Instance) -> None:
    """Later versions are left out; an item that was not there yet is not named."""
    enter(instance, TEST, "penetration-test")
    load_assurance(instance)
    moment = instance.clock.now() + timedelta(hours=1)
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment = moment
    enter(instance, TEST.replace("medium: 2", "medium: 1"), "penetration-test")
    enter(instance, FULL["dpo"], "dpo")
    load_assurance(instance)
    with instance.reading() as connection:
        before = BOOK.known_before(connection, moment)
        after = BOOK.known_before(connection, moment + timedelta(hours=1))
        whole = BOOK.versions(connection, "penetration-test")
    assert before == {"penetration-test": whole[:1]}
    assert after["penetration-test"] == whole
    assert list(after) == ["dpo", "penetration-test"]

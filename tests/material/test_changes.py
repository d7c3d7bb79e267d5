"""A night's look at what would make a review necessary, through real files on both databases."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from callward import regions
from callward.evidence.clauses.notice import FILE, NoticeError
from callward.instance import Instance
from callward.ledger import log
from callward.ledger.leaves import parse_item, parse_leaf
from callward.material import book, dependencies, engaged
from callward.material.dependencies import direct
from callward.material.modelfolder import GONE, folder_digest
from callward.settings import load_settings
from tests.assurance.items import FULL as ASSURED
from tests.assurance.items import enter
from tests.material.world import changed, dealt, furnish, later, look, waiting, write_notice
from tests.subprocessors.entries import changed as entry_with
from tests.subprocessors.entries import register
from tests.support import instruct, rows, run_stage, snapshot


@pytest.fixture
def seen(instance: Instance) -> Instance:
    """An instance whose facts have been looked at the night before."""
    furnish(instance)
    assert look(instance) == []
    later(instance, days=1)
    return instance


def leaves(instance: Instance, event: str) -> list[str]:
    """The bodies of the ledger's leaves of an event."""
    return [
        body for name, body in rows(instance, "ledger_leaves", "event", "body") if name == event
    ]


def test_the_first_look_tells_nothing(instance: Instance) -> None:
    """The facts are kept, with the ledger's word for it, and no change is noted."""
    furnish(instance)
    assert look(instance) == []
    facts = rows(instance, "material_facts", "kind")
    assert {kind for (kind,) in facts} == {
        "notice", "law", "instruction", "sub-processor", "engine", "region", "assurance",
        "dependency",
    }  # fmt: skip
    (leaf,) = leaves(instance, book.FIRST_EVENT)
    assert parse_leaf(leaf).counts == {"facts": len(facts)}
    assert changed(instance) == []


def test_nothing_changed(seen: Instance) -> None:
    """A second night finds everything as it was, and writes nothing."""
    before = snapshot(seen)
    assert look(seen) == []
    assert snapshot(seen) == before


def _law(instance: Instance) -> None:
    write_notice(instance, "as_of: 2026-02-05", "as_of: 2026-11-20")


def _clause(instance: Instance) -> None:
    write_notice(instance, "title: ISO 9001", "title: ISO 9001 as of 2015")


def _edition(instance: Instance) -> None:
    write_notice(instance, 'edition: "2026"', 'edition: "2027"')


def _retention(instance: Instance) -> None:
    instruct(instance, recordings="30 days")


def _transcription(instance: Instance) -> None:
    instruct(instance, transcription=True)


def _ended(instance: Instance) -> None:
    register(instance, entry_with({"status: active": "status: ended"}))


def _agreement(instance: Instance) -> None:
    register(instance, entry_with({"reference: DPA/14": "reference: DPA/15"}))


def _commitments(instance: Instance) -> None:
    register(instance, entry_with({"no_training: true": "no_training: false"}))


def _countries(instance: Instance) -> None:
    register(instance, entry_with({'[GB, IE, "NO", US]': '[GB, IE, "NO"]', "[US]": "[CA]"}))


def _lapse(instance: Instance) -> None:
    enter(instance, ASSURED["iso-9001"].replace("2027-06-30", "2026-11-20"), "iso-9001")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_law, {"law pecr-2003"}),
        (_clause, {"notice N13.2"}),
        (_edition, {"notice map"}),
        (_retention, {"instruction acorn/retention"}),
        (_transcription, {"instruction acorn/transcription"}),
        (_ended, {"sub-processor northwind/status"}
            | {f"region in-use/{country}" for country in ("GB", "IE", "NO", "US")}),
        (_agreement, {"sub-processor northwind/agreement"}),
        (_commitments, {"sub-processor northwind/commitments"}),
        (_countries, {"sub-processor northwind/regions", "region in-use/US"}),
        (_lapse, {"assurance iso-9001"}),
    ],
)  # fmt: skip
def test_a_change_in_a_file(
    seen: Instance, change: Callable[[Instance], None], found: set[str]
) -> None:
    """Is found where it is and nowhere else, and the summary says so."""
    change(seen)
    lines = look(seen)
    assert {f"{kind} {subject}" for kind, subject, _, _ in changed(seen)} == found
    assert f"no review has dealt with: {len(found)} (" in lines[0]
    assert len(lines) == 1 + len(found)


def test_values_are_codes(seen: Instance) -> None:
    """What can be said in codes is, before and after."""
    _retention(seen)
    _lapse(seen)
    _commitments(seen)
    look(seen)
    assert changed(seen) == [
        ("assurance", "iso-9001", "in-force", "not-in-force"),
        ("instruction", "acorn/retention",
         "45-days+45-days+3-years+3-years+none", "30-days+30-days+3-years+3-years+none"),
        ("sub-processor", "northwind/commitments",
         "no-training+no-onward-use", "no-onward-use"),
    ]  # fmt: skip


def with_engine(instance: Instance, model: str, path: str = "v1") -> Instance:
    """The instance after an engine has been written into its settings."""
    settings = instance.settings.home / "callward.toml"
    rest = settings.read_text().partition("\n[engine.north]")[0]
    settings.write_text(
        f'{rest}\n[engine.north]\nkind = "http"\nmodel = "{model}"\ncountry = "IE"\n'
        f'sub_processor = "northwind"\nurl = "https://speech.northwind.example/{path}"\n'
    )
    return replace(instance, settings=load_settings(instance.settings.home))


def test_an_engine(seen: Instance) -> None:
    """A new one is found with its kind, model, place and address; then whatever changes of it."""
    look(with_engine(seen, "large"))
    found = {subject: after for _, subject, before, after in changed(seen) if before is None}
    digests = {name: found.pop(f"north/{name}") for name in ("model", "endpoint")}
    assert found == {
        "north/kind": "http",
        "north/country": "IE",
        "north/sub-processor": "northwind",
    }
    later(seen, days=1)
    look(with_engine(seen, "larger"))
    assert [one[1:3] for one in changed(seen)[5:]] == [("north/model", digests["model"])]
    later(seen, days=1)
    look(with_engine(seen, "larger", "v2"))
    assert [one[1:3] for one in changed(seen)[6:]] == [("north/endpoint", digests["endpoint"])]


def test_a_model_in_a_folder(tmp_path: Path) -> None:
    """Is another one if any of its files is, to the last byte, or has another name."""
    folder = tmp_path / "model"
    folder.mkdir()
    parts = {"model.bin": b"\0" * 3_000_000 + b"end", "config.json": b"{}"}
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    digests = [folder_digest(folder)]
    (folder / "model.bin").write_bytes(b"\0" * 3_000_000 + b"END")
    digests.append(folder_digest(folder))
    (folder / "config.json").rename(folder / "config.txt")
    digests.append(folder_digest(folder))
    assert len({*digests}) == 3
    assert folder_digest(folder.rename(tmp_path / "moved")) == digests[-1]
    assert folder_digest(folder) == GONE


def test_the_lists_of_countries(seen: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """A country that leaves the EEA, as a later version may have it."""
    monkeypatch.setattr(engaged, "EEA", regions.EEA - {"IS"})
    look(seen)
    assert [one[:2] for one in changed(seen)] == [("region", "list/eea")]


def test_a_major_version(seen: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Python or of what Callward depends on directly; a lesser version is not material."""
    monkeypatch.setattr(dependencies, "python_version", lambda: "3.11.99")
    assert look(seen) == []
    installed = metadata.version

    def newer(name: str) -> str:
        return "99.0" if name == "sqlalchemy" else f"{installed(name)}.post1"

    monkeypatch.setattr(metadata, "version", newer)
    monkeypatch.setattr(dependencies, "python_version", lambda: "3.12.0")
    look(seen)
    assert changed(seen) == [
        ("dependency", "python", "3.11", "3.12"),
        ("dependency", "sqlalchemy", "2", "99"),
    ]


def test_what_is_direct() -> None:
    """What a plain installation brings on this machine; neither extras nor other systems'."""
    needs = [
        "B_b>=2",
        "a",
        'c; extra == "tests"',
        'd; sys_platform == "never"',
        'b-b; os_name != "never"',
    ]
    assert direct(needs) == ["a", "b-b"]


def test_a_new_version_that_changes_nothing(seen: Instance) -> None:
    """Other words in the files of an instruction, a sub-processor and the notice."""
    path = seen.settings.instructions / "acorn.yaml"
    path.write_text(path.read_text().replace("REF/1", "REF/2"))
    register(seen, entry_with({"Northwind Speech Ltd": "Northwind Voice Ltd"}))
    notice = seen.settings.home / FILE
    notice.write_text(f"# as approved\n{notice.read_text()}")
    assert look(seen) == []
    assert len(rows(seen, "instructions")) == 2


def test_a_lapse_and_its_mending(seen: Instance) -> None:
    """Are two changes, and both wait."""
    enter(seen, ASSURED["iso-9001"].replace("2027-06-30", "2026-11-21"), "iso-9001")
    assert look(seen) == []
    later(seen, days=1)
    look(seen)
    enter(seen, ASSURED["iso-9001"], "iso-9001")
    later(seen, days=1)
    assert len(look(seen)) == 3
    assert [one[2:] for one in changed(seen)] == [
        ("in-force", "not-in-force"),
        ("not-in-force", "in-force"),
    ]


def test_told_once_and_shown_until_dealt_with(seen: Instance) -> None:
    """The ledger asks once; the summary says so every night until a review has seen it."""
    _law(seen)
    first = look(seen)
    before = snapshot(seen)
    assert look(seen) == first
    assert snapshot(seen) == before
    assert len(leaves(seen, book.EVENT)) == 1
    later(seen, days=1)
    assert dealt(seen) == 1
    assert look(seen) == []
    (one,) = waiting(seen, everything=True)
    assert (one.review, one.dealt_at) == ("review-1", seen.clock.now())


def test_the_ledger_says_what(seen: Instance) -> None:
    """One leaf, an item for each change, in the transaction that enters them."""
    _law(seen)
    _retention(seen)
    look(seen)
    (leaf,) = leaves(seen, book.EVENT)
    assert parse_leaf(leaf).counts == {"changes": 2}
    items = {
        item.subject: item.body
        for subject, body in rows(seen, "ledger_items", "subject", "body")
        if (item := parse_item(body)).body.get("kind") in {"law", "instruction"}
    }
    assert items == {
        one.id: {
            "kind": one.change.about.kind.value,
            "about": one.change.about.subject,
            "before": one.change.before,
            "after": one.change.after,
        }
        for one in waiting(seen)
    }


class CutError(Exception):
    """Whatever goes wrong."""


def test_a_fault_leaves_nothing_half_done(seen: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the ledger's entry neither facts nor changes are written; the next look has both."""
    _law(seen)
    before = snapshot(seen)

    def broken(*_: object, **__: object) -> None:
        raise CutError

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", broken)
        with pytest.raises(CutError):
            look(seen)
    assert snapshot(seen) == before
    look(seen)
    assert len(changed(seen)) == 1


def test_an_unreadable_file_is_no_change(seen: Instance) -> None:
    """Of an instruction and a sub-processor the version before counts; others are looked at."""
    (seen.settings.instructions / "acorn.yaml").write_text("controller: [")
    register(seen, "id: [")
    _law(seen)
    look(seen)
    assert [one[0] for one in changed(seen)] == ["law"]


def test_an_unreadable_notice_is_said(seen: Instance) -> None:
    """Nothing is noted; once it can be read again, what has changed meanwhile is."""
    (seen.settings.home / FILE).write_text("clauses: [")
    _retention(seen)
    before = snapshot(seen)
    with pytest.raises(NoticeError):
        look(seen)
    assert snapshot(seen) == before
    write_notice(seen)
    look(seen)
    assert [one[0] for one in changed(seen)] == ["instruction"]


def test_the_night_looks(instance: Instance) -> None:
    """The evidence stage does it, and its summary holds the lines."""
    furnish(instance)
    usual = run_stage(instance, "evidence").notes
    assert not any("review-needed" in note for note in usual)
    later(instance, days=1)
    _law(instance)
    report = run_stage(instance, "evidence")
    assert report.failures == []
    assert report.notes[0].startswith("[review-needed] ")
    assert report.notes[1].startswith("law pecr-2003: 2026-02-05/")
    later(instance, days=1)
    assert run_stage(instance, "evidence").notes == report.notes
    assert report.notes[2:] == usual


def test_facts_hold_neither_names_nor_offices(seen: Instance) -> None:
    """Names of organisations, offices, references, addresses and papers stay in the files."""
    look(with_engine(seen, "large"))
    told = json.dumps([rows(seen, "material_facts"), rows(seen, "material_changes")], default=str)
    for word in ("Ltd", "Head of", "REF/1", "DPA/14", "example", "Officer", "paper", "ISO 27001"):
        assert word not in told
    assert "acorn/retention" in told

"""``callward certificate …`` and what lies beside a certificate."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from callward.errors import NotFoundError
from callward.evidence.certificate import verify_certificate
from callward.evidence.verify import verify_pack
from callward.instance import Instance, open_instance
from callward.ledger import rotation
from callward.retention.holds import place_hold
from callward.retention.papers import paper
from callward.retention.stating import NothingToStateError, state_now
from tests.cells import MemoryCell
from tests.commands import callward
from tests.retention.shelf import shelve
from tests.support import NOW, instruct, new_instance, rows, run_stage


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """An instance with something to destroy."""
    found = new_instance(tmp_path / "home")
    instruct(found)
    shelve(found, "old", age=50)
    yield found
    found.close()


def _pending(instance: Instance) -> str:
    """Sweep with a cell that takes its time; the statement's id."""
    cell = MemoryCell("kms")
    cell.pending = NOW + timedelta(days=7)
    cell.hold(1, (instance.settings.keys / "root-00000001.key").read_bytes())
    instance.vault.cells = (*instance.vault.cells, cell)
    run_stage(instance, "retention")
    (path,) = (instance.settings.evidence / "statements").iterdir()
    return path.stem


def test_a_certificate_is_listed_shown_and_set(instance: Instance, tmp_path: Path) -> None:
    """Its id finds it; what is shown was checked; the page is the one beside the file."""
    home = instance.settings.home
    run_stage(instance, "retention")
    ((one, body),) = rows(instance, "certificates", "id", "body")
    assert [row["state"] for row in callward(home, "certificate", "list", "--json").json] == [
        "complete"
    ]
    assert one in callward(home, "certificate", "list").out
    said = callward(home, "certificate", "show", one)
    assert said.status == 0
    assert "certificate: 2 objects, due by 2026-11-20" in said.out
    found = verify_certificate(body, instance.signer.verifier)
    shown = callward(home, "certificate", "show", one, "--json").json
    assert (shown["id"], shown["subjects"]) == (one, found.objects)
    out = tmp_path / "out.pdf"
    assert callward(home, "certificate", "pdf", one, "--out", str(out)).status == 0
    beside = instance.settings.evidence / "certificates" / f"{one}.pdf"
    assert out.read_bytes() == beside.read_bytes()
    checked = callward(
        home, "verify", str(beside.with_suffix(".json")), "--key", instance.signer.verifier
    )
    assert (checked.status, checked.last) == (0, "the certificate verifies")


def test_a_statement_is_not_taken_for_one(instance: Instance, tmp_path: Path) -> None:
    """It is listed as waiting, shown as no certificate, and does not pass `verify`."""
    home, one = instance.settings.home, _pending(instance)
    (row,) = callward(home, "certificate", "list", "--json").json
    assert (row["id"], row["objects"]) == (one, 2)
    assert row["state"].startswith("pending until 2026-11-27")
    assert "this is not a certificate" in callward(home, "certificate", "show", one).out
    out = tmp_path / "out.pdf"
    said = callward(home, "certificate", "pdf", one, "--out", str(out))
    assert "no certificate" in said.out
    assert out.read_bytes().startswith(b"%PDF")
    file = instance.settings.evidence / "statements" / f"{one}.json"
    checked = callward(home, "verify", str(file), "--key", instance.signer.verifier)
    assert (checked.status, checked.last) == (4, "the certificate does NOT verify")
    assert "this is not a certificate: pending until 2026-11-27" in checked.out
    assert list((instance.settings.evidence / "certificates").iterdir()) == []


def test_unknown_certificates_are_refused(instance: Instance) -> None:
    """An id that there is not, and what is no id."""
    for command in ("show", "pdf"):
        more = ["--out", "x.pdf"] if command == "pdf" else []
        said = callward(instance.settings.home, "certificate", command, "0" * 16, *more)
        assert (said.status, said.err.partition("]")[0]) == (2, "callward: [not-found")
        said = callward(instance.settings.home, "certificate", command, "../../x", *more)
        assert (said.status, said.err.partition("]")[0]) == (2, "callward: [settings")


def test_a_page_that_cannot_be_set_holds_nothing_up(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate stands, the night says what is missing, the next one makes up for it."""

    def broken(*_: object) -> bytes:
        raise RuntimeError("said 07700 900123")

    with monkeypatch.context() as patch:
        patch.setattr("callward.retention.papers.render_pdf", broken)
        report = run_stage(instance, "retention")
    (failure,) = report.failures
    assert "is not on paper" in failure
    assert "07700" not in failure
    assert report.total("certificates") == 1
    folder = instance.settings.evidence / "certificates"
    assert [path.suffix for path in folder.iterdir()] == [".json"]
    shelve(instance, "more", age=50)
    assert run_stage(instance, "retention").failures == []
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".json", ".pdf", ".pdf"]


def test_older_certificates_outlive_their_key(instance: Instance, tmp_path: Path) -> None:
    """After the signing key was replaced they still show, set the same page, go into packs."""
    run_stage(instance, "retention")
    ((one,),) = rows(instance, "certificates", "id")
    home = instance.settings.home
    before = (instance.settings.evidence / "certificates" / f"{one}.pdf").read_bytes()
    rotation.rotate(instance.engine, instance.settings.keys / "signing.key", instance.clock)
    assert "2 objects" in callward(home, "certificate", "show", one).out
    out = tmp_path / "out.pdf"
    assert callward(home, "certificate", "pdf", one, "--out", str(out)).status == 0
    assert out.read_bytes() == before
    again = open_instance(home, instance.clock)
    assert again.signer.verifier != instance.signer.verifier
    assert run_stage(again, "evidence").failures == []
    (pack,) = (home / "evidence").glob("*.zip")
    checked = {
        line.what: line.ok for line in verify_pack(pack, expected_key=again.signer.verifier).checks
    }
    assert (checked["certificates"], checked["anchors"]) == (True, True)
    again.close()


def test_how_things_stand_is_stated(instance: Instance) -> None:
    """Nothing due, or all of it on hold: signed, and no certificate; while something is due, no."""
    with pytest.raises(NothingToStateError, match="2 objects of acorn are due"):
        state_now(instance, "acorn")
    with pytest.raises(NotFoundError):
        state_now(instance, "nobody")
    run_stage(instance, "retention")
    before = rows(instance, "ledger_leaves"), rows(instance, "certificates")
    found = verify_certificate(state_now(instance, "acorn"), instance.signer.verifier)
    assert (found.state, found.objects, found.why_not) == ("nothing-due", {}, "nothing was due")
    held = shelve(instance, "held", age=50)
    place_hold(instance, "acorn", "interaction", held.interaction, "litigation", NOW.date())
    text = state_now(instance, "acorn")
    found = verify_certificate(text, instance.signer.verifier)
    assert (found.state, found.predicate["holds"]["held"]) == ("blocked-by-hold", 2)
    assert found.objects == {}
    assert b"%PDF" in paper(text, found)
    assert rows(instance, "certificates") == before[1]
    events = [row[1] for row in rows(instance, "ledger_leaves") if row not in before[0]]
    assert "sweep-complete" not in events


def test_nothing_is_stated_over_a_sweep_that_waits(instance: Instance) -> None:
    """Whoever asks is sent to the sweep's own statement."""
    one = _pending(instance)
    with pytest.raises(NothingToStateError, match=one):
        state_now(instance, "acorn")


def test_a_statement_is_written_on_command(instance: Instance, tmp_path: Path) -> None:
    """To a file that `verify` knows for what it is."""
    shelve(instance, "young", controller="birch")
    instruct(instance, "birch")
    out = tmp_path / "birch.json"
    said = callward(instance.settings.home, "certificate", "state", "birch", "--out", str(out))
    assert (said.status, said.last) == (0, "statement written: nothing was due")
    said = callward(instance.settings.home, "verify", str(out))
    assert said.status == 4
    assert "this is not a certificate: nothing was due" in said.out

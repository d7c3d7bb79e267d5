"""The evidence stage: only packs that stand up are in evidence; the page shows a month of gates."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.errors import GateFailedError, IntegrityError
from callward.evidence import stage
from callward.evidence.model import PackContents, PackKind, Period, Proof
from callward.evidence.shelf import DRAFTS, UNRECORDED
from callward.evidence.verify import Verification, verify_pack
from callward.instance import Instance
from callward.night import new_run, work_for
from tests.support import NOW, PassingGates, new_instance, rows, run_stage, snapshot


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """An instance in which nothing has happened."""
    return new_instance(tmp_path / "home")


def _collect(instance: Instance, gates: PassingGates) -> Path:
    run = new_run(instance)
    work = work_for(instance, gates, run)
    return stage.collect_evidence(instance, work, run, Period(run.as_of, run.as_of))[1]


def _packs(instance: Instance) -> list[Path]:
    return [path for path in instance.settings.evidence.rglob("*") if path.suffix == ".zip"]


def test_the_ledger_has_the_packs_digest(instance: Instance) -> None:
    """So that another pack of the same period cannot take its place; no draft is left."""
    path = _collect(instance, PassingGates())
    assert _packs(instance) == [path]
    assert path.parent == instance.settings.evidence
    assert not (path.parent / stage.DRAFT).exists()
    assert verify_pack(path, expected_key=instance.signer.verifier).passed
    leaves = [json.loads(body) for (body,) in rows(instance, "ledger_leaves", "body")]
    (ids,) = [leaf["ids"] for leaf in leaves if leaf["event"] == "evidence-packed"]
    assert ids["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_pack_that_fails_its_gate_is_not_in_evidence(instance: Instance) -> None:
    """Neither under its name nor as a draft, and the ledger knows of none; the next is fine."""
    with pytest.raises(GateFailedError):
        _collect(instance, PassingGates(stop="evidence_exit"))
    assert _packs(instance) == []
    assert not (instance.settings.evidence / stage.DRAFT).exists()
    assert rows(instance, "stage_counts") == []
    assert ("evidence-packed",) not in rows(instance, "ledger_leaves", "event")
    path = _collect(instance, PassingGates())
    assert _packs(instance) == [path]


def test_a_pack_that_does_not_verify_is_not_in_evidence(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its gate fails; one that was there before stays."""
    kept = _collect(instance, PassingGates())
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(hours=1)

    def tampered(path: Path, *, expected_key: str | None = None) -> Verification:
        other = path.with_name("other.zip")
        other.write_bytes(path.read_bytes().replace(b"BagIt-Version: 1.0", b"BagIt-Version: 1.1"))
        return verify_pack(other, expected_key=expected_key)

    monkeypatch.setattr(stage, "verify_pack", tampered)
    with pytest.raises(IntegrityError, match="does not verify"):
        _collect(instance, PassingGates())
    assert _packs(instance) == [kept]


def test_a_draft_left_behind_is_cleared_away(instance: Instance) -> None:
    """A run was killed while it looked at its pack."""
    draft = instance.settings.evidence / stage.DRAFT
    draft.mkdir(parents=True)
    (draft / "callward-old.zip").write_bytes(b"half")
    path = _collect(instance, PassingGates())
    assert _packs(instance) == [path]


def test_a_pack_that_was_never_entered_is_moved_away(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run was killed behind it; what is entered, or is not a pack of ours, stays."""
    kept = _collect(instance, PassingGates())
    with monkeypatch.context() as patch:
        patch.setattr(stage, "_record", lambda *_: 1 / 0)
        instance.clock.moment += timedelta(hours=1)  # type: ignore[attr-defined]  # FixedClock
        with pytest.raises(ZeroDivisionError):
            _collect(instance, PassingGates())
    (lost,) = set(_packs(instance)) - {kept}
    foreign = kept.with_name("callward-0000000000000000-2026-11-20-2026-11-20-x.zip")
    foreign.write_bytes(b"")
    with instance.unit() as connection:  # as if it was made before there was a table of packs
        connection.execute(t.packs.delete())
    instance.clock.moment += timedelta(hours=1)  # type: ignore[attr-defined]  # FixedClock
    run = new_run(instance)
    work, period = work_for(instance, PassingGates(), run), Period(run.as_of, run.as_of)
    report, path = stage.collect_evidence(instance, work, run, period)
    assert set(instance.settings.evidence.glob("*.zip")) == {kept, foreign, path}
    assert _packs(instance).count(instance.settings.evidence / UNRECORDED / lost.name) == 1
    assert f"a pack that was never entered is in unrecorded now: {lost.name}" in report.notes


def test_a_draft_waits_in_its_own_folder(instance: Instance) -> None:
    """Entered like any other; of which kind it is, its name, statement and leaf say."""
    run = new_run(instance)
    work, period = work_for(instance, PassingGates(), run), Period(run.as_of, run.as_of)
    seen: list[PackContents] = []
    report, path = stage.collect_evidence(
        instance, work, run, period, kind="draft", review={"id": "r1"}, accept=seen.append
    )
    assert report.failures == []
    assert path.parent == instance.settings.evidence / DRAFTS
    assert "-draft-" in path.name
    found = verify_pack(path, expected_key=instance.signer.verifier)
    assert found.passed
    assert "a draft pack of" in str([one.detail for one in found.checks if one.what == "period"])
    [contents] = seen
    assert contents.review == {"id": "r1"}
    assert rows(instance, "packs", "kind") == [("draft",)]


def test_what_is_refused_at_the_contents_is_not_written(instance: Instance) -> None:
    """Whoever asks for a pack may look first."""

    def refuse(_: PackContents) -> None:
        raise IntegrityError("not what was approved")

    run = new_run(instance)
    work, period = work_for(instance, PassingGates(), run), Period(run.as_of, run.as_of)
    with pytest.raises(IntegrityError, match="not what was approved"):
        stage.collect_evidence(instance, work, run, period, kind="annual", accept=refuse)
    assert _packs(instance) == []


@pytest.mark.parametrize("kind", ["nightly", "monthly", "draft", "annual"])
def test_missing_evidence_fails_all_but_a_nights_pack(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, kind: PackKind
) -> None:
    """A night tells of it; what people decide on must be whole."""

    def missing(*_: object) -> Proof:
        return Proof(failures={"keys": "keys: [defect] unforeseen KeyError"})

    monkeypatch.setattr("callward.evidence.collect.prove", missing)
    run = new_run(instance)
    work, period = work_for(instance, PassingGates(), run), Period(run.as_of, run.as_of)
    if kind == "nightly":
        report, _ = stage.collect_evidence(instance, work, run, period)
        assert "keys: [defect] unforeseen KeyError" in report.notes
        return
    with pytest.raises(stage.EvidenceMissingError, match="keys: "):
        stage.collect_evidence(instance, work, run, period, kind=kind)
    assert _packs(instance) == []
    assert rows(instance, "packs", "kind") == []


def test_old_gate_results_are_not_shown(instance: Instance) -> None:
    """Thirty-one days are; what is older stays in the catalogue."""
    run_stage(instance, "evidence")
    assert isinstance(instance.clock, FixedClock)
    first = [one["id"] for one in stage.stored_gates(instance)]
    assert first
    instance.clock.moment = NOW + timedelta(days=31)
    assert [one["id"] for one in stage.stored_gates(instance)] == first
    instance.clock.moment += timedelta(seconds=1)
    before = snapshot(instance)
    assert stage.stored_gates(instance) == []
    run_stage(instance, "evidence")
    assert len(stage.stored_gates(instance)) == len(first)
    assert before["gate_results"] == rows(instance, "gate_results")[: len(first)]

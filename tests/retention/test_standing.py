"""Where a sweep stands: the decision, and what an instance makes of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.evidence.certificate import Statement, verify_certificate
from callward.instance import Instance
from callward.retention import retiring
from callward.retention.certify import state_of
from callward.retention.holds import place_hold
from callward.retention.standing import Root, Situation, decide
from tests.cells import MemoryCell
from tests.retention.shelf import openable, shelve
from tests.support import NOW, instruct, rows, run_stage

SOON, LATER = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 8, tzinfo=UTC)
GONE = Root(1, retired=True, answers=(("destroyed", None), ("destroyed", None)))
WAITING = Root(2, retired=False, answers=(("destroyed", None), ("pending", SOON)))
LONGER = Root(3, retired=False, answers=(("pending", LATER),))
REFUSED = Root(2, retired=False, answers=(("refused", None), ("pending", SOON)))
UNASKED = Root(2, retired=False, answers=())
HOLDING = Root(2, retired=False, answers=(("held", None), ("pending", SOON)))
WHOLE = Situation(
    gone=3, left=0, waiting=0, checked=True, residue=0, opened=0, able=0, roots=(GONE,)
)


@pytest.mark.parametrize(
    ("changes", "state", "until"),
    [
        ({}, "complete", None),
        ({"waiting": 2}, "complete", None),
        ({"gone": 0}, "nothing-due", None),
        ({"gone": 0, "waiting": 1}, "blocked-by-hold", None),
        ({"gone": 0, "left": 1}, "partial", None),
        ({"left": 1}, "partial", None),
        ({"checked": False}, "partial", None),
        ({"residue": None}, "partial", None),
        ({"residue": 1}, "partial", None),
        ({"opened": 1}, "partial", None),
        ({"able": 1}, "partial", None),
        ({"roots": ()}, "partial", None),
        ({"roots": (replace(GONE, retired=False),)}, "partial", None),
        ({"roots": (replace(GONE, answers=()),)}, "partial", None),
        ({"roots": (GONE, UNASKED)}, "partial", None),
        ({"roots": (GONE, HOLDING)}, "partial", None),
        ({"roots": (GONE, REFUSED)}, "partial", None),
        ({"roots": (WAITING, REFUSED)}, "partial", None),
        ({"roots": (replace(REFUSED, retired=True),)}, "partial", None),
        ({"roots": (GONE, WAITING)}, "pending", SOON),
        ({"roots": (WAITING, LONGER)}, "pending", LATER),
        ({"roots": (WAITING,), "opened": 1, "able": 1}, "pending", SOON),
        ({"roots": (WAITING,), "residue": 1}, "partial", None),
        ({"roots": (WAITING,), "checked": False}, "partial", None),
        ({"roots": (replace(WAITING, answers=(("pending", None),)),)}, "partial", None),
    ],
)
def test_decision(changes: dict[str, object], state: str, until: datetime | None) -> None:
    """Anything that contradicts it takes completeness away; only cells' delay is pending."""
    standing = decide(replace(WHOLE, **changes))  # type: ignore[arg-type]  # a table of changes
    assert (standing.state, standing.until) == (state, until)


_counts = st.integers(0, 2)
_roots = st.lists(
    st.builds(
        Root,
        generation=st.integers(1, 3),
        retired=st.booleans(),
        answers=st.lists(
            st.tuples(
                st.sampled_from(["destroyed", "pending", "refused"]),
                st.sampled_from([None, SOON, LATER]),
            ),
            max_size=3,
        ).map(tuple),
    ),
    max_size=3,
).map(tuple)


@given(
    st.builds(
        Situation,
        gone=_counts,
        left=_counts,
        waiting=_counts,
        checked=st.booleans(),
        residue=st.none() | _counts,
        opened=_counts,
        able=_counts,
        roots=_roots,
    )
)
def test_complete_means_that_nothing_is_open(situation: Situation) -> None:
    """Whatever else is decided, complete is said only where every cell has destroyed every root."""
    standing = decide(situation)
    if standing.state == "complete":
        answers = [answer for root in situation.roots for answer, _ in root.answers]
        assert answers
        assert set(answers) == {"destroyed"}
        assert (situation.left, situation.residue, situation.opened, situation.able) == (0, 0, 0, 0)
        assert situation.gone
    assert (standing.until is not None) == (standing.state == "pending")


def _statements(instance: Instance) -> dict[str, Statement]:
    folder = instance.settings.evidence / "statements"
    return {
        path.stem: verify_certificate(path.read_text(), instance.signer.verifier)
        for path in folder.glob("*.json")
    }


def _add_cell(instance: Instance, cell: MemoryCell) -> None:
    """Name a further cell, and give it the root that is current."""
    (first,) = instance.vault.cells
    root = Path(instance.settings.keys / "root-00000001.key").read_bytes()
    cell.hold(1, root)
    instance.vault.cells = (first, cell)


def _on(instance: Instance, days: int) -> None:
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(days=days)


def _states(instance: Instance) -> list[str]:
    ids = [one for (one,) in rows(instance, "sweeps", "id")]
    with instance.unit() as connection:
        return [state_of(connection, one).state for one in ids]


def test_a_cell_that_takes_its_time(instance: Instance) -> None:
    """Pending until it says so; then, nights and sweeps later, each sweep is certified."""
    instruct(instance)
    cell = MemoryCell("kms")
    cell.pending = NOW + timedelta(days=7)
    _add_cell(instance, cell)
    old, next_ = shelve(instance, "old", age=50), shelve(instance, "next", age=44)
    assert run_stage(instance, "retention").failures == []
    assert rows(instance, "certificates") == []
    (statement,) = _statements(instance).values()
    assert (statement.state, set(statement.objects)) == ("pending", old.media)
    assert statement.why_not == "pending until 2026-11-27T01:00:00.000000Z"
    _on(instance, 1)
    cell.pending = NOW + timedelta(days=8)
    assert run_stage(instance, "retention").failures == []
    assert {one.state for one in _statements(instance).values()} == {"pending"}
    assert len(_statements(instance)) == 2
    assert _states(instance) == ["pending", "pending"]
    _on(instance, 1)
    cell.pending = None
    assert run_stage(instance, "retention").failures == []
    assert _statements(instance) == {}
    bodies = [body for (body,) in rows(instance, "certificates", "body")]
    found = [verify_certificate(body, instance.signer.verifier) for body in bodies]
    assert all(one.is_certificate for one in found)
    assert {each for one in found for each in one.objects} == old.media | next_.media
    cells = [one.predicate["generations"]["cells"] for one in found]
    assert all({each["cell"] for each in each} == {"file", "kms"} for each in cells)
    assert _states(instance) == ["complete", "complete"]


def test_a_cell_that_refuses(instance: Instance) -> None:
    """The night says so, a signed statement too, and the certificate waits until it obeys."""
    instruct(instance)
    cell = MemoryCell("hsm")
    _add_cell(instance, cell)
    cell.refuses = {"destroy"}
    old = shelve(instance, "old", age=50)
    report = run_stage(instance, "retention")
    assert report.total("certificates") == 0
    assert [one.partition(" ")[0] for one in report.failures] == ["[uncertified]"]
    assert "generation 1" in report.failures[0]
    assert "hsm" in report.failures[0]
    (statement,) = _statements(instance).values()
    assert statement.state == "partial"
    answers = {
        one["cell"]: (one["answer"], bool(one["code"]))
        for one in statement.predicate["generations"]["cells"]
    }
    assert answers == {"file": ("destroyed", False), "hsm": ("refused", True)}
    assert rows(instance, "certificates") == []
    assert rows(instance, "sweeps", "state") == [("checked",)]
    cell.refuses = set()
    report = run_stage(instance, "retention")
    assert (report.failures, report.total("certificates")) == ([], 1)
    assert _statements(instance) == {}
    assert openable(instance, old.all) == {old.details}


def test_a_word_taken_is_told(instance: Instance) -> None:
    """Where a person answered for a cell that is gone, the certificate says so twice."""
    instruct(instance)
    cell = MemoryCell("lost")
    _add_cell(instance, cell)
    cell.refuses = {"destroy"}
    shelve(instance, "old", age=50)
    run_stage(instance, "retention")
    instance.vault.cells = instance.vault.cells[:1]
    assert len(run_stage(instance, "retention").failures) == 1
    retiring.take_word(instance, "lost", "shredded on the spot")
    assert run_stage(instance, "retention").failures == []
    ((body,),) = rows(instance, "certificates", "body")
    said = verify_certificate(body, instance.signer.verifier).predicate
    codes = {one["cell"]: one["code"] for one in said["generations"]["cells"]}
    assert codes == {"file": None, "lost": "by-word"}
    assert "key cell lost destroyed its root is a person's word" in " ".join(said["limits"])


def test_a_certificate_tells_what_is_known(instance: Instance) -> None:
    """Instruction, holds, drill, backups, gate and scan are read from the catalogue."""
    instruct(instance)
    shelve(instance, "old", age=50)
    held = shelve(instance, "held", age=50)
    place_hold(instance, "acorn", "interaction", held.interaction, "litigation", SOON.date())
    at = NOW - timedelta(days=2)
    with instance.unit() as connection:
        connection.execute(t.drills.insert().values(id="d1", outcome="passed", body={}, at=at))
        backups = [{"id": f"b{n}", "generation": 1, "ledger_size": n, "at": at} for n in (1, 2)]
        connection.execute(t.backups.insert(), backups)
    assert run_stage(instance, "retention").failures == []
    ((body,),) = rows(instance, "certificates", "body")
    said = verify_certificate(body, instance.signer.verifier).predicate
    assert [one["version"] for one in said["instructions"]] == [1]
    assert said["instructions"][0]["retention"]["recordings"] == "45 days"
    assert said["holds"]["held"] == 2
    assert said["drill"] == {"id": "d1", "outcome": "passed", "at": "2026-11-18T01:00:00.000000Z"}
    assert said["backups"]["known"] == 2
    assert said["backups"]["able"] == 0
    assert said["backups"]["oldest"]["generation"] == 1
    assert said["objects"]["due_days"] == {"recordings": {"2026-11-15": 2}}
    assert said["objects"]["kinds"] == {"recording": 1, "transcript": 1}
    assert said["sweep"]["kind"] == "retention"
    assert said["ledger"]["exactly"]
    assert said["checks"]["old_wraps_opened"] == 0
    assert said["residual"]["stores"]
    assert (said["generations"]["before"], said["generations"]["after"]) == (1, 2)
    assert len(said["limits"]) >= 5
    assert "acorn" not in json.dumps(said["limits"])


def test_the_lesser_state_leaves_the_catalogue_alone(instance: Instance) -> None:
    """A statement changes nothing: no certificate, no leaf of its own, the sweep as it was."""
    instruct(instance)
    cell = MemoryCell("hsm")
    _add_cell(instance, cell)
    cell.refuses = {"destroy"}
    shelve(instance, "old", age=50)
    run_stage(instance, "retention")
    sweep = ("sweeps", "id", "state", "completed_at")
    before = set(rows(instance, "ledger_leaves", "event")), rows(instance, *sweep)
    run_stage(instance, "retention")
    assert (set(rows(instance, "ledger_leaves", "event")), rows(instance, *sweep)) == before

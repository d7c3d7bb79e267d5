"""Recordings transcribed again by another engine: what takes whose place, and when nothing does."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.enginesettings import EngineSettings, WhisperSettings
from callward.errors import CallwardError, ReleaseRefusedError, ShreddedError
from callward.instance import Instance
from callward.intake.quarantine import GOING, list_quarantine, release
from callward.ledger import log
from callward.retention import erasures
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import lift_hold, place_hold
from callward.retention.residual import scan_whole
from callward.speech import engines, listening, record, work
from callward.speech.redo import WANTED, want_again
from callward.speech.transcript import Transcript
from callward.status import status
from callward.workers import WorkerFailure
from tests.commands import callward
from tests.speech.filed import transcribed
from tests.speech.studio import Faults, Parrot, Studio, studio, whole, with_settings
from tests.support import (
    NOW,
    Call,
    PassingGates,
    deliver,
    instruct,
    new_instance,
    rows,
    run_stage,
    snapshot,
)

WHY = "the customer says it is unreadable"
SECOND = WhisperSettings(kind="faster-whisper", model=Path("model"))
THIRD = WhisperSettings(kind="faster-whisper", model=Path("larger"))


class Second(Parrot):
    """Another engine."""

    name = "parrot-2"


class Third(Parrot):
    """Yet another."""

    name = "parrot-3"


@pytest.fixture
def room(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> tuple[Studio, Faults]:
    """Three engines, of which the instruction names the embedded one and ``second``."""

    def engine_of(settings: EngineSettings, _home: Path) -> Parrot:
        return Parrot() if settings.kind == "pocketsphinx" else by_model[str(settings)]

    by_model = {str(SECOND): Second(), str(THIRD): Third()}
    monkeypatch.setattr(engines, "engine_of", engine_of)
    monkeypatch.setattr(listening, "speech_spans", whole)
    made, faults = studio(instance)
    made = with_settings(made, faults, engine={"second": SECOND, "third": THIRD})
    _instruct(made, "[pocketsphinx, second]")
    return made, faults


def _instruct(instance: Instance, engines_named: str) -> None:
    instruct(instance, transcription=True)
    path = instance.settings.instructions / "acorn.yaml"
    path.write_text(path.read_text() + f"  engines: {engines_named}\n")


def _take_in(instance: Instance, *calls: Call) -> list[str]:
    """Ingest calls; their recordings' ids."""
    deliver(instance, calls, drop=f"drop-{calls[0].external_id}")
    assert run_stage(instance, "ingest").failures == []
    return _of_kind(instance, "recording")


def _of_kind(instance: Instance, wanted: str) -> list[str]:
    return [str(one) for one, kind in rows(instance, "objects", "id", "kind") if kind == wanted]


def _done(room: tuple[Studio, Faults], **call: Any) -> tuple[Studio, str, str]:
    """A transcribed call: the instance, the recording, its transcript."""
    instance, _ = room
    (recording,) = _take_in(instance, Call("one", **call))
    assert run_stage(instance, "transcribe").counts == {"acorn": {"transcribed": 1}}
    return instance, recording, _row(instance, recording)["transcript_id"]


def _held(room: tuple[Studio, Faults]) -> tuple[Studio, str, str]:
    """The same, but its transcript has failed the exit gate."""
    instance, _ = room
    (recording,) = _take_in(instance, Call("one"))
    run_stage(instance, "transcribe", _ExitGates(fail_rows={recording: "not-looping"}))
    row = _row(instance, recording)
    assert row["state"] == "quarantined"
    return instance, recording, row["transcript_id"]


class _ExitGates(PassingGates):
    def check(self, suite: str, frame: Any) -> Any:
        """Let everything in."""
        return (
            super().check(suite, frame) if "_exit" in suite else PassingGates().check(suite, frame)
        )


def _row(instance: Instance, recording: str) -> dict[str, Any]:
    made = t.transcriptions
    with instance.reading() as connection:
        query = sa.select(made).where(made.c.recording_id == recording)
        return dict(connection.execute(query).mappings().one())


def _opened(instance: Instance, one: str) -> Transcript:
    with instance.unit() as connection:
        return Transcript.from_json(b"".join(instance.vault.open(connection, one)))


def _quarantine(instance: Instance, state: str | None = "held") -> list[str]:
    with instance.reading() as connection:
        return [one.state for one in list_quarantine(connection, state=state)]


def _events(instance: Instance) -> list[str]:
    return [event for (event,) in rows(instance, "ledger_leaves", "event")]


def _verified(instance: Instance) -> None:
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])
    assert scan_whole(instance).clean


def test_the_new_transcript_takes_the_old_ones_place(room: tuple[Studio, Faults]) -> None:
    """Until the run the old one opens; with the sweep of that night it opens no more."""
    instance, recording, before = _done(room)
    (wish,) = want_again(instance, [recording], "second", WHY)
    assert (wish.recording, wish.transcript, wish.outlook, wish.new) == (
        recording,
        before,
        "",
        True,
    )
    assert _events(instance).count(WANTED) == 1
    assert _opened(instance, before).engine == "parrot-1"
    report = run_stage(instance, "transcribe")
    assert (report.counts, report.failures) == ({"acorn": {"transcribed": 1, "redone": 1}}, [])
    row = _row(instance, recording)
    assert (row["state"], row["engine"], row["wanted"]) == ("done", "parrot-2", None)
    assert _opened(instance, row["transcript_id"]).engine == "parrot-2"
    assert run_stage(instance, "retention").failures == []
    with pytest.raises(ShreddedError):
        _opened(instance, before)
    assert _opened(instance, row["transcript_id"]).engine == "parrot-2"
    assert rows(instance, "certificates", "objects") == [(1,)]
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"
    _verified(instance)


def test_the_reason_is_sealed_and_in_nothing_else(room: tuple[Studio, Faults]) -> None:
    """A note of ours, kept for the longest time; catalogue and ledger hold ids."""
    instance, recording, before = _done(room)
    want_again(instance, [before], "second", WHY)
    notes = _of_kind(instance, "redo-reason")
    with instance.unit() as connection:
        assert b"".join(instance.vault.open(connection, notes[0])).decode() == WHY
    said = repr(snapshot(instance))
    assert "unreadable" not in said
    (item,) = [
        body for one, body in rows(instance, "ledger_items", "subject", "body") if notes[0] in body
    ]
    assert recording in item
    assert before in item


def test_a_quarantined_one_is_replaced(room: tuple[Studio, Faults]) -> None:
    """It waits for nobody's decision from then on, and its row is closed by the sweep."""
    instance, recording, before = _held(room)
    want_again(instance, [before], "second", WHY)
    assert _quarantine(instance) == ["held"]
    run_stage(instance, "transcribe")
    assert _row(instance, recording)["state"] == "done"
    assert (_quarantine(instance), _quarantine(instance, None)) == ([], [GOING])
    with instance.reading() as connection:
        assert status(connection, NOW.date())["controllers"]["acorn"]["quarantined"] == {}
    ((held,),) = rows(instance, "quarantine", "id")
    with pytest.raises(ReleaseRefusedError):
        release(instance, held)
    assert run_stage(instance, "retention").failures == []
    assert _quarantine(instance, None) == ["shredded"]
    with pytest.raises(ShreddedError):
        _opened(instance, before)
    _verified(instance)


def test_a_held_one_that_was_released_meanwhile_is_replaced_all_the_same(
    room: tuple[Studio, Faults],
) -> None:
    """The wish stands, whatever is decided of what there was."""
    instance, recording, before = _held(room)
    want_again(instance, [recording], "second", WHY)
    ((held,),) = rows(instance, "quarantine", "id")
    assert release(instance, held) == before
    assert run_stage(instance, "transcribe").total("redone") == 1
    run_stage(instance, "retention")
    with pytest.raises(ShreddedError):
        _opened(instance, before)
    assert _quarantine(instance, None) == ["released"]


def test_what_is_refused_keeps_its_transcript(room: tuple[Studio, Faults]) -> None:
    """The instruction does not name the engine: said at once, refused by the run, and over."""
    instance, recording, before = _done(room)
    (wish,) = want_again(instance, [recording], "third", WHY)
    assert wish.outlook == "engine-not-instructed"
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"refused:engine-not-instructed": 1}}
    row = _row(instance, recording)
    assert (row["state"], row["transcript_id"], row["wanted"]) == ("done", before, None)
    run_stage(instance, "retention")
    assert _opened(instance, before).engine == "parrot-1"
    quiet = snapshot(instance)
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"
    assert snapshot(instance) == quiet


def test_a_failure_keeps_what_there_is_and_is_tried_again(room: tuple[Studio, Faults]) -> None:
    """The night says so and fails; the next one does it."""
    instance, recording, before = _done(room)
    room[1].failures = {recording: WorkerFailure("crashed")}
    want_again(instance, [recording], "second", WHY)
    report = run_stage(instance, "transcribe")
    assert report.failures == [f"{recording}: worker-crashed"]
    row = _row(instance, recording)
    assert (row["state"], row["transcript_id"], row["wanted"]) == ("done", before, "second")
    run_stage(instance, "retention")
    assert _opened(instance, before).engine == "parrot-1"
    room[1].failures = {}
    assert run_stage(instance, "transcribe").total("redone") == 1
    assert _row(instance, recording)["engine"] == "parrot-2"


def test_one_that_fails_its_gate_takes_nobodys_place(room: tuple[Studio, Faults]) -> None:
    """It is no better than what there is; the refusal is entered, and nothing is left of it."""
    instance, recording, before = _done(room)
    objects = len(rows(instance, "objects"))
    want_again(instance, [recording], "second", WHY)
    report = run_stage(instance, "transcribe", _ExitGates(fail_rows={recording: "not-looping"}))
    assert report.counts == {"acorn": {"refused:gate-not-looping": 1}}
    row = _row(instance, recording)
    assert (row["state"], row["transcript_id"], row["wanted"]) == ("done", before, None)
    assert len(rows(instance, "objects")) == objects + 1, "the reason alone"
    assert _quarantine(instance, None) == []
    assert _events(instance).count("transcription-refused") == 1
    _verified(instance)


def test_wanted_twice(room: tuple[Studio, Faults]) -> None:
    """By the same engine it is entered once, and done once; another engine takes the wish over."""
    instance, recording, before = _done(room)
    want_again(instance, [recording, before], "third", WHY)
    once = snapshot(instance)
    (wish,) = want_again(instance, [recording], "third", WHY)
    assert not wish.new
    assert snapshot(instance) == once
    (wish,) = want_again(instance, [recording], "second", WHY)
    assert wish.new
    assert run_stage(instance, "transcribe").counts == {"acorn": {"transcribed": 1, "redone": 1}}
    assert _row(instance, recording)["engine"] == "parrot-2"


def test_done_again_and_again(room: tuple[Studio, Faults]) -> None:
    """Before the sweep, too: both elders go, the newest stays."""
    instance, recording, first = _done(room)
    want_again(instance, [recording], "second", WHY)
    run_stage(instance, "transcribe")
    second = _row(instance, recording)["transcript_id"]
    want_again(instance, [second], "pocketsphinx", WHY)
    run_stage(instance, "transcribe")
    assert run_stage(instance, "retention").failures == []
    for gone in (first, second):
        with pytest.raises(ShreddedError):
            _opened(instance, gone)
    assert _opened(instance, _row(instance, recording)["transcript_id"]).engine == "parrot-1"
    _verified(instance)


def test_what_is_held_or_due_is_not_done_again(room: tuple[Studio, Faults]) -> None:
    """Said at once, refused by the run; a wish of its own is needed afterwards."""
    instance, recording, before = _done(room, age=44)
    hold = place_hold(instance, "acorn", "interaction", before, WHY, date(2027, 1, 1))
    (wish,) = want_again(instance, [recording], "second", WHY)
    assert wish.outlook == "held"
    assert run_stage(instance, "transcribe").counts == {"acorn": {"refused:held": 1}}
    lift_hold(instance, hold)
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment = NOW.replace(day=21)
    (wish,) = want_again(instance, [recording], "second", WHY)
    assert wish.outlook == "due"
    assert run_stage(instance, "transcribe").counts == {"acorn": {"refused:due": 1}}
    assert _opened(instance, before).engine == "parrot-1"


def test_a_hold_placed_after_it_keeps_the_old_one_too(room: tuple[Studio, Faults]) -> None:
    """An erasure does not override it: the old one goes when it is lifted."""
    instance, recording, before = _done(room)
    want_again(instance, [recording], "second", WHY)
    run_stage(instance, "transcribe")
    hold = place_hold(instance, "acorn", "interaction", recording, WHY, date(2027, 1, 1))
    run_stage(instance, "retention")
    assert _opened(instance, before).engine == "parrot-1"
    lift_hold(instance, hold)
    run_stage(instance, "retention")
    with pytest.raises(ShreddedError):
        _opened(instance, before)


def test_a_wish_that_comes_while_another_is_granted_stays(room: tuple[Studio, Faults]) -> None:
    """Somebody wants the third engine while the second listens: it is answered next time."""
    instance, recording, _ = _done(room)
    want_again(instance, [recording], "second", WHY)

    def want_another() -> None:
        want_again(instance, [recording], "third", WHY)

    room[1].before = want_another
    run_stage(instance, "transcribe")
    room[1].before = lambda: None
    row = _row(instance, recording)
    assert (row["engine"], row["wanted"]) == ("parrot-2", "third")
    assert run_stage(instance, "transcribe").total("refused:engine-not-instructed") == 1
    assert _row(instance, recording)["wanted"] is None


@pytest.mark.parametrize("state", ["failed", "refused"])
def test_what_has_no_transcript_can_be_wanted_by_another_engine(
    room: tuple[Studio, Faults], state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first one failed, or could make nothing of it."""
    instance, faults = room
    (recording,) = _take_in(instance, Call("one"))
    with monkeypatch.context() as patch:
        if state == "failed":
            faults.failures = {recording: WorkerFailure("crashed")}
        else:
            patch.setattr(work, "MAX_SECONDS", 0.1)
        run_stage(instance, "transcribe")
        assert _row(instance, recording)["state"] == state
        want_again(instance, [recording], "pocketsphinx", WHY)
        heard = len(faults.heard)
        run_stage(instance, "transcribe")
        assert len(faults.heard) == heard + 1, "a wish is tried, also where it failed before"
    faults.failures = {}
    want_again(instance, [recording], "second", WHY)
    run_stage(instance, "transcribe")
    assert (_row(instance, recording)["state"], _row(instance, recording)["engine"]) == (
        "done",
        "parrot-2",
    )


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("where", ["file_objects", "_replace", "instruct", "record_counts"])
def test_killed_while_it_is_recorded(
    room: tuple[Studio, Faults], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """One transaction: either the old one with its wish, or the new one and the old to go."""
    instance, recording, before = _done(room)
    want_again(instance, [recording], "second", WHY)

    def die(*_: object, **__: object) -> None:
        raise Killed

    target: object = erasures if where == "instruct" else record
    stored = {name: rows(instance, name) for name in ("objects", "transcriptions", "erasures")}
    with monkeypatch.context() as patch:
        patch.setattr(target, where, die)
        with pytest.raises(Killed):
            run_stage(instance, "transcribe")
    assert {name: rows(instance, name) for name in stored} == stored
    assert _opened(instance, before).engine == "parrot-1"
    assert run_stage(instance, "transcribe").total("redone") == 1
    assert run_stage(instance, "retention").failures == []
    with pytest.raises(ShreddedError):
        _opened(instance, before)
    _verified(instance)


def _early(instance: Instance, recording: str) -> str:
    instruct_erasure(instance, [recording], WHY)
    return recording


def _gone(instance: Instance, recording: str) -> str:
    _early(instance, recording)
    run_stage(instance, "retention")
    return recording


def _untouched(instance: Instance, _: str) -> str:
    before = {one for (one,) in rows(instance, "objects", "id")}
    return next(one for one in _take_in(instance, Call("two")) if one not in before)


def _details(instance: Instance, _: str) -> str:
    return _of_kind(instance, "details")[0]


def _delivered(instance: Instance, _: str) -> str:
    return transcribed(instance, "beside").delivered


@pytest.mark.parametrize(
    ("which", "code"),
    [
        (lambda *_: "0" * 32, "not-found"),
        (_details, "not-found"),
        (_delivered, "not-found"),
        (_gone, "shredded"),
        (_early, "redo-refused"),
        (_untouched, "redo-refused"),
    ],
)
def test_what_cannot_be_done_again(
    room: tuple[Studio, Faults], which: Callable[[Instance, str], str], code: str
) -> None:
    """Refused by its code, and nothing is entered, also of what could be."""
    instance, recording, _ = _done(room)
    wanted = which(instance, recording)
    before = snapshot(instance)
    for dry_run in (True, False):
        with pytest.raises(CallwardError) as caught:
            want_again(instance, [recording, wanted], "second", WHY, dry_run=dry_run)
        assert caught.value.code == code
    assert snapshot(instance) == before


def test_what_is_not_said_as_it_must_be(room: tuple[Studio, Faults]) -> None:
    """No engine of that name, no reason, nothing or too much named."""
    instance, recording, _ = _done(room)
    before = snapshot(instance)
    wrong: list[tuple[list[str], str, str, str]] = [
        ([recording], "fourth", WHY, "engine-unknown"),
        ([recording], "second", "  ", "settings"),
        ([], "second", WHY, "settings"),
        ([f"{n:032x}" for n in range(1001)], "second", WHY, "settings"),
    ]
    for ids, engine, reason, code in wrong:
        with pytest.raises(CallwardError) as caught:
            want_again(instance, ids, engine, reason)
        assert caught.value.code == code
    assert snapshot(instance) == before


def test_a_dry_run_says_what_would_be(room: tuple[Studio, Faults]) -> None:
    """And changes nothing."""
    instance, recording, before = _done(room)
    stored = snapshot(instance)
    assert want_again(instance, [before], "third", WHY, dry_run=True)[0].outlook != ""
    (wish,) = want_again(instance, [before], "second", WHY, dry_run=True)
    assert (wish.recording, wish.outlook) == (recording, "")
    assert snapshot(instance) == stored


def test_the_command(tmp_path: Path) -> None:
    """Several at once, as a table or for machines; the reason may come from standard input."""
    instance = new_instance(tmp_path / "home")
    instruct(instance, transcription=True)
    one, two = transcribed(instance), transcribed(instance, "two")
    arguments = ("transcript", "redo", one.recording, two.transcript, "--engine", "pocketsphinx")
    home = instance.settings.home
    dry = callward(home, *arguments, "--reason", WHY, "--dry-run", "--json")
    assert (dry.status, len(dry.json), "unreadable" in dry.out) == (0, 2, False)
    assert WANTED not in _events(instance)
    said = callward(home, *arguments, "--reason", "-", stdin=f"{WHY}\n")
    assert said.status == 0, said.err
    assert said.last == "2 of 2 newly wanted; the next run of transcribe sees to it"
    assert "refused:" in said.out, "nobody has loaded an instruction yet"
    listed = callward(home, "transcript", "list", "--json").json
    assert {row["wanted"] for row in listed} == {"pocketsphinx"}
    wrong = callward(home, "transcript", "redo", "Ann", "--engine", "x", "--reason", WHY)
    assert (wrong.status, "Ann" in wrong.err) == (2, False)
    instance.close()

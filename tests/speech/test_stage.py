"""The transcription stage: what is heard, refused, sealed, lost and tried again."""

import io
import json
import re
import wave
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.errors import ShreddedError
from callward.instance import Instance
from callward.instructions.load import load_folder
from callward.intake.quarantine import list_quarantine, release
from callward.ledger import log
from callward.parts import Part
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import lift_hold, place_hold
from callward.retention.stage import prepare
from callward.speech import plan, record, stage, work
from callward.speech.transcript import Transcript
from callward.workers import WorkerFailure
from deployments.demo.calls import demo_calls
from tests.retention.shelf import reject
from tests.speech.studio import Faults, Parrot, Studio, listen_with, studio, with_settings
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
    tone,
)


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> Parrot:
    """The engine that everything here is transcribed by."""
    engine = Parrot()
    listen_with(monkeypatch, engine)
    return engine


@pytest.fixture
def room(instance: Instance, parrot: Parrot) -> tuple[Studio, Faults]:
    """An instance with workers in process, on each database in turn."""
    assert parrot
    return studio(instance)


def _take_in(instance: Instance, *calls: Call, controller: str = "acorn") -> dict[str, str]:
    """Ingest calls; external id to recording's object id."""
    deliver(instance, calls, controller=controller, drop=f"drop-{calls[0].external_id}")
    assert run_stage(instance, "ingest").failures == []
    with instance.unit() as connection:
        found = {name: one for one, name in _names(connection, instance).items()}
    return {call.external_id: found[call.name] for call in calls}


def _names(connection: sa.Connection, instance: Instance) -> dict[str, str]:
    """Recording's id to its file's name, out of the sealed details."""
    objects = t.objects.c
    details = connection.execute(
        sa.select(objects.id, objects.interaction_id).where(
            objects.kind == "details", objects.state == "live"
        )
    ).all()
    found = {}
    for row in details:
        document = json.loads(b"".join(instance.vault.open(connection, row.id)))
        recording = connection.scalar(
            sa.select(objects.id).where(
                objects.interaction_id == row.interaction_id, objects.kind == "recording"
            )
        )
        found[str(recording)] = document["name"]
    return found


def _states(instance: Instance) -> dict[str, tuple[str, str | None]]:
    found = rows(instance, "transcriptions", "recording_id", "state", "code")
    return {one: (state, code) for one, state, code in found}


def _events(instance: Instance) -> Counter[str]:
    return Counter(event for (event,) in rows(instance, "ledger_leaves", "event"))


def _transcript_of(instance: Instance, recording: str) -> Transcript:
    made = dict(rows(instance, "transcriptions", "recording_id", "transcript_id"))
    with instance.unit() as connection:
        return Transcript.from_json(b"".join(instance.vault.open(connection, made[recording])))


def _two_channels() -> bytes:
    """A second of tone on the left, then one on the right."""
    tone = (9000 * np.sin(np.arange(8000) / 4)).astype("<i2")
    quiet = np.zeros(8000, "<i2")
    both = np.stack([np.concatenate([tone, quiet]), np.concatenate([quiet, tone])], axis=1)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(both.tobytes())
    return out.getvalue()


def test_a_transcript_is_sealed_with_its_recordings_day(room: tuple[Studio, Faults]) -> None:
    """Same day, class and interaction; its words open from the vault, one speaker a channel."""
    instance, _ = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("one", content=_two_channels()))
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"transcribed": 1}}
    columns = ("kind", "retention_class", "anchor_day", "due_day", "interaction_id", "state")
    found = {row[0]: row[1:] for row in rows(instance, "objects", *columns)}
    assert found["transcript"] == found["recording"]
    assert rows(instance, "objects", "parent_id").count((ids["one"],)) == 1
    transcript = _transcript_of(instance, ids["one"])
    assert {turn.speaker for turn in transcript.turns} == {"channel-1", "channel-2"}
    said = {(turn.speaker, w.start): w.text for turn in transcript.turns for w in turn.words}
    assert said == {
        ("channel-1", 0.0): "loud",
        ("channel-1", 1.0): "quiet",
        ("channel-2", 0.0): "quiet",
        ("channel-2", 1.0): "loud",
    }
    (row,) = rows(instance, "transcriptions", "state", "engine", "words")
    assert row == ("done", "parrot-1", 4)
    assert _events(instance)["transcribed"] == 1
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"


def test_a_transcript_dies_with_its_recording(room: tuple[Studio, Faults]) -> None:
    """Swept on the same day, and the row about it with it."""
    instance, _ = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("one", age=44))
    run_stage(instance, "transcribe")
    ((transcript,),) = rows(instance, "transcriptions", "transcript_id")
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment = NOW.replace(day=21)
    assert run_stage(instance, "retention").failures == []
    for one in (ids["one"], transcript):
        with instance.unit() as connection, pytest.raises(ShreddedError):
            instance.vault.object_key(connection, one)
    assert rows(instance, "transcriptions") == []
    assert rows(instance, "certificates", "objects") == [(2,)]


def test_refusals_are_entered_once(room: tuple[Studio, Faults]) -> None:
    """With their code, per controller, and not again the next night."""
    instance, faults = room
    instruct(instance, transcription=True)
    instruct(instance, "birch")
    ids = _take_in(instance, Call("held"), Call("due", age=45), Call("good"))
    no = _take_in(instance, Call("no"), controller="birch")
    place_hold(instance, "acorn", "interaction", ids["held"], "because", date(2027, 1, 1))
    report = run_stage(instance, "transcribe")
    assert report.counts == {
        "acorn": {"refused:held": 1, "refused:due": 1, "transcribed": 1},
        "birch": {"refused:no-instruction": 1},
    }
    assert _states(instance) == {
        ids["held"]: ("refused", "held"),
        ids["due"]: ("refused", "due"),
        ids["good"]: ("done", None),
        no["no"]: ("refused", "no-instruction"),
    }
    assert faults.heard == [ids["good"]]
    assert _events(instance)["transcription-refused"] == 2
    before = snapshot(instance)
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"
    assert snapshot(instance) == before


def test_refusals_are_decided_anew(room: tuple[Studio, Faults]) -> None:
    """When the instruction changes, either way, and when a hold is lifted."""
    instance, _ = room
    instruct(instance)
    ids = _take_in(instance, Call("one"), Call("two"))
    run_stage(instance, "transcribe")
    assert set(_states(instance).values()) == {("refused", "no-instruction")}
    instruct(instance, transcription=True)
    hold = place_hold(instance, "acorn", "interaction", ids["two"], "because", date(2027, 1, 1))
    run_stage(instance, "transcribe")
    assert _states(instance) == {ids["one"]: ("done", None), ids["two"]: ("refused", "held")}
    instruct(instance)
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"refused:no-instruction": 1}}
    lift_hold(instance, hold)
    instruct(instance, transcription=True)
    run_stage(instance, "transcribe")
    assert set(_states(instance).values()) == {("done", None)}


def test_todays_instruction_counts_in_a_run_for_another_day(room: tuple[Studio, Faults]) -> None:
    """Switched off today: a run for last week transcribes nothing any more."""
    instance, faults = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("one"))
    instruct(instance, effective_from="2026-11-20")
    run_stage(instance, "transcribe", as_of=date(2026, 11, 13))
    assert _states(instance) == {ids["one"]: ("refused", "no-instruction")}
    assert faults.heard == []


def test_a_wrong_file_stops_its_controller_only(room: tuple[Studio, Faults]) -> None:
    """Nothing of theirs is heard or entered; others are transcribed."""
    instance, faults = room
    instruct(instance, transcription=True)
    instruct(instance, "birch", transcription=True)
    mine = _take_in(instance, Call("mine"))
    _take_in(instance, Call("theirs"), controller="birch")
    (instance.settings.instructions / "birch.yaml").write_text("controller: birch\n")
    report = run_stage(instance, "transcribe")
    assert len(report.failures) == 1
    assert faults.heard == [mine["mine"]]
    assert _states(instance).keys() == {mine["mine"]}


def test_shards_are_of_one_controller(
    room: tuple[Studio, Faults],
) -> None:
    """Five recordings in shards of two: each once, each shard in the ledger."""
    instance, faults = room
    instance = with_settings(instance, faults, shard_recordings=2)
    instruct(instance, transcription=True)
    instruct(instance, "birch", transcription=True)
    ids = _take_in(instance, Call("a"), Call("b"), Call("c"))
    ids |= _take_in(instance, Call("d"), Call("e"), controller="birch")
    steps: list[str] = []

    def step(name: str, part: Part) -> Any:
        steps.append(name)
        return part()

    run = night.new_run(instance)
    report = night.transcribe(instance, night.work_for(instance, PassingGates(), run), run, step)
    assert report.total("transcribed") == 5
    assert sorted(faults.heard) == sorted(ids.values())
    assert [name.split(" shard ")[0] for name in steps] == ["acorn", "birch", "acorn"]
    assert _events(instance)["transcribed"] == 3


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (WorkerFailure("crashed"), "worker-crashed"),
        (WorkerFailure("timeout"), "worker-timeout"),
        (WorkerFailure("error", "MemoryError"), "worker-error"),
    ],
)
def test_a_worker_that_fails(
    room: tuple[Studio, Faults], failure: WorkerFailure, code: str
) -> None:
    """Its recording has failed, is counted and told, and is tried again the next night."""
    instance, faults = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("bad"), Call("good"))
    faults.failures = {ids["bad"]: failure}
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"transcribed": 1, f"failed:{code}": 1}}
    assert report.failures == [f"{ids['bad']}: {code}"]
    assert _states(instance) == {ids["bad"]: ("failed", code), ids["good"]: ("done", None)}
    faults.failures = {}
    assert run_stage(instance, "transcribe").counts == {"acorn": {"transcribed": 1}}
    assert set(_states(instance).values()) == {("done", None)}


def test_a_damaged_recording_stops_no_other(room: tuple[Studio, Faults]) -> None:
    """One altered ciphertext and one lost key: both failed with their code, the third is done."""
    instance, _ = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("altered"), Call("keyless"), Call("good"))
    (path,) = [
        path for one, path in rows(instance, "objects", "id", "store_key") if one == ids["altered"]
    ]
    sealed = bytearray(b"".join(instance.vault.store.get(path)))
    sealed[-1] ^= 1
    instance.vault.store.put(path, [bytes(sealed)])
    with instance.unit() as connection:
        key = t.object_keys.c.object_id
        connection.execute(t.object_keys.delete().where(key == ids["keyless"]))
    report = run_stage(instance, "transcribe")
    assert len(report.failures) == 2
    assert _states(instance) == {
        ids["altered"]: ("failed", "integrity"),
        ids["keyless"]: ("failed", "key-missing"),
        ids["good"]: ("done", None),
    }


def _gated(room: tuple[Studio, Faults]) -> tuple[Studio, str, str]:
    """A recording whose transcript failed the exit gate: instance, its id, quarantine's id."""
    instance, _ = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("bad"), Call("good"))
    gates = ExitGates(fail_rows={ids["bad"]: "pace-human"})
    report = run_stage(instance, "transcribe", gates)
    assert report.counts == {"acorn": {"transcribed": 1, "quarantined:gate-transcript": 1}}
    with instance.unit() as connection:
        (held,) = list_quarantine(connection)
    assert held.reason == "gate-transcript"
    assert _states(instance)[ids["bad"]] == ("quarantined", None)
    return instance, ids["bad"], held.id


class ExitGates(PassingGates):
    """Fails rows behind the stage only."""

    def check(self, suite: str, frame: Any) -> Any:
        """Let everything in."""
        if suite.endswith("_exit"):
            return super().check(suite, frame)
        return PassingGates().check(suite, frame)


def test_a_quarantined_transcript_is_released(room: tuple[Studio, Faults]) -> None:
    """A person has looked: it is live, and the recording counts as transcribed."""
    instance, recording, held = _gated(room)
    transcript = release(instance, held)
    assert _states(instance)[recording] == ("done", None)
    states = dict(rows(instance, "objects", "id", "state"))
    assert states[transcript] == "live"
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"


def test_a_quarantined_transcript_is_rejected(room: tuple[Studio, Faults]) -> None:
    """It is destroyed, the recording stays and is not transcribed again."""
    instance, recording, held = _gated(room)
    assert reject(instance, held).failures == []
    ids = {
        kind: one
        for one, kind, state in rows(instance, "objects", "id", "kind", "state")
        if state == "shredded"
    }
    assert list(ids) == ["transcript"]
    with instance.unit() as connection:
        instance.vault.object_key(connection, recording)
        with pytest.raises(ShreddedError):
            instance.vault.object_key(connection, ids["transcript"])
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"


def test_a_quarantined_transcript_goes_with_its_recording(room: tuple[Studio, Faults]) -> None:
    """Undecided on the due day: destroyed all the same, and no longer held."""
    instance, _, held = _gated(room)
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment = NOW.replace(year=2027, month=1, day=3)
    assert run_stage(instance, "retention").failures == []
    assert dict(rows(instance, "quarantine", "id", "state")) == {held: "shredded"}
    assert rows(instance, "certificates", "objects") == [(4,)]


def test_what_the_entry_gate_turns_away_is_refused(room: tuple[Studio, Faults]) -> None:
    """Not dropped without a word: state, code and count; the rest goes on."""
    instance, faults = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("bad"), Call("good"))
    gates = PassingGates(fail_rows={ids["bad"]: "seconds-possible"})
    report = run_stage(instance, "transcribe", gates)
    assert report.counts == {"acorn": {"transcribed": 1, "refused:gate-seconds-possible": 1}}
    assert _states(instance)[ids["bad"]] == ("refused", "gate-seconds-possible")
    assert faults.heard == [ids["good"]]


@pytest.mark.parametrize("suite", ["transcribe_entry", "transcribe_exit"])
def test_a_gate_that_stops_leaves_no_transcript(room: tuple[Studio, Faults], suite: str) -> None:
    """The batch failed as a whole: nothing catalogued, and the next night does it."""
    instance, _ = room
    instruct(instance, transcription=True)
    _take_in(instance, Call("one"))
    objects = rows(instance, "objects")
    (failure,) = run_stage(instance, "transcribe", PassingGates(stop=suite)).failures
    assert failure.startswith("[gate-failed]")
    assert rows(instance, "objects") == objects
    assert rows(instance, "transcriptions") == []
    assert run_stage(instance, "transcribe").total("transcribed") == 1


def test_a_hold_placed_after_the_plan_counts(room: tuple[Studio, Faults]) -> None:
    """While an earlier batch was listened to: the later recording is not processed."""
    instance, faults = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("held"), Call("free"))
    run = night.new_run(instance)
    todo = plan.plan_speech(instance, run)
    place_hold(instance, "acorn", "interaction", ids["held"], "because", date(2027, 1, 1))
    (shard,) = todo.shards
    made = stage.transcribe_shard(
        instance,
        night.work_for(instance, PassingGates(), run),
        run,
        instance.workers(),
        shard,
    )
    assert made.counts == {"acorn": {"refused:held": 1, "transcribed": 1}}
    assert faults.heard == [ids["free"]]


def test_what_is_to_be_erased_is_not_transcribed(room: tuple[Studio, Faults]) -> None:
    """Instructed before the plan, or after it: refused by a code of its own, and not heard."""
    instance, faults = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("before"), Call("after"), Call("free"))
    instruct_erasure(instance, [ids["before"]], "asked for")
    run = night.new_run(instance)
    todo = plan.plan_speech(instance, run)
    assert [(one.id, code) for one, code in todo.refused] == [(ids["before"], "erasure-instructed")]
    instruct_erasure(instance, [ids["after"]], "asked for")
    (shard,) = todo.shards
    gates = night.work_for(instance, PassingGates(), run)
    made = stage.transcribe_shard(instance, gates, run, instance.workers(), shard)
    assert made.counts == {"acorn": {"refused:erasure-instructed": 1, "transcribed": 1}}
    assert faults.heard == [ids["free"]]


def test_an_erasure_while_a_recording_is_heard_leaves_no_transcript(
    room: tuple[Studio, Faults],
) -> None:
    """What was heard meanwhile is thrown away, and the refusal entered."""
    instance, faults = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("one"))

    def erase() -> None:
        instruct_erasure(instance, [ids["one"]], "asked for")

    faults.before = erase
    report = run_stage(instance, "transcribe")
    assert report.failures == []
    assert report.counts == {"acorn": {"refused:erasure-instructed": 1}}
    assert _states(instance) == {ids["one"]: ("refused", "erasure-instructed")}
    assert "transcript" not in {row[0] for row in rows(instance, "objects", "kind")}


def test_a_voicemails_transcript_is_of_its_class(room: tuple[Studio, Faults]) -> None:
    """Filed as voicemail with voicemail's day, so that the two go together."""
    instance, _ = room
    instruct(instance, transcription=True)
    path = instance.settings.instructions / "acorn.yaml"
    path.write_text(path.read_text().replace("retention:", "retention:\n  voicemail: 10 days"))
    _take_in(instance, Call("one", kind="voicemail"))
    assert run_stage(instance, "transcribe").total("transcribed") == 1
    found = rows(instance, "objects", "kind", "retention_class", "due_day")
    due = date(2026, 11, 29)
    assert [row for row in found if row[0] != "details"] == [
        ("transcript", "voicemail", due),
        ("voicemail", "voicemail", due),
    ]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("  enabled: false\n", "no-instruction"),
        ("  enabled: true\n  language: fr-FR\n", "language-unsupported"),
    ],
)
def test_an_instruction_changed_after_the_plan_counts(
    room: tuple[Studio, Faults], said: str, code: str
) -> None:
    """Loaded while an earlier batch was listened to: the later one is refused, not heard."""
    instance, faults = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("one"))
    run = night.new_run(instance)
    (shard,) = plan.plan_speech(instance, run).shards
    path = instance.settings.instructions / "acorn.yaml"
    path.write_text(path.read_text().replace("  enabled: true\n", said))
    assert load_folder(instance)[0] == {"acorn": 2}
    made = stage.transcribe_shard(
        instance,
        night.work_for(instance, PassingGates(), run),
        run,
        instance.workers(),
        shard,
    )
    assert made.counts == {"acorn": {f"refused:{code}": 1}}
    assert _states(instance) == {ids["one"]: ("refused", code)}
    assert faults.heard == []


def test_what_cannot_be_decoded_is_refused_once(
    room: tuple[Studio, Faults], parrot: Parrot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too long for the worker: no failure and not tried again, until the engine is another."""
    instance, faults = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("long", content=tone(2)), Call("short"))
    with monkeypatch.context() as patch:
        patch.setattr(work, "MAX_SECONDS", 1)
        report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"transcribed": 1, "refused:undecodable:too-large": 1}}
    assert report.failures == []
    assert _states(instance)[ids["long"]] == ("refused", "undecodable:too-large")
    assert _events(instance)["transcription-refused"] == 1
    before = snapshot(instance)
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"
    assert snapshot(instance) == before
    assert faults.heard.count(ids["long"]) == 1
    parrot.name = "parrot-2"
    assert run_stage(instance, "transcribe").counts == {"acorn": {"transcribed": 1}}


def test_more_channels_may_last_less_long(
    room: tuple[Studio, Faults], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is seconds times channels: what fits with two does not with four."""
    instance, _ = room
    instruct(instance, transcription=True)
    monkeypatch.setattr(work, "MAX_SECONDS", 1)
    calls = [Call(str(n), content=tone(0.8, channels=n, pitch=300 + n)) for n in (1, 2, 4)]
    ids = _take_in(instance, *calls)
    assert run_stage(instance, "transcribe").failures == []
    assert {name: _states(instance)[one] for name, one in ids.items()} == {
        "1": ("done", None),
        "2": ("done", None),
        "4": ("refused", "undecodable:too-large"),
    }


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("where", ["file_objects", "settle"])
def test_killed_between_sealing_and_recording(
    room: tuple[Studio, Faults], parrot: Parrot, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A transcript too large for a row is left in the store; the next night clears it away."""
    instance, _ = room
    instruct(instance, transcription=True)
    ids = _take_in(instance, Call("one"))
    paths = set(instance.vault.store.list())
    parrot.repeat = 4000

    def die(*_: object) -> None:
        raise Killed

    target: object = record if where == "file_objects" else instance.vault.store
    with monkeypatch.context() as patch:
        patch.setattr(target, where, die)
        with pytest.raises(Killed):
            run_stage(instance, "transcribe")
    orphans = set(instance.vault.store.list()) - paths
    assert len(orphans) == 1
    assert rows(instance, "transcriptions") == []
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"transcribed": 1}}
    after = set(instance.vault.store.list())
    assert not orphans & after
    assert len(after) == len(paths) + 1
    assert rows(instance, "intents") == []
    assert len(_transcript_of(instance, ids["one"]).turns[0].words) == 4000


def test_the_ledger_holds_no_words(room: tuple[Studio, Faults]) -> None:
    """It verifies after a night with everything in it, and says nothing of what was said."""
    instance, _ = _gated(room)[0], room
    assert prepare(instance, night.new_run(instance)).plan.due == ()
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])
    assert "loud" not in repr(snapshot(instance))


def test_real_speech_through_real_workers(tmp_path: Path) -> None:
    """A demo call, pocketsphinx in a process of its own: each side's words under its channel."""
    spoken = demo_calls()[0]
    instance = new_instance(tmp_path / "home")
    try:
        instruct(instance, transcription=True)
        ids = _take_in(instance, Call("one", content=spoken.path.read_bytes(), file="one.ogg"))
        report = run_stage(instance, "transcribe")
        assert report.failures == []
        transcript = _transcript_of(instance, ids["one"])
    finally:
        instance.close()
    heard = {
        speaker: {
            w.text.lower()
            for turn in transcript.turns
            for w in turn.words
            if turn.speaker == speaker
        }
        for speaker in ("channel-1", "channel-2")
    }
    said = [
        set(re.findall(r"[a-z]{4,}", spoken.said_by(who).lower())) for who in ("agent", "caller")
    ]
    for words in said:
        shares = sorted(len(words & other) / len(words) for other in heard.values())
        assert shares[1] > 0.4 > shares[0] + 0.1

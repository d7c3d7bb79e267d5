"""The stage that mutes card numbers: what is scanned, replaced, kept, lost and tried again."""

import io
import wave
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from callward.cards.listen import Stretch
from callward.cards.mute import MARGIN, Samples
from callward.cardscan import plan, recording, work
from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.errors import DefectError, ShreddedError
from callward.instance import Instance
from callward.retention.holds import lift_hold, place_hold
from callward.speech.engine import Hints, Pcm, Word
from callward.speech.transcript import Transcript
from callward.status import status
from callward.workers import WorkerFailure
from tests.speech.studio import Faults, InProcess, Parrot, Studio, listen_with, studio
from tests.support import NOW, Call, PassingGates, deliver, instruct, rows, run_stage, snapshot

RATE = 8000
LOUD = (2.0, 5.0)
"""Seconds of the loud calls in which a number is said."""


def _call(
    seconds: float = 10.0, *, channels: int = 1, number: bool = True, pitch: int = 4
) -> bytes:
    """A quiet call in WAV, loud where a card number is meant to be said."""
    time = np.arange(int(seconds * RATE))
    sound = 300 * np.sin(time / pitch)
    if number:
        sound[int(LOUD[0] * RATE) : int(LOUD[1] * RATE)] *= 60
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.repeat(sound.astype("<i2"), channels).tobytes())
    return out.getvalue()


def _loud(pieces: Iterable[Samples]) -> tuple[list[Stretch], float]:
    """What the stage takes for card numbers here."""
    said = np.concatenate(list(pieces))
    hits = np.flatnonzero(np.abs(said.astype(int)).max(axis=1) > 5000)
    found = [Stretch(hits[0] / RATE, hits[-1] / RATE)] if hits.size else []
    return found, len(said) / RATE


@pytest.fixture
def room(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> tuple[Studio, Faults]:
    """Workers in process, on each database in turn; loud is a number."""
    monkeypatch.setattr(work, "listen_to", _loud)
    return studio(instance)


def _take_in(instance: Instance, *calls: Call, drop: str = "drop-1") -> list[str]:
    """Ingest calls; the ids of the recordings there are now."""
    deliver(instance, calls, drop=drop)
    assert run_stage(instance, "ingest").failures == []
    return _recordings(instance)


def _recordings(instance: Instance, state: str = "live") -> list[str]:
    found = rows(instance, "objects", "id", "kind", "state", "early")
    return [one for one, kind, now, early in found if (kind, now, early) == ("recording", state, 0)]


def _scans(instance: Instance) -> dict[str, tuple[str, str | None]]:
    found = rows(instance, "card_scans", "object_id", "state", "replaced_by")
    return {one: (state, after) for one, state, after in found}


def _open(instance: Instance, one: str) -> bytes:
    with instance.unit() as connection:
        return b"".join(instance.vault.open(connection, one))


def _object(instance: Instance, one: str) -> Mapping[str, Any]:
    with instance.unit() as connection:
        query = sa.select(t.objects).where(t.objects.c.id == one)
        return dict(connection.execute(query).one()._mapping)


def _samples(wav: bytes) -> np.ndarray[Any, np.dtype[np.int16]]:
    with wave.open(io.BytesIO(wav)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(
            -1, file.getnchannels()
        )


def test_a_muted_version_takes_the_place(room: tuple[Studio, Faults]) -> None:
    """Same length, class, days and interaction; quiet where the number was, in all channels."""
    instance, _ = room
    instruct(instance, card_data="scan")
    content = _call(channels=2)
    (original,) = _take_in(instance, Call("one", content=content))
    before = _object(instance, original)
    report = run_stage(instance, "cards")
    assert report.counts == {"acorn": {"scanned": 1, "muted": 1, "numbers-muted": 1}}
    (after,) = _recordings(instance)
    assert _scans(instance) == {original: ("muted", after), after: ("clean", None)}
    now, then = _samples(_open(instance, after)), _samples(content)
    assert now.shape == then.shape
    low, high = int((LOUD[0] - MARGIN + 0.1) * RATE), int((LOUD[1] + MARGIN - 0.1) * RATE)
    assert not now[low:high].any()
    low, high = int((LOUD[0] - MARGIN - 0.1) * RATE), int((LOUD[1] + MARGIN + 0.1) * RATE)
    assert (now[:low] == then[:low]).all()
    assert (now[high:] == then[high:]).all()
    kept = ("kind", "retention_class", "anchor_day", "due_day", "interaction_id", "controller")
    muted = _object(instance, after)
    assert [muted[name] for name in kept] == [before[name] for name in kept]
    assert muted["facts"]["samples"] == before["facts"]["samples"]
    events = [event for (event,) in rows(instance, "ledger_leaves", "event")]
    assert events.count("cards-scanned") == 1
    assert events.count("erasure-instructed") == 1
    assert run_stage(instance, "cards").outcome == "NothingToScan"


def test_the_originals_key_dies_the_same_night(room: tuple[Studio, Faults]) -> None:
    """The sweep destroys the original; no brake is asked, though it is half of the holdings."""
    instance, _ = room
    instruct(instance, card_data="scan")
    calls = [Call(f"n{n}", content=_call(pitch=n + 3)) for n in range(15)]
    originals = _take_in(instance, *calls)
    run_stage(instance, "cards")
    report = run_stage(instance, "retention")
    assert report.failures == []
    assert report.total("shredded:recording") == 15
    with instance.unit() as connection, pytest.raises(ShreddedError):
        b"".join(instance.vault.open(connection, originals[0]))
    assert len(_recordings(instance)) == 15
    assert all(state == "clean" for state, _ in _scans(instance).values())


def test_what_has_no_stand_in_still_counts_for_the_brake(room: tuple[Studio, Faults]) -> None:
    """Muted versions that are to go themselves make up for nothing."""
    instance, _ = room
    instruct(instance, card_data="scan")
    _take_in(instance, *[Call(f"n{n}", content=_call(pitch=n + 3)) for n in range(15)])
    run_stage(instance, "cards")
    with instance.unit() as connection:
        connection.execute(
            t.objects.update().where(t.objects.c.kind == "recording").values(early=True)
        )
    assert "brake" in run_stage(instance, "retention").failures[0]


def test_clean_recordings_stay_as_they_are(room: tuple[Studio, Faults]) -> None:
    """Listened to once; nothing is sealed, nothing is erased."""
    instance, _ = room
    instruct(instance, card_data="scan")
    before = _take_in(instance, Call("one", content=_call(number=False)))
    assert run_stage(instance, "cards").counts == {"acorn": {"scanned": 1}}
    assert _recordings(instance) == before
    assert _scans(instance) == {before[0]: ("clean", None)}
    assert rows(instance, "intents") == rows(instance, "erasures") == []


def test_a_controller_that_pauses_is_not_scanned(room: tuple[Studio, Faults]) -> None:
    """The instruction says who keeps cards out."""
    instance, _ = room
    instruct(instance, card_data="pause_and_resume")
    _take_in(instance, Call("one", content=_call()))
    assert run_stage(instance, "cards").outcome == "NothingToScan"
    assert _scans(instance) == {}


def test_a_delivery_again_is_a_duplicate(room: tuple[Studio, Faults]) -> None:
    """What was replaced is known by its content, before and after its end."""
    instance, _ = room
    instruct(instance, card_data="scan")
    call = Call("one", content=_call())
    _take_in(instance, call)
    run_stage(instance, "cards")
    for drop in ("again", "and-again"):
        before = _recordings(instance)
        deliver(instance, [call], drop=drop)
        report = run_stage(instance, "ingest")
        assert report.counts["acorn"]["duplicate"] == 1
        assert _recordings(instance) == before
        assert run_stage(instance, "cards").outcome == "NothingToScan"
        run_stage(instance, "retention")


def test_a_hold_wins(room: tuple[Studio, Faults]) -> None:
    """The original of a muted recording stays on hold, is counted, and goes when that is lifted."""
    instance, _ = room
    instruct(instance, card_data="scan")
    (original,) = _take_in(instance, Call("one", content=_call()))
    hold = place_hold(instance, "acorn", "controller", None, "a dispute", NOW.date())
    assert run_stage(instance, "cards").total("muted-held") == 1
    run_stage(instance, "retention")
    assert _object(instance, original)["state"] == "live"
    lift_hold(instance, hold)
    run_stage(instance, "retention")
    assert _object(instance, original)["state"] == "shredded"
    assert len(_recordings(instance)) == 1


@pytest.mark.parametrize("kind", ["timeout", "crashed"])
def test_a_worker_that_dies_is_tried_again(
    room: tuple[Studio, Faults], monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    """The recording's scan has failed, with a code; the next night it is done."""
    instance, _ = room
    instruct(instance, card_data="scan")
    (original,) = _take_in(instance, Call("one", content=_call()))
    with monkeypatch.context() as broken:
        broken.setattr(InProcess, "map", _lost(kind))
        report = run_stage(instance, "cards")
    assert report.failures == [f"{original}: worker-{kind}"]
    assert rows(instance, "card_scans", "state", "code") == [("failed", f"worker-{kind}")]
    assert rows(instance, "intents") == []
    assert run_stage(instance, "cards").counts["acorn"]["muted"] == 1
    assert rows(instance, "intents") == []


def test_what_cannot_be_scanned_is_said_once_and_shown(
    room: tuple[Studio, Faults], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The night it is met has a failure; no other night of the same engine tries it again."""
    instance, _ = room
    instruct(instance, card_data="scan")
    (original,) = _take_in(instance, Call("one", content=_call()))
    with monkeypatch.context() as small:
        small.setattr(work, "wav_header", lambda *_: _raise(ValueError()))
        report = run_stage(instance, "cards")
        assert report.failures == [f"{original}: undecodable:too-large"]
        assert report.counts["acorn"]["unscannable"] == 1
        assert run_stage(instance, "cards").outcome == "NothingToScan"
    assert rows(instance, "card_scans", "state", "code") == [
        ("unscannable", "undecodable:too-large")
    ]
    assert _recordings(instance) == [original]
    with instance.unit() as connection:
        shown = status(connection, NOW.date())["controllers"]["acorn"]["kinds"]["recording"]
    assert shown["refused"] == {"unscannable": 1}
    monkeypatch.setattr(plan, "ENGINE", "another-engine")
    assert run_stage(instance, "cards").counts["acorn"]["muted"] == 1


def _lost(kind: Any) -> Any:
    def lose(_self: InProcess, _function: Any, items: Any, **_: Any) -> Iterator[Any]:
        for index, _item in enumerate(items):
            yield index, WorkerFailure(kind)

    return lose


@pytest.mark.parametrize("step", ["_point_transcripts", "_replace_rows", "record_counts"])
def test_a_crash_while_recording_changes_nothing(
    room: tuple[Studio, Faults], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The next run clears what was written, and does it."""
    instance, _ = room
    instruct(instance, card_data="scan")
    (original,) = _take_in(instance, Call("one", content=_call()))
    before = snapshot(instance)

    def crash(*_: Any, **__: Any) -> None:
        raise DefectError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(recording, step, crash)
        assert run_stage(instance, "cards").failures
    after = snapshot(instance)
    for table in ("objects", "object_keys", "card_scans", "erasures", "stage_counts"):
        assert after[table] == before[table]
    assert run_stage(instance, "cards").counts["acorn"]["muted"] == 1
    assert len(list(instance.vault.store.list(""))) == 2
    assert _object(instance, original)["early"]


def test_a_stopped_gate_changes_nothing(room: tuple[Studio, Faults]) -> None:
    """Neither gate lets anything be replaced when it fails."""
    instance, _ = room
    instruct(instance, card_data="scan")
    (original,) = _take_in(instance, Call("one", content=_call()))
    for suite in ("cards_entry", "cards_exit"):
        report = run_stage(instance, "cards", PassingGates(stop=suite))
        assert "gate" in report.failures[0]
        assert _scans(instance) == {}
    gates = PassingGates(fail_rows={original: "same-length"})
    run_stage(instance, "cards", gates)
    assert rows(instance, "card_scans", "state", "code") == [("failed", "gate-same-length")]
    assert _recordings(instance) == [original]


def test_real_gates_pass_what_the_stage_shows_them(room: tuple[Studio, Faults]) -> None:
    """Frames and suites agree."""
    from data_checks.gate import GreatExpectationsGates  # noqa: PLC0415 - slow

    instance, _ = room
    instruct(instance, card_data="scan")
    one, two = Call("one", content=_call()), Call("two", content=_call(number=False))
    _take_in(instance, one, two)
    report = run_stage(instance, "cards", GreatExpectationsGates())
    assert report.failures == []
    assert report.counts["acorn"] == {"scanned": 2, "muted": 1, "numbers-muted": 1}


class _Reader(Parrot):
    """An engine that hears a card number, four digits a second, whatever is said."""

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """Seconds 2 to 6."""
        said = ["four", *["one"] * 15]
        words = ["my", "card", *said, "thanks"]
        return [
            Word(word, 1.5 + index / 4, 1.7 + index / 4, 0.9) for index, word in enumerate(words)
        ]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> _Reader:
    """The engine of transcription."""
    engine = _Reader()
    listen_with(monkeypatch, engine)
    return engine


def test_nothing_is_transcribed_before_it_was_scanned(
    room: tuple[Studio, Faults], reader: _Reader
) -> None:
    """It waits under a code of its own, and only the muted version is ever transcribed."""
    assert reader
    instance, faults = room
    instruct(instance, card_data="scan", transcription=True)
    (original,) = _take_in(instance, Call("one", content=_call()))
    run_stage(instance, "transcribe")
    assert rows(instance, "transcriptions", "state", "code") == [("refused", "card-scan-pending")]
    run_stage(instance, "cards")
    run_stage(instance, "transcribe")
    assert original not in faults.heard
    assert {*rows(instance, "transcriptions", "state", "code")} == {
        ("done", None),
        ("refused", "erasure-instructed"),
    }


def test_a_number_that_only_the_transcript_shows_is_muted_the_same_night(
    room: tuple[Studio, Faults], reader: _Reader
) -> None:
    """Words masked, sound muted, the transcript kept with the muted version."""
    assert reader
    instance, _ = room
    instruct(instance, card_data="scan", transcription=True)
    (original,) = _take_in(instance, Call("one", content=_call(number=False)))
    run_stage(instance, "cards")
    report = run_stage(instance, "transcribe")
    assert report.failures == []
    assert report.total("card-numbers-masked") == report.total("muted") == 1
    (after,) = _recordings(instance)
    assert after != original
    ((recording_id, transcript),) = rows(
        instance, "transcriptions", "recording_id", "transcript_id"
    )
    assert recording_id == after
    assert _object(instance, transcript)["parent_id"] == after
    assert not _object(instance, transcript)["early"]
    words = [w.text for w in Transcript.from_json(_open(instance, transcript)).turns[0].words]
    assert words == ["my", "card", *["*"] * 16, "thanks"]
    sound = _samples(_open(instance, after))
    assert not sound[int(2.0 * RATE) : int(5.9 * RATE)].any()
    assert sound[: int(1.4 * RATE)].any()
    run_stage(instance, "retention")
    assert _object(instance, original)["state"] == "shredded"
    assert _object(instance, transcript)["state"] == "live"
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"


def test_what_was_found_is_not_forgotten_by_a_crash(
    room: tuple[Studio, Faults], reader: _Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spans stay until they are muted, by the next night's scan."""
    assert reader
    instance, _ = room
    assert isinstance(instance.clock, FixedClock)
    instruct(instance, card_data="scan", transcription=True)
    (original,) = _take_in(instance, Call("one", content=_call(number=False)))
    run_stage(instance, "cards")
    with monkeypatch.context() as broken:
        broken.setattr(work, "silenced", lambda *_: _raise(_KilledError("killed")))
        assert run_stage(instance, "transcribe").failures == [f"{original}: killed"]
    ((state, spans),) = rows(instance, "card_scans", "state", "spans")
    assert (state, len(spans)) == ("failed", 1)
    assert run_stage(instance, "cards").counts["acorn"]["muted"] == 1
    assert _recordings(instance) != [original]


class _KilledError(DefectError):
    code = "killed"


def _raise(error: Exception) -> Any:
    raise error

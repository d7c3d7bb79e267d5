"""What each engine did: told to whoever watches, and kept nowhere."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from callward import night
from callward.clock import FixedClock, SystemClock
from callward.retention.holds import place_hold
from callward.run import EngineFigures, Progress, StageReport, Work
from callward.speech import stage
from callward.speech.figures import engine_rows
from tests.commands import callward
from tests.speech.studio import Parrot, listen_with, studio
from tests.support import (
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


def test_rows_are_of_a_controller_and_an_engine() -> None:
    """Shards of one are added up; what no engine was asked about comes behind."""
    report = StageReport("transcribe")
    report.add("acorn", {"transcribed": 3, "refused:held": 2, "failed:engine-busy": 1, "redone": 1})
    report.add("acorn", {"quarantined:gate-transcript": 1, "card-numbers-masked": 4})
    report.add("birch", {"refused:no-instruction": 7})
    report.figures = [
        EngineFigures("acorn", "a", {"transcribed": 2, "refused:held": 1}, 0, 0),
        EngineFigures("acorn", "a", {}, 60.4, 30),
        EngineFigures("acorn", "b", {"transcribed": 1, "quarantined:gate-transcript": 1}),
        EngineFigures("acorn", "a", {"failed:engine-busy": 1}, 60, 10),
    ]
    found = [tuple(row.values()) for row in engine_rows(report)]
    assert found == [
        ("acorn", "a", 2, {"held": 1}, 1, 120, 3.0),
        ("acorn", "b", 2, {}, 0, 0, None),
        ("acorn", "-", 0, {"held": 1}, 0, 0, None),
        ("birch", "-", 0, {"no-instruction": 7}, 0, 0, None),
    ]
    assert engine_rows(StageReport("ingest")) == []


def test_a_stage_reports_them_and_keeps_nothing_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds of audio and of listening, whatever the engine; neither catalogue nor ledger."""
    listen_with(monkeypatch, Parrot())
    instance, _ = studio(new_instance(tmp_path / "home"))
    instruct(instance, transcription=True)
    deliver(instance, [Call("one", content=tone(3)), Call("two", content=tone(2)), Call("due", 45)])
    run_stage(instance, "ingest")
    moments = iter([100.0, 7828.625])
    monkeypatch.setattr(stage, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    report = run_stage(instance, "transcribe")
    (row, unasked) = engine_rows(report)
    assert row == {
        "controller": "acorn",
        "engine": "pocketsphinx",
        "done": 2,
        "refused": {},
        "failed": 0,
        "audio": 5,
        "speed": 0.0,
    }
    assert (unasked["engine"], unasked["refused"]) == ("-", {"due": 1})
    assert sum(one.wall for one in report.figures) == 7728.625
    assert "7728" not in repr([rows(instance, one) for one in ("stage_counts", "ledger_items")])
    assert "7728.625" not in repr(snapshot(instance))
    instance.close()


def test_progress_is_in_seconds_of_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the whole stage, every shard behind the one before, up to all of it."""
    listen_with(monkeypatch, Parrot())
    made, _ = studio(new_instance(tmp_path / "home", shard_recordings=1))
    instruct(made, transcription=True)
    deliver(made, [Call("one", content=tone(3, channels=2)), Call("two", content=tone(2))])
    run_stage(made, "ingest")
    told: list[tuple[int, int]] = []
    run = night.new_run(made)
    progress: Progress = lambda done, known: told.append((done, known))  # noqa: E731 - typed
    night.transcribe(made, Work(PassingGates(), progress), run)
    assert [known for _, known in told] == [8, 8]
    assert [done for done, _ in told] in ([6, 8], [2, 8])
    made.close()


def test_the_command_prints_them(tmp_path: Path) -> None:
    """Progress with its unit, the engines' table, and what to do about each code."""
    now = SystemClock().now()
    instance = new_instance(tmp_path / "home", clock=FixedClock(now))
    instruct(instance, transcription=True)
    deliver(instance, [Call("one"), Call("held")], now=now)
    run_stage(instance, "ingest")
    held = next(one for one, kind in rows(instance, "objects", "id", "kind") if kind == "recording")
    place_hold(instance, "acorn", "interaction", str(held), "because", now.date())
    instance.close()
    said = callward(tmp_path / "home", "run", "transcribe", "--plain")
    assert said.status == 0, said.err
    assert "seconds of audio" in said.out
    lines = [one.split() for one in said.out.splitlines()]
    (engine,) = [line for line in lines if line[1:2] == ["pocketsphinx"]]
    assert engine[2] == "1"
    assert "speed" in said.out
    assert ["1", "held:", "Nothing:"] in [line[:3] for line in lines]

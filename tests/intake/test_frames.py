"""The frames that ingest shows its gates are what the gates' suites ask for."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from callward.gates import GateResult, Outcome
from callward.instance import Instance
from data_checks.gate import GreatExpectationsGates
from data_checks.suites import SUITES
from tests.intake.support import Desk, quick, totals
from tests.support import NOW, Call, PassingGates, instruct, new_instance, tone

CONTENT = tone(seconds=2, pitch=777)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk on SQLite: the database makes no difference to frames."""
    instance: Instance = new_instance(tmp_path / "home")
    instruct(instance)
    yield Desk(quick(instance), "acorn")
    instance.close()


class Listening(PassingGates):
    """Asks the real gates and keeps what they said."""

    def __init__(self) -> None:
        super().__init__()
        self.real = GreatExpectationsGates()
        self.said: dict[str, GateResult] = {}

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Ask, keep, return."""
        self.seen.append((suite, frame))
        self.said[suite] = self.real.check(suite, frame)
        return self.said[suite]


def test_frames_say_what_is_true(desk: Desk) -> None:
    """One row an item that may be read, with what manifest and worker said; no names."""
    started = NOW - timedelta(days=1, seconds=5)
    row = {"started_at": started.isoformat(), "sha256": ""}
    desk.deliver([Call("a", content=CONTENT, row=row), Call("b", content=b"no audio")])
    gates = PassingGates()

    desk.take_in(gates)

    entry, exit_ = (frame for suite, frame in gates.seen if suite.startswith("ingest_e"))
    by_size = {one["bytes"]: one for one in entry.to_dict("records")}
    first, second = by_size[len(CONTENT)], by_size[8]
    assert (first["started_at"], first["ended_at"]) == (started, NOW - timedelta(days=1))
    assert first["age_days"] == pytest.approx(1, abs=0.01)
    assert (first["has_digest"], second["has_digest"]) == (False, True)
    (judged,) = exit_.to_dict("records")
    assert judged["id"] == first["id"]
    assert (judged["codec"], judged["rate"], judged["channels"]) == ("pcm_s16le", 8000, 1)
    assert (judged["seconds"], judged["seconds_promised"]) == (2.0, 5.0)
    assert judged["digest_matches"]
    assert judged["due_day"] - judged["anchor_day"] == timedelta(days=45)
    for frame in (entry, exit_):
        text = frame.to_csv()
        assert "a.wav" not in text
        assert "900123" not in text


def test_frames_fit_their_suites(desk: Desk) -> None:
    """With rows and without, columns and kinds are those declared."""
    desk.deliver([Call("a", content=CONTENT)])
    desk.deliver([], drop="drop-2")
    gates = PassingGates()
    desk.take_in(gates)
    desk.deliver([])
    desk.take_in(gates)
    # The volumes of the day, at the end of each run, are counted from what was recorded.
    assert [len(frame) for _, frame in gates.seen] == [1, 1, 1, 0, 0, 1]
    for suite, frame in gates.seen:
        declared = {name: kind.value for name, kind in SUITES[suite].columns.items()}
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == declared


def test_the_real_gates_agree(desk: Desk) -> None:
    """A good batch passes, an empty file is called empty, an empty batch has its outcome."""
    ahead = {"started_at": NOW.isoformat(), "ended_at": (NOW + timedelta(minutes=2)).isoformat()}
    desk.deliver([Call("a", content=CONTENT), Call("b", row=ahead)])
    gates = Listening()
    assert totals(desk.take_in(gates)) == (2, 2, 0, 0)
    assert {result.outcome for result in gates.said.values()} == {Outcome.PASSED}

    desk.deliver([Call("c", content=tone(pitch=600)), Call("d", content=b"")])
    assert totals(desk.take_in(gates), "ingested", "quarantined:empty") == (1, 1)
    assert gates.said["ingest_entry"].outcome is Outcome.ROWS_FAILED

    desk.deliver([])
    assert desk.take_in(gates).failures == []
    del gates.said["ingest_volumes"]
    assert {result.outcome for result in gates.said.values()} == {Outcome.EMPTY}
    desk.check()

"""Kill the night anywhere, run it again: the same end (DESIGN rule 10).

A night passes some hundred points at which something that lasts has just
changed or is about to. At each of them a copy of the same instance is ended by
SIGKILL and its night run again; then it must hold what an instance holds whose
night nobody disturbed, and nothing twice.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.instance import Instance, open_instance
from callward.retention.holds import place_hold
from callward.run import UNKNOWN
from tests.night.driver import CARDED, LONG
from tests.night.looking import look, settled
from tests.support import NOW, Call, deliver, instruct, new_instance, rows, tone

if TYPE_CHECKING:
    from tests.conftest import PostgresqlServer

ROOT = Path(__file__).parents[2]
YESTERDAY = NOW - timedelta(days=1)
DATABASES = ("sqlite", "postgresql")
WHOLE = bool(os.environ.get("CALLWARD_EVERY_POINT"))
"""Kill at every point of the night; otherwise at some, which takes minutes less."""


class Driver:
    """The program that runs nights in forks of itself."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.night.driver"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **order: Any) -> dict[str, Any]:
        """Give one order; its answer, what went wrong, or the signal that ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def stop(self) -> None:
        """End the program."""
        self._process.communicate(timeout=10)


class Copies:
    """One instance, and as many copies of it as are wanted."""

    def __init__(self, folder: Path, server: "PostgresqlServer | None") -> None:
        self._folder, self._server = folder, server
        self.home, self._url = folder / "template", ""
        self._template = f"kill_template_{folder.name.replace('-', '_')}"
        if server is not None:
            self._url = server.create(self._template, empty=True)

    def make(self) -> None:
        """An instance that has lived one night, with the next one's drops waiting."""
        instance = new_instance(self.home, database_url=self._url, clock=FixedClock(YESTERDAY))
        instruct(instance, "acorn", transcription=True)
        instruct(instance, "birch", recordings="30 days", card_data="scan")
        _meet(instance, "acorn", "birch", UNKNOWN)
        deliver(instance, FIRST_NIGHT, now=YESTERDAY)
        instance.close()

    def next_night(self) -> None:
        """Put a call on hold and deliver what the night to be killed takes in."""
        instance = open_instance(self.home, FixedClock(NOW))
        held = next(
            row[0] for row in rows(instance, "objects", "id", "kind", "size") if row[2] == HELD_SIZE
        )
        place_hold(instance, "acorn", "interaction", held, "asked to", NOW.date())
        for controller, drop, calls in DROPS:
            deliver(instance, calls, controller=controller, drop=drop)
        folder = instance.settings.landing / "acorn" / "drop-1"
        for name in ("aaa.txt", "sub/unlisted.wav", "zzz.txt"):
            (folder / name).write_bytes(name.encode())
        unread = instance.settings.landing / "acorn" / "drop-3"
        unread.mkdir()
        for name in ("manifest.csv", "first.wav", "second.wav"):
            (unread / name).write_bytes(name.encode())
        instance.close()

    def copy(self, name: str) -> Path:
        """A copy of the instance, keys and all."""
        home = self._folder / name
        shutil.copytree(self.home, home)
        if self._server is not None:
            url = self._server.copy(self._template, f"{self._template}_{name}")
            text = (home / "callward.toml").read_text().replace(self._url, url)
            (home / "callward.toml").write_text(text)
        return home

    def discard(self, name: str) -> None:
        """Remove a copy."""
        shutil.rmtree(self._folder / name)
        if self._server is not None:
            self._server.drop(f"{self._template}_{name}")


HELD_SIZE = len(tone(0.35))
FIRST_NIGHT = (
    Call("due", age=43.5, content=tone(LONG)),
    Call("due-bad", age=43.5, content=b"no media, and due tomorrow"),
    Call("held", age=43.5, content=tone(0.35)),
    Call("kept", age=20),
)
DROPS = (
    (
        "acorn",
        "drop-1",
        (
            Call("a1"),
            Call("a2", content=tone(LONG, pitch=500), file="sub/folder/a2.wav"),
            Call("a1", file="again.wav"),
            Call("junk", content=b"not media"),
            Call("out", row={"file": "../out.wav"}),
            Call("lost", row={"file": "lost.wav"}),
            Call("old", age=50),
        ),
    ),
    ("acorn", "drop-2", (Call("a1", file="twice.wav"), Call("a2", content=tone(pitch=600)))),
    ("birch", "drop-1", (Call("b1"), Call("b2", age=31), Call("b3", content=tone(CARDED)))),
    ("stranger", "drop-1", (Call("s1"),)),
)


def _meet(instance: Instance, *controllers: str) -> None:
    """Make the controllers' keys now, so that copies have the same."""
    with instance.unit() as connection:
        for controller in controllers:
            instance.vault.blinder(connection, controller, YESTERDAY)


@pytest.fixture(scope="module")
def drivers() -> Iterator[list[Driver]]:
    """Two drivers, for two cores."""
    started = [Driver(), Driver()]
    yield started
    for one in started:
        one.stop()


@pytest.fixture(params=DATABASES)
def copies(request: pytest.FixtureRequest, tmp_path: Path, drivers: list[Driver]) -> Copies:
    """An instance on each database in turn, before the night that will be killed."""
    server = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
    made = Copies(tmp_path, server)
    made.make()
    answer = drivers[0].ask(do="night", home=str(made.home), at=YESTERDAY.isoformat(), kill_at=None)
    assert "answer" in answer, answer
    made.next_night()
    return made


def _undisturbed(copies: Copies, driver: Driver) -> tuple[list[str], dict[str, Any]]:
    """The points that a night passes, and what there is after it."""
    home = copies.copy("undisturbed")
    night = driver.ask(do="night", home=str(home), at=NOW.isoformat(), kill_at=None)
    assert "answer" in night, night
    after = driver.ask(do="recover", home=str(home), at=NOW.isoformat())
    assert "answer" in after, after
    return night["answer"], after["answer"]


def _killed(copies: Copies, driver: Driver, point: int) -> dict[str, Any]:
    """What there is after a night that was killed at ``point`` and then run again."""
    name = f"killed_{point}"
    home = copies.copy(name)
    killed = driver.ask(do="night", home=str(home), at=NOW.isoformat(), kill_at=point)
    assert killed == {"killed": signal.SIGKILL}
    after = driver.ask(do="recover", home=str(home), at=NOW.isoformat())
    copies.discard(name)
    return after


def _trials(
    copies: Copies, drivers: list[Driver], points: list[int], expected: dict[str, Any]
) -> dict[int, Any]:
    """Kill at every one of ``points``; what went wrong, by point."""

    def share(number: int) -> dict[int, Any]:
        mine = points[number :: len(drivers)]
        return {point: _wrong(_killed(copies, drivers[number], point), expected) for point in mine}

    with ThreadPoolExecutor(len(drivers)) as pool:
        found = [wrong for part in pool.map(share, range(len(drivers))) for wrong in part.items()]
    return {point: wrong for point, wrong in sorted(found) if wrong}


def _wrong(after: dict[str, Any], expected: dict[str, Any]) -> Any:
    """What differs from the undisturbed night."""
    if "answer" not in after:
        return after
    found, wanted = settled(after["answer"]), settled(expected)
    return {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}


def test_a_night_killed_anywhere_and_run_again_ends_as_if_undisturbed(
    copies: Copies, drivers: list[Driver], request: pytest.FixtureRequest
) -> None:
    """Killed at any point and run again: same catalogue, nothing lost, nothing twice."""
    points, expected = _undisturbed(copies, drivers[0])
    assert len(points) >= 100
    every = 1 if WHOLE else 3 if "sqlite" in request.node.name else 11
    wrong = _trials(copies, drivers, list(range(0, len(points), every)), expected)
    assert not wrong, {point: (points[point], said) for point, said in wrong.items()}


def test_the_night_that_is_killed_does_everything(copies: Copies, drivers: list[Driver]) -> None:
    """It takes in, refuses, mutes, transcribes, destroys, packs: else killing shows little."""
    points, after = _undisturbed(copies, drivers[0])
    assert set(points) >= {
        *("do_commit", "put", "put_whole", "delete"),
        *("unlink", "rmdir", "replace", "settle", "end"),
    }
    counts = after["counts"]
    assert counts["ingest acorn"]["files"] > counts["ingest acorn"]["ingested"] > 0
    assert counts["ingest acorn"]["duplicate"] == 1
    assert counts["cards birch"]["muted"] == 1
    assert counts["transcribe acorn"]["transcribed"] > 0
    assert counts["transcribe birch"]["refused:no-instruction"] > 0
    assert set(after["certificates"]) == {"acorn", "birch"}
    states = {name: value[4] for name, value in after["objects"].items()}
    gone = {name.split()[0] for name, state in states.items() if state == "shredded"}
    assert "transcript" in gone
    assert set(states.values()) == {"live", "quarantined", "shredded"}
    assert after["landing"] == []
    assert after["intents"] == []


def test_a_comparison_notices_what_is_lost_and_what_is_there_twice(
    copies: Copies, drivers: list[Driver]
) -> None:
    """Self-check: without one row, or with one file too many, the comparison fails."""
    _, expected = _undisturbed(copies, drivers[0])
    home = copies.home.parent / "undisturbed"
    (home / "landing" / "acorn" / "left").mkdir()
    (home / "landing" / "acorn" / "left" / "file.wav").write_bytes(b"left")
    instance = open_instance(home, FixedClock(NOW))
    with instance.unit() as connection:
        connection.execute(t.people.delete().where(t.people.c.role == "agent"))
    found = settled(look(instance))
    instance.close()
    differing = {name for name, value in settled(expected).items() if found[name] != value}
    assert differing == {"people", "landing"}

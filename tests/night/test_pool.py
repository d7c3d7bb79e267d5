"""Transcription on Prefect's work pool: real server on PostgreSQL, real workers, real deaths."""

import io
import threading
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from callward.clock import SystemClock, today
from callward.instance import Instance, open_instance
from callward.intake.audio import channels_at
from callward.ledger import log
from deployments.demo.calls import demo_calls
from tests.conftest import PostgresqlServer
from tests.pools import deploy, start_night, workers
from tests.prefect_server import PrefectServer
from tests.speech.speech_server import Call as Request
from tests.speech.speech_server import SpeechServer, good
from tests.subprocessors.entries import FULL
from tests.support import Call, deliver, new_instance, rows, run_stage

_RATE = 8000
_PATIENCE = 90.0
_RECORDINGS = 4
"""Of each of two controllers."""
_ENGINE = """
[engine.northwind]
kind = "http"
url = "{url}"
model = "tiny"
sub_processor = "northwind"
at_once = {at_once}
seconds = 300
"""


@cache
def spoken(number: int) -> bytes:
    """A few seconds that somebody speaks in, as a WAV file; each number is another."""
    calls = demo_calls()
    content = io.BytesIO(calls[number % len(calls)].path.read_bytes())
    channel = channels_at(content, _RATE, max_seconds=60)[0][: 4 * _RATE]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(np.ascontiguousarray(channel).astype("<i2").tobytes())
    return out.getvalue()


@dataclass
class Gate:
    """Keeps the speech server from answering until it is opened."""

    open: threading.Event = field(default_factory=threading.Event)

    def __call__(self, call: Request) -> None:
        """Answer when that is allowed."""
        deadline = time.monotonic() + _PATIENCE
        while not self.open.is_set() and time.monotonic() < deadline:
            call.wait(0.05)
        good()(call)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgresqlServer
) -> Iterator[PrefectServer]:
    """A Prefect server on PostgreSQL that knows the deployment."""
    url = postgresql_server.create("prefect_pool", empty=True)
    url = url.replace("postgresql+psycopg://", "postgresql+asyncpg://")
    made = PrefectServer(tmp_path_factory.mktemp("prefect-pool"), url)
    try:
        made.wait()
        deploy(made)
        yield made
    finally:
        made.kill()


@dataclass
class Stand:
    """An instance with something to transcribe, and the speech server that does it."""

    instance: Instance
    speech: SpeechServer
    gate: Gate
    server: PrefectServer
    folder: Path

    @property
    def home(self) -> Path:
        """The instance's home."""
        return self.instance.settings.home

    def states(self) -> Counter[str]:
        """How many shards are how far."""
        return Counter(state for (state,) in rows(self.instance, "shards", "state"))

    def until(self, what: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        deadline = time.monotonic() + _PATIENCE
        while not what():
            if time.monotonic() > deadline:
                said = "\n".join(path.read_text() for path in self.folder.glob("*.log"))
                raise AssertionError(f"{self.states()}\n{said[-6000:]}")
            time.sleep(0.1)


@pytest.fixture
def stand(
    server: PrefectServer,
    postgresql_server: PostgresqlServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Stand]:
    """Eight recordings of two controllers in shards of two, nobody at work yet."""
    database = f"pool_{request.node.name.split('[')[0][-20:]}"
    gate, now = Gate(), SystemClock().now()
    with SpeechServer(lambda _: gate, tls=False) as speech:
        made = new_instance(
            tmp_path / "home",
            database_url=postgresql_server.create(database, empty=True),
            clock=SystemClock(),
            scale="work-pool",
            processes=1,
            shard_recordings=2,
            shard_lease_seconds=20,
        )
        made = _with_engine(made, speech.url, at_once=getattr(request, "param", 8))
        _register(made)
        for start, controller in enumerate(("acorn", "birch")):
            _instruct(made, controller)
            calls = [
                Call(f"{controller}-{number}", content=spoken(start * _RECORDINGS + number))
                for number in range(_RECORDINGS)
            ]
            deliver(made, calls, controller=controller, now=now)
        assert run_stage(made, "ingest").failures == []
        yield Stand(made, speech, gate, server, tmp_path)
        gate.open.set()
        made.close()
        postgresql_server.drop(database)


def _with_engine(instance: Instance, url: str, at_once: int) -> Instance:
    path = instance.settings.home / "callward.toml"
    path.write_text(path.read_text() + _ENGINE.format(url=url, at_once=at_once))
    instance.close()
    return open_instance(instance.settings.home)


def _register(instance: Instance) -> None:
    """An entry of the register that is in order today, whenever that is."""
    day = today(SystemClock())
    text = FULL.replace("2027-06-30", str(day + timedelta(days=300)))
    text = text.replace("2026-01-10", str(day - timedelta(days=30)))
    (instance.settings.sub_processors / "northwind.yaml").write_text(text)


def _instruct(instance: Instance, controller: str) -> None:
    (instance.settings.instructions / f"{controller}.yaml").write_text(
        f"controller: {controller}\n"
        f"name: {controller.title()} Ltd\n"
        "effective_from: 2020-01-01\n"
        "approved_by: Head of Data Protection\n"
        "reference: REF/1\n"
        "lawful_basis: contract\n"
        "card_data: pause_and_resume\n"
        "transcription:\n"
        "  enabled: true\n"
        "  engines: [northwind]\n"
        "  sub_processors: [northwind]\n"
    )


def once_each(instance: Instance) -> None:
    """Every recording has one transcript, counted once, and the ledger verifies."""
    kinds = rows(instance, "objects", "kind", "parent_id")
    recordings = sum(kind == "recording" for kind, _ in kinds)
    made = [parent for kind, parent in kinds if kind == "transcript"]
    assert recordings == len(made) == len(set(made)) == 2 * _RECORDINGS
    assert {state for (state,) in rows(instance, "transcriptions", "state")} == {"done"}
    counts = [counts for stage, counts in rows(instance, "stage_counts", "stage", "counts")]
    assert sum(one.get("transcribed", 0) for one in counts) == 2 * _RECORDINGS
    assert rows(instance, "intents") == []
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])


def test_a_worker_killed_with_a_shard_costs_nothing(stand: Stand) -> None:
    """Three workers, each with a shard; one dies with its children, and the others do it all."""
    with (
        workers(stand.server, stand.home, stand.folder, 3) as crew,
        start_night(stand.server, stand.home, stand.folder / "night.log") as parent,
    ):
        stand.until(lambda: stand.states()["taken"] == 3 and stand.speech.at_once == 3)
        crew[1].kill()
        stand.gate.open.set()
        assert parent.end(_PATIENCE) == 0, parent.said
    once_each(stand.instance)
    assert stand.states() == {"done": 4}
    attempts = sorted(attempts for (attempts,) in rows(stand.instance, "shards", "attempts"))
    assert attempts == [1, 1, 1, 2]


@pytest.mark.parametrize("stand", [2], indirect=True)
def test_a_server_killed_in_the_middle_of_the_night_costs_nothing(stand: Stand) -> None:
    """What workers have they finish and record without it; with it back the night ends well.

    The sub-processor never has more than two recordings, though there are three workers.
    """
    with (
        workers(stand.server, stand.home, stand.folder, 3),
        start_night(stand.server, stand.home, stand.folder / "night.log") as parent,
    ):
        stand.until(lambda: stand.states()["taken"] == 3 and stand.speech.at_once == 2)
        stand.server.kill()
        stand.gate.open.set()
        stand.until(lambda: stand.states()["done"] >= 3)
        stand.server.start()
        stand.server.wait()
        ended = parent.end(_PATIENCE)
    assert ended == 0, parent.said
    once_each(stand.instance)
    assert stand.states() == {"done": 4}
    assert stand.speech.most_at_once == 2


def test_a_night_that_was_killed_is_ended_by_the_next(stand: Stand) -> None:
    """Workers finish what they have and take nothing more; the next night does the rest."""
    with workers(stand.server, stand.home, stand.folder, 3):
        with start_night(stand.server, stand.home, stand.folder / "night.log") as parent:
            stand.until(lambda: stand.states()["taken"] == 3 and stand.speech.at_once == 3)
            parent.kill()
        stand.gate.open.set()
        stand.until(lambda: stand.states()["done"] == 3)
        assert stand.states() == {"done": 3, "planned": 1}
        with start_night(stand.server, stand.home, stand.folder / "again.log") as parent:
            assert parent.end(_PATIENCE) == 0, parent.said
    once_each(stand.instance)
    assert stand.states() == {"done": 4, "abandoned": 1}

"""The instance of the simulated year, its witness, and quick collaborators."""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from callward import night, strictyaml
from callward.cardscan import work as scanning
from callward.clock import FixedClock, today
from callward.flowruns.stage import History
from callward.gates import Gates
from callward.instance import Instance, create_instance
from callward.ledger.signing import Signer
from callward.ledger.witness import Witness, witness_key
from callward.ledger.witness_server import WitnessServer
from callward.run import Run
from tests.night.driver import FakeEngine, HereWorkers
from tests.speech.studio import listen_with
from tests.support import PassingGates
from tests.year import days, papers
from tests.year.prefected import Moved
from tests.year.seen import Seen


class Here(Instance):
    """An instance whose workers are this process."""

    def workers(self, extra: int = 0) -> Any:
        """Nothing is started for a handful of calls a night."""
        del extra
        return HereWorkers()


class Stranger:
    """A witness on loopback that goes by the year's clock and can be away."""

    def __init__(self, folder: Path, clock: FixedClock) -> None:
        self._folder, self._clock = folder, clock
        self.signer = Signer.create(folder / "witness.key", "witness.example/w1")
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self._port = one.getsockname()[1]
        self._server: WitnessServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What an instance that asks it has set."""
        url = f"http://127.0.0.1:{self._port}"
        return {"witness_url": url, "witness_key": str(witness_key(self.signer))}

    def come(self, log_key: str) -> None:
        """Answer from now on."""
        witness = Witness(self._folder / "state", self.signer, [log_key], self._clock)
        self._server = WitnessServer(("127.0.0.1", self._port), witness)
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def go(self) -> None:
        """Answer no more."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None


@dataclass
class Year:
    """An instance in its year; ``told``: what stages could not do, by night."""

    instance: Instance
    clock: FixedClock
    stranger: Stranger
    folder: Path
    seen: Seen = field(default_factory=Seen)
    moved: Moved | None = None
    """Prefect's own server, if that runs some of the nights."""
    told: dict[date, list[str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    """Ids that later days come back to."""

    def tell(self, failures: Iterable[str]) -> None:
        """Remember what a night or a person was told today."""
        if lines := list(failures):
            self.told.setdefault(today(self.clock), []).extend(lines)

    @property
    def history(self) -> History:
        """Who knows of flow runs."""
        return self.moved.history if self.moved else self.seen.history

    def stage(self, name: str, run: Run, gates: Gates | None = None) -> list[str]:
        """Run one stage; what it could not do."""
        work = night.work_for(self.instance, gates or PassingGates(), run)
        found: list[str] = getattr(night, name)(self.instance, work, run).failures
        return found


@contextmanager
def begun(folder: Path, database_url: str = "", moved: Moved | None = None) -> Iterator[Year]:
    """A fresh instance on the year's first day, its papers in order and its witness there.

    ``moved``: the server of Prefect that some nights go through.
    """
    home = folder / "home"
    home.mkdir(parents=True)
    clock = FixedClock(days.CREATED)
    stranger = Stranger(folder, clock)
    lines = {**stranger.settings, "database_url": database_url}
    said = "".join(f'{name} = "{value}"\n' for name, value in lines.items() if value)
    (home / "callward.toml").write_text(said + papers.SETTINGS)
    made = create_instance(home, clock)
    values = {one.name: getattr(made, one.name) for one in fields(made)}
    year = Year(Here(**values), clock, stranger, folder, moved=moved)
    _papers(year.instance)
    stranger.come(year.instance.signer.verifier)
    try:
        yield year
    finally:
        stranger.go()
        made.close()


def _papers(instance: Instance) -> None:
    """Registers and instructions as they are on the first day."""
    papers.assurance(instance)
    papers.sub_processor(instance, "northwind", abroad=True)
    papers.instruct(instance, "acorn", "  enabled: true\n")
    papers.instruct(instance, "birch")
    papers.instruct(
        instance,
        "cedar",
        "  enabled: true\n  engines: [abroad]\n  sub_processors: [northwind]\n"
        "  transfers:\n    - {sub_processor: northwind, country: US, safeguard: IDTA,"
        " reference: T/1}\n",
    )


def stand_in(patch: pytest.MonkeyPatch) -> None:
    """Quick engines in the place of slow ones, no file parsed twice, no waiting for the disk."""
    listen_with(patch, FakeEngine())
    patch.setattr(scanning, "listen_to", lambda pieces: ([], sum(map(len, pieces)) / 8000))
    patch.setattr(os, "fsync", lambda _handle: None)
    patch.setattr(strictyaml, "_parse", _remembering(strictyaml._parse))
    patch.setenv("NO_PROXY", "127.0.0.1")


def _remembering(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Parses a file once for as long as nobody changes it: it is read several times a night."""
    known: dict[tuple[bytes, int], Any] = {}

    def parsed(content: bytes, form: Any) -> Any:
        key = content, id(form)
        if key not in known:
            known[key] = parse(content, form)
        return known[key]

    return parsed

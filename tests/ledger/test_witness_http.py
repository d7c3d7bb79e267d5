"""The witness over real HTTP on loopback, and the instance that asks it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa

from callward.catalogue.tables import ledger_head, ledger_items, ledger_leaves
from callward.clock import FixedClock
from callward.evidence.verify import verify_pack
from callward.instance import SIGNING_KEY, VERIFIER_FILE, Instance, open_instance
from callward.ledger import attesting, log, notes, rotation
from callward.ledger.attesting import WitnessRefusalError, ask
from callward.ledger.cosigning import cosign, verify_cosigned
from callward.ledger.log import NoCheckpointError
from callward.ledger.outside import OutsideError
from callward.ledger.proofs import verify_proof
from callward.ledger.signing import Signer
from callward.ledger.witness import MAX_BODY, Witness, witness_key
from callward.ledger.witness_server import WitnessServer
from tests.commands import callward
from tests.ledger.trees import Tree
from tests.support import NOW, new_instance, rows, run_stage, snapshot

SUBJECT = "5" * 32


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is asked directly, whatever the machine's settings."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def own(tmp_path: Path) -> Signer:
    """The witness's key."""
    return Signer.create(tmp_path / "own.key", "witness.example/w1")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Instance]:
    """An instance with a first leaf and nothing signed."""
    made = new_instance(tmp_path / "home")
    yield made
    made.close()


@contextmanager
def _witness(tmp_path: Path, own: Signer, *log_keys: str) -> Iterator[str]:
    witness = Witness(tmp_path / "state", own, list(log_keys), FixedClock(NOW))
    with _serving(WitnessServer(("127.0.0.1", 0), witness)) as url:
        yield url


@pytest.fixture
def url(tmp_path: Path, own: Signer, home: Instance) -> Iterator[str]:
    """A witness of the instance's log."""
    with _witness(tmp_path, own, home.signer.verifier) as found:
        yield found


def _append(instance: Instance, count: int = 1) -> str:
    with instance.unit() as connection:
        for _ in range(count):
            log.append(connection, "touched", [log.Item(SUBJECT)], at=instance.clock.now())
        return log.checkpoint(connection, instance.signer, instance.clock.now())


def _ask(instance: Instance, url: str, own: Signer) -> int:
    return ask(instance.engine, url, str(witness_key(own)), instance.clock).size


def _cut(instance: Instance, size: int) -> None:
    """Take the log back to ``size`` leaves, as an old backup would."""
    with instance.unit() as connection:
        bodies = log.frontier_at(connection, size)
        for table, column in ((ledger_leaves, "position"), (ledger_items, "leaf")):
            connection.execute(sa.delete(table).where(table.c[column] >= size))
        hashes = [one.hex() for one in bodies.hashes]
        connection.execute(sa.update(ledger_head).values(size=size, frontier=hashes))
        for name in ("ledger_checkpoints", "ledger_cosignatures"):
            table = ledger_head.metadata.tables[name]
            connection.execute(sa.delete(table).where(table.c.size > size))


def test_cosignatures_are_kept_and_verify(home: Instance, url: str, own: Signer) -> None:
    """One for each head asked for; the note with them verifies for log and witness."""
    for count in (1, 3, 300):
        note = _append(home, count)
        size = _ask(home, url, own)
        assert size == notes.parse_checkpoint(notes.note_text(note)).size
        with home.unit() as connection:
            cosigned = attesting.cosigned_note(connection, size, note)
        assert notes.verify_checkpoint(cosigned, [home.signer.verifier]).size == size
        assert verify_cosigned(cosigned, str(witness_key(own))) == NOW
    with home.unit() as connection:
        assert attesting.verify_kept(connection) == 3
        assert log.verify(connection, [home.signer.verifier]).checkpoints == 3


def test_asking_again_keeps_one_line(home: Instance, url: str, own: Signer) -> None:
    """The same head twice is one row."""
    _append(home)
    assert _ask(home, url, own) == _ask(home, url, own)
    assert len(rows(home, "ledger_cosignatures")) == 1


def test_nothing_signed_is_nothing_to_cosign(home: Instance, url: str, own: Signer) -> None:
    """A log without a checkpoint is told to sign one."""
    with pytest.raises(NoCheckpointError):
        _ask(home, url, own)


def test_what_the_witness_knows_and_we_forgot(home: Instance, url: str, own: Signer) -> None:
    """Cosignatures lost on our side: the witness says where it stands, and goes on."""
    _append(home, 4)
    _ask(home, url, own)
    with home.unit() as connection:
        connection.execute(sa.delete(ledger_head.metadata.tables["ledger_cosignatures"]))
    _append(home, 4)
    assert _ask(home, url, own) == 9


def test_a_ledger_cut_back_is_found_out(home: Instance, url: str, own: Signer) -> None:
    """Smaller than what the witness has seen: refused, nothing kept, everything told."""
    _append(home, 5)
    _ask(home, url, own)
    _cut(home, 3)
    _append(home)
    kept = snapshot(home)
    with pytest.raises(WitnessRefusalError, match="has seen 6 leaves; the ledger signed 4"):
        _ask(home, url, own)
    assert snapshot(home) == kept


@pytest.mark.parametrize("more", [3, 5], ids=["same-size", "larger"])
def test_a_ledger_written_anew_is_found_out(
    home: Instance, url: str, own: Signer, tmp_path: Path, more: int
) -> None:
    """As large as before, or larger: refused, and the witness keeps both heads."""
    _append(home, 5)
    _ask(home, url, own)
    _cut(home, 3)
    with home.unit() as connection:
        log.append(connection, "forged", [], at=NOW)
    _append(home, more - 1)
    with pytest.raises(WitnessRefusalError):
        _ask(home, url, own)
    (conflict,) = (tmp_path / "state").glob("logs/*/conflicts/*")
    heads = conflict.read_text().split("\n\n")
    assert len(heads) == 4
    assert rows(home, "ledger_cosignatures") == []


def test_a_rotated_key_is_witnessed_again_once_known(
    home: Instance, tmp_path: Path, own: Signer
) -> None:
    """The head of both keys passes with the old one; later ones with the new list."""
    key = home.settings.keys / SIGNING_KEY
    old = home.signer.verifier
    _append(home)
    rotation.rotate(home.engine, key, home.clock)
    opened = open_instance(home.settings.home, home.clock)
    with _witness(tmp_path, own, old) as url:
        assert _ask(opened, url, own) == 3
        _append(opened)
        with pytest.raises(OutsideError, match="403"):
            _ask(opened, url, own)
    with _witness(tmp_path, own, (opened.settings.data / VERIFIER_FILE).read_text()) as url:
        assert _ask(opened, url, own) == 4
    opened.close()


def test_another_witness_at_the_address_is_not_believed(
    home: Instance, url: str, tmp_path: Path
) -> None:
    """A cosignature by a key that is not the one set is not kept."""
    _append(home)
    expected = Signer.create(tmp_path / "expected", "witness.example/w1")
    with pytest.raises(OutsideError, match="no cosignature"):
        _ask(home, url, expected)
    assert rows(home, "ledger_cosignatures") == []


class _Crooked(BaseHTTPRequestHandler):
    """Answers whatever it was told to."""

    answer: ClassVar[tuple[int, bytes, dict[str, str]]]

    def do_POST(self) -> None:
        """Send it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body, headers = self.answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"", {}),
        (200, b"\xff\n", {}),
        (200, b"x" * 70_000, {}),
        (200, b"", {"Content-Length": "9"}),
        (302, b"", {"Location": "/elsewhere"}),
        (409, b"many\n", {}),
        (409, b"-1\n", {}),
        (500, b"", {}),
    ],
)
def test_crooked_answers_change_nothing(
    home: Instance, own: Signer, answer: tuple[int, bytes, dict[str, str]]
) -> None:
    """Each is one sentence without what was answered, and nothing is kept."""
    _append(home)
    kept = snapshot(home)
    handler = type("Handler", (_Crooked,), {"answer": answer})
    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        with pytest.raises(OutsideError) as caught:
            _ask(home, url, own)
        assert url not in str(caught.value)
    assert snapshot(home) == kept


def test_a_witness_that_wavers_is_left(home: Instance, own: Signer) -> None:
    """It names a smaller size again and again: after a few tries that is an error."""
    _append(home, 8)
    sizes = iter(["1", "2", "3", "4", "5", "6"])

    class Wavering(_Crooked):
        def do_POST(self) -> None:
            type(self).answer = (409, f"{next(sizes)}\n".encode(), {})
            super().do_POST()

    with (
        _serving(ThreadingHTTPServer(("127.0.0.1", 0), Wavering)) as url,
        pytest.raises(OutsideError, match="settle"),
    ):
        _ask(home, url, own)


def test_a_witness_from_the_future_is_not_believed(home: Instance, own: Signer) -> None:
    """Its clock more than some minutes ahead of ours: not kept."""
    note = _append(home)
    line = cosign(note, own.name, own.key, NOW.replace(hour=2)).encode()
    handler = type("Handler", (_Crooked,), {"answer": (200, line, {})})
    with (
        _serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url,
        pytest.raises(OutsideError, match="clock"),
    ):
        _ask(home, url, own)
    assert rows(home, "ledger_cosignatures") == []


def _post(url: str, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_only_small_requests_to_one_address(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Others are refused before they are read, and none of their text is told."""
    assert _post(url, "/secret-path", b"secret")[0] == 404
    assert _post(url, "/add-checkpoint", b"x" * (MAX_BODY + 1))[0] == 413
    assert _post(url, "/add-checkpoint", b"secret", **{"Content-Length": "x"})[0] == 411
    assert _post(url, "/add-checkpoint", b"secret", **{"Transfer-Encoding": "chunked"})[0] == 411
    assert _post(url, "/add-checkpoint", b"secret") == (400, b"")
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/secret-path")
    assert connection.getresponse().status == 501
    said = capsys.readouterr()
    assert "secret" not in said.out + said.err
    assert "witness: 404" in said.err


def test_connections_are_kept_alive(home: Instance, url: str) -> None:
    """Several requests on one connection, as the specification asks for."""
    note = _append(home)
    body = b"old 0\n\n" + note.encode()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    found = []
    for _ in range(3):
        connection.request("POST", "/add-checkpoint", body)
        answer = connection.getresponse()
        answer.read()
        found.append(answer.status)
    connection.close()
    assert found == [200, 409, 409]


def test_a_silent_client_is_left(
    home: Instance, tmp_path: Path, own: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a request holds nobody up, and is given up after a while."""
    monkeypatch.setattr("callward.ledger.witness_server._Handler.timeout", 0.3)
    with _witness(tmp_path, own, home.signer.verifier) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as silent:
            silent.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 100\r\n\r\nold 0")
            _append(home)
            assert _ask(home, url, own) == 2
            assert silent.recv(100) == b""


def test_a_client_that_trickles_is_left(
    home: Instance, tmp_path: Path, own: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then does not keep a connection for ever."""
    monkeypatch.setattr("callward.ledger.witness_server.TOTAL_SECONDS", 0.5)
    with _witness(tmp_path, own, home.signer.verifier) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=0.05) as slow:
            slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 60000\r\n\r\n")
            for _ in range(100):
                try:
                    slow.sendall(b"x")
                    assert slow.recv(100) == b""
                except TimeoutError:
                    continue
                except OSError:
                    pass
                break
            else:
                pytest.fail("still connected")


def test_many_at_once(signer: Signer, tmp_path: Path, own: Signer) -> None:
    """Concurrent submissions of growing heads: the last one kept is the largest answered 200."""
    trees = [Tree(signer).grow(size) for size in range(1, 25)]
    with _witness(tmp_path, own, signer.verifier) as url:

        def submit(tree: Tree) -> int:
            old = 0
            for _ in range(40):
                status, said = _post(url, "/add-checkpoint", tree.request(old))
                if status == 200:
                    return len(tree.leaves)
                assert status == 409
                old = int(said)
                if old > len(tree.leaves):
                    return 0
            pytest.fail("never settled")

        with ThreadPoolExecutor(12) as pool:
            done = list(pool.map(submit, trees))
    kept = next((tmp_path / "state").glob("logs/*/checkpoint")).read_text()
    assert notes.parse_checkpoint(notes.note_text(kept)).size == max(done) == 24
    assert not list((tmp_path / "state").glob("logs/*/conflicts/fork-*"))


_SERVE = """
import os, signal, sys
from callward import cli
from callward.ledger import witness
if sys.argv.pop(1) == "kill":
    def dead(*_):
        os.kill(os.getpid(), signal.SIGKILL)
    witness.cosign = dead
cli.main()
"""


@contextmanager
def _process(state: Path, log_key: str, *, kill: bool) -> Iterator[tuple[str, int]]:
    """``callward witness serve`` in a process of its own; where, and its id."""
    command = [sys.executable, "-c", _SERVE, "kill" if kill else "serve", "witness", "serve"]
    command += ["--state", str(state), "--log-key", log_key, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().split()[-1]
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM)


def test_killed_between_writing_and_answering(home: Instance, tmp_path: Path) -> None:
    """The head is on disk, the answer was never given; started again it says the same."""
    note = _append(home, 5)
    keys = tmp_path / "keys.txt"
    keys.write_text(home.signer.verifier + "\n")
    state = tmp_path / "state"
    said = callward(tmp_path / "none", "witness", "key", "--state", str(state))
    with _process(state, str(keys), kill=True) as (url, _), pytest.raises(OutsideError):
        ask(home.engine, url, said.last, home.clock)
    assert rows(home, "ledger_cosignatures") == []
    kept = next(state.glob("logs/*/checkpoint"))
    assert kept.read_text() == note
    again = callward(tmp_path / "none", "witness", "key", "--state", str(state))
    assert again.last == said.last
    with _process(state, str(keys), kill=False) as (url, _):
        second = callward(
            *(tmp_path / "none", "witness", "serve", "--state", str(state)),
            *("--log-key", str(keys), "--listen", "127.0.0.1:0"),
        )
        assert "[witness-busy]" in second.err
        clock = FixedClock(NOW.replace(year=NOW.year + 50))  # the real clock is behind that
        assert ask(home.engine, url, said.last, clock).size == 6
    assert len(rows(home, "ledger_cosignatures")) == 1


def test_the_command_asks(home: Instance, url: str, own: Signer) -> None:
    """As set or as given; without either it says what is missing."""
    missing = callward(home.settings.home, "witness", "ask")
    assert (missing.status, missing.out) == (2, "")
    key = str(witness_key(own))
    said = callward(home.settings.home, "witness", "ask", "--url", url, "--key", key)
    assert said.status == 0, said.err
    assert said.last.startswith("checkpoint 1 was cosigned at 2026-11-20T01:00:00")
    verified = callward(home.settings.home, "ledger", "verify")
    assert "1 checkpoints, 1 cosignatures: all verify" in verified.out


def test_the_nights_pack_holds_the_cosignature(home: Instance, tmp_path: Path, own: Signer) -> None:
    """The pack's checkpoint carries it; who does not know the witness verifies all the same."""
    with _witness(tmp_path, own, home.signer.verifier) as url:
        opened = _with_settings(home, witness_url=url, witness_key=str(witness_key(own)))
        report = run_stage(opened, "evidence")
        assert report.failures == []
    assert len(rows(opened, "ledger_cosignatures")) == 1
    pack = next(opened.settings.evidence.glob("*.zip"))
    assert verify_pack(pack, expected_key=opened.signer.verifier).passed
    assert b"witness.example/w1" in pack.read_bytes()
    opened.close()
    given = ("verify", str(pack), "--witness")
    checked = callward(tmp_path, *given, str(witness_key(own)))
    assert (checked.status, "ok  witness: cosigned at 2026" in checked.out) == (0, True)
    stranger = witness_key(Signer.create(tmp_path / "stranger", own.name))
    for key in (str(stranger), "nonsense"):
        refused = callward(tmp_path, *given, key)
        assert (refused.status, "FAILED  witness" in refused.out) == (4, True)


def test_a_witness_away_does_not_undo_the_night(home: Instance, own: Signer) -> None:
    """The pack is made and verifies; that nobody answered is said."""
    opened = _with_settings(
        home, witness_url="http://127.0.0.1:9", witness_key=str(witness_key(own))
    )
    report = run_stage(opened, "evidence")
    assert report.failures == ["[outside] there is no answer (ConnectError)"]
    pack = next(opened.settings.evidence.glob("*.zip"))
    assert verify_pack(pack, expected_key=opened.signer.verifier).passed
    opened.close()


def _with_settings(instance: Instance, **more: str) -> Instance:
    path = instance.settings.home / "callward.toml"
    lines = "".join(f'{name} = "{value}"\n' for name, value in more.items())
    path.write_text(path.read_text() + lines)
    return open_instance(instance.settings.home, instance.clock)


def test_proofs_under_a_cosigned_checkpoint_verify(home: Instance, url: str, own: Signer) -> None:
    """Cosignature lines under a proof's checkpoint change nothing for who does not know them."""
    note = _append(home, 3)
    size = _ask(home, url, own)
    with home.unit() as connection:
        proof = log.prove(connection, SUBJECT)[0]
        proof["checkpoint"] = attesting.cosigned_note(connection, size, note)
    verify_proof(proof, home.signer.verifier)

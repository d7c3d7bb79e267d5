"""RFC 3161 time stamps over checkpoints, from an authority of our own."""

import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue.tables import ledger_checkpoints, ledger_timestamps
from callward.errors import IntegrityError, SettingsError
from callward.evidence.verify import verify_pack
from callward.instance import Instance, open_instance
from callward.ledger import log, notes
from callward.ledger.log import NoCheckpointError
from callward.ledger.outside import OutsideError
from callward.ledger.timestamps import check_stamp, stamp, stamp_of, verify_kept
from tests.commands import callward
from tests.ledger.authority import Authority, serving
from tests.support import NOW, new_instance, rows, run_stage, snapshot

AT = NOW + timedelta(seconds=7)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is asked directly, whatever the machine's settings."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def authority() -> Authority:
    """One that is as it should be."""
    return Authority(AT)


@pytest.fixture
def url(authority: Authority) -> Iterator[str]:
    """Where it is."""
    with serving(authority) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Instance]:
    """An instance with a first leaf and nothing signed."""
    made = new_instance(tmp_path / "home")
    yield made
    made.close()


def _sign(instance: Instance) -> str:
    with instance.unit() as connection:
        log.append(connection, "touched", [], at=NOW)
        return log.checkpoint(connection, instance.signer, NOW)


def _stamped(instance: Instance, size: int) -> bytes:
    with instance.unit() as connection:
        found = stamp_of(connection, size)
    assert found is not None
    return found


def test_a_head_is_stamped(home: Instance, authority: Authority, url: str) -> None:
    """The stamp is kept with the authority's time, and checks with the root alone."""
    note = _sign(home)
    assert stamp(home.engine, url, authority.roots) == (2, AT)
    assert rows(home, "ledger_timestamps", "size", "at") == [(2, AT)]
    assert check_stamp(_stamped(home, 2), note, authority.roots) == AT
    with home.unit() as connection:
        assert verify_kept(connection, authority.roots) == 1


def test_a_stamp_is_asked_for_once(home: Instance, authority: Authority, url: str) -> None:
    """The same head again gives the stamp it has."""
    _sign(home)
    stamp(home.engine, url, authority.roots)
    assert stamp(home.engine, url, authority.roots) == (2, AT)
    assert len(authority.asked) == 1
    _sign(home)
    assert stamp(home.engine, url, authority.roots)[0] == 3


def test_only_a_digest_leaves_the_house(home: Instance, authority: Authority, url: str) -> None:
    """The authority sees nothing of the checkpoint."""
    note = _sign(home)
    stamp(home.engine, url, authority.roots)
    for line in note.split("\n"):
        assert len(line) < 8 or line.encode() not in authority.asked[0]


def test_cosignatures_do_not_touch_the_stamp(
    home: Instance, authority: Authority, url: str
) -> None:
    """It is over the text alone: another signature line under the note changes nothing."""
    note = _sign(home)
    stamp(home.engine, url, authority.roots)
    more = notes.add_signature(note, "another/name", home.signer.key)
    assert check_stamp(_stamped(home, 2), more, authority.roots) == AT


def test_a_stamp_is_of_one_head_under_one_root(
    home: Instance, authority: Authority, url: str
) -> None:
    """Another head, another root, a bit turned: it does not hold."""
    note = _sign(home)
    stamp(home.engine, url, authority.roots)
    token, other = _stamped(home, 2), _sign(home)
    with pytest.raises(IntegrityError):
        check_stamp(token, other, authority.roots)
    with pytest.raises(IntegrityError):
        check_stamp(token, note, Authority(AT).roots)
    survived = []
    for at in range(0, len(token), 7):
        bent = token[:at] + bytes([token[at] ^ 1]) + token[at + 1 :]
        try:
            survived.append(check_stamp(bent, note, authority.roots))
        except IntegrityError:
            continue
    # The certificates' own bags hold bits that nothing rests on; the time is never among them.
    assert set(survived) <= {AT}
    assert len(survived) < len(token) // 70
    for nonsense in (b"", b"0", token[:-1], b"\x30\x80" + token, bytes(100_000)):
        with pytest.raises(IntegrityError):
            check_stamp(nonsense, note, authority.roots)


@pytest.mark.parametrize("wrong", ["refused", "replayed", "stranger"])
def test_what_does_not_verify_is_not_kept(home: Instance, authority: Authority, wrong: str) -> None:
    """A refusal, an answer to another question, a stranger's signature: nothing changes."""
    _sign(home)
    crooked = Authority(AT, granted=wrong != "refused", nonce=5 if wrong == "replayed" else None)
    roots = authority.roots if wrong == "stranger" else crooked.roots
    kept = snapshot(home)
    with serving(crooked) as url, pytest.raises(OutsideError):
        stamp(home.engine, url, roots)
    assert snapshot(home) == kept


def test_without_root_or_checkpoint_nobody_is_asked(
    home: Instance, authority: Authority, url: str
) -> None:
    """A stamp that could not be checked is not asked for."""
    with pytest.raises(NoCheckpointError):
        stamp(home.engine, url, authority.roots)
    _sign(home)
    for roots in (b"", b"no certificate", authority.roots[:-30]):
        with pytest.raises(SettingsError):
            stamp(home.engine, url, roots)
    assert authority.asked == []


def test_stamps_that_are_moved_are_found(home: Instance, authority: Authority, url: str) -> None:
    """In the database: put under another head, given another time, or orphaned."""
    _sign(home)
    stamp(home.engine, url, authority.roots)
    _sign(home)

    def changed(change: Mapping[str, object]) -> None:
        with home.unit() as connection:
            connection.execute(sa.update(ledger_timestamps).values(change))
            verify_kept(connection, authority.roots)

    for change in ({"size": 3}, {"at": AT + timedelta(hours=1)}, {"size": 99}):
        with pytest.raises(IntegrityError):
            changed(change)
    with home.unit() as connection:
        assert verify_kept(connection, authority.roots) == 1
        assert len(connection.execute(sa.select(ledger_checkpoints)).all()) == 2


def test_the_night_and_the_command_stamp(
    home: Instance, authority: Authority, url: str, tmp_path: Path
) -> None:
    """As set; the night's pack holds the stamp, and the ledger's verification checks it."""
    (home.settings.home / "tsa.pem").write_bytes(authority.roots)
    missing = callward(home.settings.home, "ledger", "timestamp")
    assert (missing.status, missing.out) == (2, "")
    path = home.settings.home / "callward.toml"
    path.write_text(f'{path.read_text()}tsa_url = "{url}"\ntsa_certificate = "tsa.pem"\n')
    said = callward(home.settings.home, "ledger", "timestamp")
    assert (said.status, said.out) == (0, f"checkpoint 1 was stamped at {AT.isoformat()}\n")
    opened = open_instance(home.settings.home, home.clock)
    assert run_stage(opened, "evidence").failures == []
    pack = next(opened.settings.evidence.glob("*.zip"))
    assert verify_pack(pack, expected_key=opened.signer.verifier).passed
    with zipfile.ZipFile(pack) as archive:
        members = {Path(name).name: archive.read(name) for name in archive.namelist()}
    assert check_stamp(members["checkpoint.tsr"], members["checkpoint"].decode(), authority.roots)
    checked = callward(tmp_path, "verify", str(pack), "--tsa", str(home.settings.home / "tsa.pem"))
    assert checked.status == 0
    assert f"ok  time stamp: stamped at {AT.isoformat()}" in checked.out
    (tmp_path / "other.pem").write_bytes(Authority(AT).roots)
    refused = callward(tmp_path, "verify", str(pack), "--tsa", str(tmp_path / "other.pem"))
    assert (refused.status, "FAILED  time stamp" in refused.out) == (4, True)
    verified = callward(home.settings.home, "ledger", "verify")
    assert ", 2 time stamps: all verify" in verified.out
    opened.close()


def test_an_authority_away_does_not_undo_the_night(home: Instance, authority: Authority) -> None:
    """The pack is made; that nobody answered is said, and so is a missing certificate."""
    path = home.settings.home / "callward.toml"
    more = 'tsa_url = "http://127.0.0.1:9"\ntsa_certificate = "tsa.pem"\n'
    path.write_text(path.read_text() + more)
    opened = open_instance(home.settings.home, home.clock)
    (line,) = run_stage(opened, "evidence").failures
    assert line.startswith("[settings] the time-stamp authority's certificate cannot be read")
    (home.settings.home / "tsa.pem").write_bytes(authority.roots)
    (line,) = run_stage(opened, "evidence").failures
    assert line == "[outside] there is no answer (ConnectError)"
    assert list(opened.settings.evidence.glob("*.zip"))
    opened.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_agrees(home: Instance, authority: Authority, url: str, tmp_path: Path) -> None:
    """Without this source: the stamp verifies over the checkpoint's text, and over no other."""
    note = _sign(home)
    stamp(home.engine, url, authority.roots)
    (tmp_path / "stamp").write_bytes(_stamped(home, 2))
    (tmp_path / "root").write_bytes(authority.roots)
    for text, good in ((notes.note_text(note), True), ("else\n", False)):
        (tmp_path / "text").write_text(text)
        command = ["openssl", "ts", "-verify", "-in", "stamp", "-data", "text", "-CAfile", "root"]
        command += ["-attime", str(int(AT.timestamp()))]
        ended = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True)
        assert (ended.returncode == 0) == good, ended.stderr

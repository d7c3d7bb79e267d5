"""The ledger's commands: what they print, and what an auditor does with it."""

import re
from pathlib import Path

import pytest

from callward.catalogue.tables import ledger_cosignatures
from callward.cli_ledger import given_keys
from callward.errors import SettingsError
from callward.instance import VERIFIER_FILE, Instance, open_instance
from callward.ledger import log
from callward.ledger.cosigning import cosign, verify_cosigned
from callward.ledger.signing import Signer
from callward.ledger.witness import witness_key
from callward.settings import load_settings
from tests.commands import Said, callward
from tests.support import Call, deliver, instruct, new_instance, rows, run_night, run_stage


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of an instance after a night in which something was destroyed."""
    made = new_instance(tmp_path / "home", brake_floor=100)
    instruct(made)
    deliver(made, [Call("new"), Call("old", age=50)])
    for report in run_night(made):
        assert report.failures == []
    made.close()
    return tmp_path / "home"


def _pack(home: Path, *, newest: bool = False) -> Path:
    packs = sorted((home / "evidence").glob("*.zip"), key=lambda path: path.stat().st_mtime_ns)
    return packs[-1 if newest else 0]


def _open(home: Path) -> Instance:
    return open_instance(home)


def _an_object(home: Path) -> str:
    opened = _open(home)
    found = rows(opened, "objects", "id", "state")
    opened.close()
    return str(next(one for one, state in found if state == "shredded"))


def _verify(home: Path, file: Path, key: str) -> Said:
    return callward(home / "nowhere", "verify", str(file), "--key", key)


def test_after_a_rotation_old_and_new_verify_with_one_file(home: Path, tmp_path: Path) -> None:
    """Pack, proof and certificates of before and after; each with its own key, or the file."""
    before, old = _pack(home), (home / "data" / VERIFIER_FILE).read_text().strip()
    one, early, late = _an_object(home), tmp_path / "early.json", tmp_path / "late.json"
    assert callward(home, "ledger", "prove", one, "--out", str(early)).status == 0
    said = callward(home, "ledger", "rotate-key")
    assert said.status == 0, said.err
    keys = str(home / "data" / VERIFIER_FILE)
    new = Path(keys).read_text().splitlines()[0]
    assert new in said.out
    assert callward(home, "ledger", "prove", one, "--out", str(late)).status == 0
    opened = _open(home)
    assert run_stage(opened, "evidence").failures == []
    opened.close()
    after = _pack(home, newest=True)
    assert after != before
    for file in (before, after, early, late):
        assert _verify(home, file, keys).status == 0, file
        assert _verify(home, file, Path(keys).read_text()).status == 0, file
    for file, right, wrong in (
        (before, old, new),
        (early, old, new),
        (after, new, old),
        (late, new, old),
    ):
        assert _verify(home, file, right).status == 0, file
        assert _verify(home, file, wrong).status == 4, file
    assert re.search(r"\d+ leaves, .* all verify", callward(home, "ledger", "verify").out)


def test_a_retired_key_signs_no_pack(home: Path) -> None:
    """A pack made with it after its end fails against the list of keys."""
    assert callward(home, "ledger", "rotate-key").status == 0
    keys = (home / "data" / VERIFIER_FILE).read_text()
    ended = int(keys.split(" until ")[1])
    shifted = keys.replace(f"until {ended}", "until 3")
    assert _verify(home, _pack(home), keys).status == 0
    refused = _verify(home, _pack(home), shifted)
    assert refused.status == 4
    assert "not in force" in refused.out


def test_a_proof_is_printed_or_written(home: Path, tmp_path: Path) -> None:
    """The same document; unknown ids and places that cannot be written are refused."""
    one, out = _an_object(home), tmp_path / "proof.json"
    printed = callward(home, "ledger", "prove", one)
    assert printed.status == 0
    assert callward(home, "ledger", "prove", one, "--out", str(out)).status == 0
    assert out.read_text() == printed.out.rstrip("\n")
    assert "[not-found]" in callward(home, "ledger", "prove", "0" * 32).err
    nowhere = callward(home, "ledger", "prove", one, "--out", str(tmp_path / "no" / "where"))
    assert "[settings]" in nowhere.err


def test_keys_given_as_themselves_or_as_a_file(tmp_path: Path) -> None:
    """What is no file is taken as it is, however odd."""
    path = tmp_path / "keys"
    path.write_text("a\nb\n")
    assert given_keys(str(path)) == "a\nb\n"
    for text in ("name+id+key", "two\nlines", "x" * 5000, "nul\0", str(tmp_path)):
        assert given_keys(text) == text
    assert given_keys(None) is None


def test_a_key_that_is_given_and_empty_is_an_error(tmp_path: Path) -> None:
    """A variable that is not set must not pass for no key at all."""
    path = tmp_path / "keys"
    path.write_text("\n")
    for text in ("", " ", str(path)):
        with pytest.raises(SettingsError, match="empty"):
            given_keys(text)


def test_the_export_carries_cosignatures(home: Path, tmp_path: Path) -> None:
    """Also those that came after the head was exported."""
    opened = _open(home)
    own = Signer.create(tmp_path / "own", "witness.example/w1")
    folder = tmp_path / "export"
    assert callward(home, "ledger", "export", str(folder)).status == 0
    checkpoint = folder / "checkpoint"
    note = checkpoint.read_text()
    with opened.unit() as connection:
        size, now = log.head(connection).size, opened.clock.now()
        line = _cosigned(note, own, opened)
        row = {"size": size, "witness": str(witness_key(own)), "line": line, "at": now}
        connection.execute(ledger_cosignatures.insert(), row)
    assert callward(home, "ledger", "export", str(folder)).status == 0
    assert checkpoint.read_text().startswith(note)
    assert verify_cosigned(checkpoint.read_text(), str(witness_key(own)))
    opened.close()


def _cosigned(note: str, own: Signer, instance: Instance) -> str:
    return cosign(note, own.name, own.key, instance.clock.now()).rstrip("\n")


@pytest.mark.parametrize(
    "settings",
    [
        {"witness_url": "http://127.0.0.1:1"},
        {"witness_key": "KEY"},
        {"witness_url": "ftp://127.0.0.1", "witness_key": "KEY"},
        {"witness_url": "http://127.0.0.1:1", "witness_key": "nonsense"},
        {"tsa_url": "http://127.0.0.1:1"},
        {"tsa_certificate": "tsa.pem"},
        {"tsa_url": "tsa.example", "tsa_certificate": "tsa.pem"},
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, str]) -> None:
    """Half a pair, another scheme, a malformed key."""
    key = str(witness_key(Signer.create(tmp_path / "own", "witness.example/w1")))
    given = {name: value.replace("KEY", key) for name, value in settings.items()}
    with pytest.raises(SettingsError):
        load_settings(tmp_path, **given)


@pytest.mark.parametrize(
    "listen", ["7787", ":7787", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536"]
)
def test_the_witness_is_told_where_to_listen(tmp_path: Path, listen: str) -> None:
    """Malformed addresses and keys are refused before anything is served."""
    state = str(tmp_path / "state")
    said = callward(
        tmp_path, "witness", "serve", "--state", state, "--log-key", "k", "--listen", listen
    )
    assert "[settings]" in said.err
    said = callward(tmp_path, "witness", "serve", "--state", state, "--log-key", "nonsense")
    assert "[integrity]" in said.err

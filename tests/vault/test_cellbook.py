"""Key cells as the settings name them, and an instance that has several."""

import os
from itertools import count
from pathlib import Path

import pytest

from callward.clock import FixedClock
from callward.errors import SettingsError
from callward.instance import Instance, create_instance, open_instance
from callward.settings import load_settings
from callward.vault.cellbook import open_cells, pin_of
from callward.vault.cells import CellError, FileCell
from callward.vault.cellsettings import Pkcs11CellSettings
from tests.hsm import HsmToken
from tests.support import NOW

_labels = count(1)
_HSM = '[[cell]]\nkind = "pkcs11"\nmodule = "/usr/lib/p11.so"\ntoken = "t"\nlabel = "acorn"\n'
_KMS = '[[cell]]\nkind = "aws-kms"\nlabel = "acorn"\n'


def _home(folder: Path, toml: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "callward.toml").write_text(toml)
    return folder


def _hsm(token: HsmToken, label: str) -> str:
    return (
        f'[[cell]]\nkind = "pkcs11"\nname = "hsm"\nmodule = "{token.module}"\n'
        f'token = "{token.token}"\nlabel = "{label}"\npin_file = "{token.pin_file}"\n'
    )


def _roots(instance: Instance) -> list[tuple[str, set[int]]]:
    return [(cell.name, set(cell.generations())) for cell in instance.vault.cells]


@pytest.fixture
def label() -> str:
    """A label of one's own on the token."""
    return f"book-{next(_labels)}"


def test_a_file_cell_is_the_default(tmp_path: Path) -> None:
    """Nothing said: one cell, in ``keys/``."""
    settings = load_settings(tmp_path)
    (cell,) = open_cells(settings.cell, settings.home)
    cell.hold(1, bytes(32))
    assert cell.name == "file"
    assert list(settings.keys.iterdir()) == [settings.keys / "root-00000001.key"]


def test_cells_keep_the_order_of_the_settings(tmp_path: Path) -> None:
    """In which they are asked to unwrap."""
    toml = f'{_KMS}name = "cloud"\n{_HSM}pin_env = "HSM_PIN"\n[[cell]]\nkind = "file"\n'
    settings = load_settings(_home(tmp_path, toml))
    names = [cell.name for cell in open_cells(settings.cell, settings.home)]
    assert names == ["cloud", "pkcs11", "file"]


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("cell = []", "at least one"),
        ('[[cell]]\nkind = "paper"', "kind"),
        ("[[cell]]\nname = 'x'", "kind"),
        ('[[cell]]\nkind = "file"\nmode = 1', "mode"),
        ('[[cell]]\nkind = "file"\nname = "A B"', "name"),
        ('[[cell]]\nkind = "file"\n[[cell]]\nkind = "file"\nfolder = "k2"', "name of its own"),
        ('[[cell]]\nkind = "file"\n[[cell]]\nkind = "file"\nname = "b"', "one folder"),
        ('[[cell]]\nkind = "file"\nfolder = "data/keys"', "data/"),
        ('[[cell]]\nkind = "file"\nfolder = "keys/../data"', "data/"),
        (f'{_KMS}folder = "data/kms"', "data/"),
        (_HSM, "pin_file or pin_env"),
        (f'{_HSM}pin = "kestrel"', "pin"),
        (f'{_HSM}pin_env = "A"\npin_file = "b"', "pin_file or pin_env"),
        (f'{_HSM}pin_env = "a b"', "pin_env"),
        (f'{_HSM}pin_env = "P"\n{_HSM}pin_env = "P"\nname = "b"', "one label"),
        (_HSM.replace("/usr/lib/", "") + 'pin_env = "P"', "absolute"),
        (_HSM.replace('label = "acorn"', "") + 'pin_env = "P"', "label"),
        (f"{_KMS}window_days = 6", "window_days"),
        (f"{_KMS}window_days = 31", "window_days"),
        (f'{_KMS}window_days = "9"', "window_days"),
        (f'{_KMS}region = "moon"', "region"),
        (f'{_KMS}endpoint_url = "http://kms.example"', "http://"),
        (f'{_KMS}endpoint_url = "https://u:kestrel@kms.example"', "https://"),
    ],
)
def test_wrong_cells_are_one_sentence(tmp_path: Path, toml: str, named: str) -> None:
    """It names what is wrong, and never quotes what may be a secret."""
    with pytest.raises(SettingsError, match=named) as caught:
        load_settings(_home(tmp_path, toml))
    assert "kestrel" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://kms.eu-west-2.amazonaws.com", "http://127.0.0.1:5000"])
def test_endpoints(tmp_path: Path, url: str) -> None:
    """Encrypted, or on this machine."""
    (cell,) = load_settings(_home(tmp_path, f'{_KMS}endpoint_url = "{url}"')).cell
    assert cell.kind == "aws-kms"
    assert cell.endpoint_url == url


def test_cells_can_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``CALLWARD_CELL`` is a JSON list and wins over the file."""
    monkeypatch.setenv("CALLWARD_CELL", '[{"kind": "file", "name": "stick", "folder": "/mnt/k"}]')
    (cell,) = load_settings(_home(tmp_path, _KMS)).cell
    assert cell.kind == "file"
    assert (cell.name, cell.folder) == ("stick", Path("/mnt/k"))


def _pkcs11(**pin: str) -> Pkcs11CellSettings:
    return Pkcs11CellSettings.model_validate(
        {"kind": "pkcs11", "module": "/p11.so", "token": "t", "label": "acorn", **pin}
    )


def test_the_pin_is_a_files_first_line(tmp_path: Path) -> None:
    """Read whenever it is needed, so that a new PIN counts at once."""
    path = tmp_path / "pin"
    path.write_bytes(b"kestrel \r\nsecond line\n")
    path.chmod(0o600)
    pin = pin_of(_pkcs11(pin_file="pin"), tmp_path)
    assert pin() == "kestrel "
    path.write_bytes("brühe".encode())
    assert pin() == "brühe"


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (b"kestrel", 0o640, "pin-file-open-to-others"),
        (b"kestrel", 0o604, "pin-file-open-to-others"),
        (b"", 0o600, "pin-missing"),
        (b"\nkestrel", 0o600, "pin-missing"),
        (b"kestrel\xff", 0o600, "pin-not-utf-8"),
        (None, 0, "pin-file-unreadable"),
    ],
)
def test_a_pin_file_that_will_not_do(
    tmp_path: Path, content: bytes | None, mode: int, reason: str
) -> None:
    """Each reason has a word; neither PIN nor path is in it."""
    path = tmp_path / "pin"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(CellError) as caught:
        pin_of(_pkcs11(pin_file=str(path)), tmp_path)()
    assert str(caught.value) == f"[key-cell] key cell pkcs11: {reason}"
    assert caught.value.reason == reason


def test_the_pin_can_be_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name that the settings give."""
    pin = pin_of(_pkcs11(pin_env="HSM_PIN"), tmp_path)
    monkeypatch.delenv("HSM_PIN", raising=False)
    with pytest.raises(CellError, match="pin-missing"):
        pin()
    monkeypatch.setenv("HSM_PIN", "kestrel")
    assert pin() == "kestrel"


def test_a_root_counts_once_all_cells_hold_it(
    tmp_path: Path, hsm_token: HsmToken, aws_server: str, label: str
) -> None:
    """An instance on a file, a token and KMS: one root, and each of them opens everything."""
    toml = f'{_hsm(hsm_token, label)}{_KMS}endpoint_url = "{aws_server}"\n[[cell]]\nkind = "file"\n'
    made = create_instance(_home(tmp_path / "home", toml), FixedClock(NOW))
    assert _roots(made) == [("hsm", {1}), ("aws-kms", {1}), ("file", {1})]
    key = os.urandom(32)
    wraps = made.vault.wrap(1, [key])
    made.close()
    again = open_instance(tmp_path / "home", FixedClock(NOW))
    assert [cell.unwrap(1, wraps) for cell in again.vault.cells] == [[key]] * 3
    again.close()


def test_opening_asks_nothing_of_a_device(tmp_path: Path) -> None:
    """An instance opens, and its catalogue can be read, while the token is away."""
    home = _home(tmp_path / "home", "")
    create_instance(home, FixedClock(NOW)).close()
    _home(home, f'{_HSM}pin_env = "HSM_PIN"\n{_KMS}endpoint_url = "http://127.0.0.1:9"\n')
    opened = open_instance(home, FixedClock(NOW))
    with pytest.raises(CellError, match="pin-missing"):
        opened.vault.unwrap(1, [bytes(40)])
    opened.close()


def test_a_cell_added_later_is_passed_over(tmp_path: Path, hsm_token: HsmToken, label: str) -> None:
    """It holds nothing until the root turns; meanwhile the next cell in order answers."""
    home = _home(tmp_path / "home", "")
    made = create_instance(home, FixedClock(NOW))
    key = os.urandom(32)
    wraps = made.vault.wrap(1, [key])
    made.close()
    _home(home, f'{_hsm(hsm_token, label)}[[cell]]\nkind = "file"\n')
    opened = open_instance(home, FixedClock(NOW))
    assert _roots(opened) == [("hsm", set()), ("file", {1})]
    assert opened.vault.unwrap(1, wraps) == [key]
    assert opened.vault.wrap(1, [key]) == wraps
    opened.vault.make_root(2)
    assert _roots(opened) == [("hsm", {2}), ("file", {1, 2})]
    opened.close()


def test_settings_copied_to_a_second_instance_are_refused(
    tmp_path: Path, hsm_token: HsmToken, label: str
) -> None:
    """Under one label on one token each would destroy the other's roots; nothing is touched."""
    toml = _hsm(hsm_token, label)
    first = create_instance(_home(tmp_path / "first", toml), FixedClock(NOW))
    wraps = first.vault.wrap(1, [bytes(32)])
    with pytest.raises(SettingsError, match="another instance"):
        create_instance(_home(tmp_path / "second", toml), FixedClock(NOW))
    assert first.vault.unwrap(1, wraps) == [bytes(32)]
    second = create_instance(_home(tmp_path / "second", _hsm(hsm_token, f"{label}-2")))
    assert _roots(second) == _roots(first) == [("hsm", {1})]
    second.close()
    first.close()


def test_a_shared_folder_is_refused_too(tmp_path: Path) -> None:
    """A file cell outside the home that has roots is somebody's."""
    shared = tmp_path / "stick"
    FileCell(shared).hold(1, bytes(32))
    toml = f'[[cell]]\nkind = "file"\nfolder = "{shared}"\n'
    with pytest.raises(SettingsError, match="key cell file"):
        create_instance(_home(tmp_path / "home", toml), FixedClock(NOW))
    assert FileCell(shared).generations() == {1}


def test_a_creation_cut_short_is_taken_up_again(tmp_path: Path) -> None:
    """A root in the home's own cell without a row in the catalogue never counted."""
    home = _home(tmp_path / "home", "")
    FileCell(home / "keys").hold(1, bytes(32))
    made = create_instance(home, FixedClock(NOW))
    assert _roots(made) == [("file", {1})]
    made.close()

"""Cells in AWS KMS, tried on a moto server on loopback."""

import json
import shutil
import socket
import stat
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from callward.errors import IntegrityError, KeyMissingError
from callward.vault import kms
from callward.vault.cells import DESTROYED, CellError
from callward.vault.kms import KmsCell
from tests.aws import let_window_pass

_ROOT, _KEY = bytes(range(32)), bytes(range(100, 132))
_WRAPPED = aes_key_wrap(_ROOT, _KEY)
_labels = count(1)


@pytest.fixture
def label() -> str:
    """A label that no other test's keys have."""
    return f"kms-{next(_labels)}"


@pytest.fixture
def cell(aws_server: str, tmp_path: Path, label: str) -> KmsCell:
    """A cell that holds generations 1 and 2, both under the same root."""
    made = KmsCell(tmp_path / "kms", label, endpoint_url=aws_server)
    made.hold(1, _ROOT)
    made.hold(2, _ROOT)
    return made


@pytest.fixture
def client(aws_server: str) -> Any:
    """The account's administrator."""
    return boto3.client("kms", endpoint_url=aws_server)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kms, "_CONFIG", Config(retries={"total_max_attempts": 1}))


def _files(folder: Path, generation: int = 1) -> list[Path]:
    return sorted(folder.glob(f"root-{generation:08d}-*.json"))


def _arn(folder: Path, generation: int = 1) -> str:
    return str(json.loads(_files(folder, generation)[0].read_text())["key"])


def _id(arn: str) -> str:
    """What moto wants where the real KMS takes the ARN as well."""
    return arn.rpartition("/")[2]


def _restart(cell: KmsCell) -> None:
    """Make it look for credentials and endpoint anew."""
    cell._made = None


def test_every_root_has_a_kms_key_of_its_own(
    cell: KmsCell, client: Any, tmp_path: Path, label: str
) -> None:
    """Which says in the account whose it is; a key that is shared could not be destroyed."""
    assert cell.generations() == {1, 2}
    for generation in (1, 2):
        arn = _arn(tmp_path / "kms", generation)
        tags = {
            one["TagKey"]: one["TagValue"] for one in client.list_resource_tags(KeyId=arn)["Tags"]
        }
        assert tags == {"callward:label": label, "callward:generation": str(generation)}
    assert _arn(tmp_path / "kms", 1) != _arn(tmp_path / "kms", 2)


def test_no_root_lies_on_disk(cell: KmsCell, tmp_path: Path) -> None:
    """Only what KMS made of it, in files that are closed to others."""
    folder = tmp_path / "kms"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    paths = _files(folder, 1) + _files(folder, 2)
    assert len(paths) == len(list(folder.iterdir())) == 2
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        content = path.read_bytes()
        assert _ROOT not in content
        assert b64encode(_ROOT)[:40] not in content
        assert _ROOT.hex().encode() not in content
    assert cell.unwrap(1, [_WRAPPED]) == [_KEY]


def test_a_root_opens_as_its_own_generation_only(cell: KmsCell, tmp_path: Path) -> None:
    """The encryption context binds label and generation: a swapped record does not open."""
    first, second = (_files(tmp_path / "kms", n)[0] for n in (1, 2))
    content = json.loads(first.read_text())
    second.write_text(json.dumps({**content, "generation": 2}))
    with pytest.raises(IntegrityError, match="generation 2"):
        cell.unwrap(2, [_WRAPPED])
    assert cell.unwrap(1, [_WRAPPED]) == [_KEY]


def test_a_copy_of_everything_on_disk_opens_nothing(
    cell: KmsCell, aws_server: str, tmp_path: Path, label: str
) -> None:
    """From the day of the destruction on, not only once the window has passed."""
    copy = shutil.copytree(tmp_path / "kms", tmp_path / "copy")
    cell.destroy(1)
    old = KmsCell(copy, label, endpoint_url=aws_server)
    assert old.generations() == {2}
    with pytest.raises(KeyMissingError, match="generation 1"):
        old.unwrap(1, [_WRAPPED])
    let_window_pass(_arn(copy))
    assert old.generations() == {2}
    with pytest.raises(KeyMissingError, match="generation 1"):
        old.unwrap(1, [_WRAPPED])
    assert old.unwrap(2, [_WRAPPED]) == [_KEY]


@pytest.mark.parametrize("days", [7, 30])
def test_pending_until_the_window_has_passed(
    aws_server: str, tmp_path: Path, label: str, days: int
) -> None:
    """The date is AWS's; then, and not before, the root is destroyed, and nothing is left."""
    cell = KmsCell(tmp_path / "kms", label, endpoint_url=aws_server, window_days=days)
    cell.hold(1, _ROOT)
    said = cell.destroy(1)
    assert said.answer == "pending"
    assert said.until is not None
    assert said.until.tzinfo is UTC
    expected = datetime.now(UTC) + timedelta(days=days)
    assert abs(said.until - expected) < timedelta(minutes=5)
    assert json.loads(_files(tmp_path / "kms")[0].read_text())["root"] is None
    assert cell.destroy(1) == said
    let_window_pass(_arn(tmp_path / "kms"))
    assert cell.destroy(1) == DESTROYED
    assert list((tmp_path / "kms").iterdir()) == []
    assert cell.destroy(1) == DESTROYED


def test_a_deletion_called_off_is_scheduled_anew(
    cell: KmsCell, client: Any, tmp_path: Path
) -> None:
    """Whoever cancels it in the console gains nothing: the next night asks again."""
    first = cell.destroy(1)
    arn = _arn(tmp_path / "kms")
    client.cancel_key_deletion(KeyId=_id(arn))
    client.enable_key(KeyId=_id(arn))
    assert cell.generations() == {2}
    again = cell.destroy(1)
    assert again.answer == "pending"
    assert again.until is not None
    assert first.until is not None
    assert again.until > first.until
    assert client.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_destruction_cut_short_is_finished(cell: KmsCell, client: Any, tmp_path: Path) -> None:
    """Killed between KMS's answer and our own file: already unusable, and finished next time."""
    client.schedule_key_deletion(KeyId=_arn(tmp_path / "kms"), PendingWindowInDays=9)
    assert cell.generations() == {2}
    with pytest.raises(KeyMissingError, match="generation 1"):
        cell.wrap(1, [_KEY])
    said = cell.destroy(1)
    assert said.until is not None
    assert said.until - datetime.now(UTC) > timedelta(days=8)
    assert json.loads(_files(tmp_path / "kms")[0].read_text())["root"] is None


def test_a_hold_cut_short_leaves_no_key_unnamed(
    aws_server: str, client: Any, tmp_path: Path, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the root was encrypted: held again, it works, and both keys are destroyed."""
    cell = KmsCell(tmp_path / "kms", label, endpoint_url=aws_server)
    call = KmsCell._call

    def fail(self: KmsCell, operation: str, **arguments: Any) -> Any:
        if operation == "encrypt":
            raise CellError("killed")
        return call(self, operation, **arguments)

    monkeypatch.setattr(KmsCell, "_call", fail)
    with pytest.raises(CellError):
        cell.hold(1, _ROOT)
    monkeypatch.undo()
    assert cell.generations() == frozenset()
    cell.hold(1, _ROOT)
    assert cell.unwrap(1, [_WRAPPED]) == [_KEY]
    keys = [json.loads(path.read_text())["key"] for path in _files(tmp_path / "kms")]
    assert len(keys) == 2
    assert cell.destroy(1).answer == "pending"
    states = [client.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] for key in keys]
    assert states == ["PendingDeletion", "PendingDeletion"]
    let_window_pass(keys[0])
    assert cell.destroy(1).answer == "pending"
    let_window_pass(keys[1])
    assert cell.destroy(1) == DESTROYED


def test_a_key_that_is_switched_off_can_come_back(
    cell: KmsCell, client: Any, tmp_path: Path
) -> None:
    """Disabled is not destroyed: an error with AWS's word, and nothing is given up."""
    arn = _arn(tmp_path / "kms")
    before = _files(tmp_path / "kms")[0].read_bytes()
    client.disable_key(KeyId=_id(arn))
    assert cell.generations() == {2}
    for act in (lambda: cell.unwrap(1, [_WRAPPED]), lambda: cell.hold(1, _ROOT)):
        with pytest.raises(CellError) as caught:
            act()
        assert caught.value.reason == "disabled-exception"
    assert _files(tmp_path / "kms")[0].read_bytes() == before
    client.enable_key(KeyId=_id(arn))
    assert cell.unwrap(1, [_WRAPPED]) == [_KEY]


def test_another_kms_proves_nothing(
    cell: KmsCell, aws_server: str, tmp_path: Path, label: str
) -> None:
    """A region (account, endpoint) that knows none of our keys has not destroyed this one."""
    before = _files(tmp_path / "kms")[0].read_bytes()
    elsewhere = KmsCell(tmp_path / "kms", label, region="eu-west-1", endpoint_url=aws_server)
    with pytest.raises(CellError, match="not-our-kms"):
        elsewhere.destroy(1)
    assert _files(tmp_path / "kms")[0].read_bytes() == before
    assert cell.unwrap(1, [_WRAPPED]) == [_KEY]


@pytest.mark.usefixtures("_impatient")
def test_a_service_out_of_reach(cell: KmsCell, tmp_path: Path, label: str) -> None:
    """A code, without address or credentials; nothing counts as destroyed."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        away = KmsCell(tmp_path / "kms", label, endpoint_url=url)
        for act in (
            lambda: away.hold(3, _ROOT),
            lambda: away.unwrap(1, [_WRAPPED]),
            lambda: away.destroy(1),
            away.generations,
        ):
            with pytest.raises(CellError) as caught:
                act()
            assert str(caught.value) == "[key-cell] key cell aws-kms: endpoint-connection-error"
    assert cell.generations() == {1, 2}


@pytest.mark.usefixtures("_impatient")
def test_without_credentials(cell: KmsCell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, and it works as soon as they are there."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    _restart(cell)
    with pytest.raises(CellError) as caught:
        cell.unwrap(1, [_WRAPPED])
    assert caught.value.reason == "no-credentials-error"
    monkeypatch.undo()
    _restart(cell)
    assert cell.unwrap(1, [_WRAPPED]) == [_KEY]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"generation": 1}', b'{"generation": 1, "key": 5, "root": null}'],
)
def test_a_damaged_record_is_told_apart(cell: KmsCell, tmp_path: Path, content: bytes) -> None:
    """Damage is not absence: no root is taken for destroyed because its file is broken."""
    path = _files(tmp_path / "kms")[0]
    path.write_bytes(content)
    for act in (lambda: cell.unwrap(1, [_WRAPPED]), lambda: cell.destroy(1)):
        with pytest.raises(IntegrityError, match="generation 1"):
            act()
    assert path.read_bytes() == content
    assert cell.unwrap(2, [_WRAPPED]) == [_KEY]


def test_a_record_that_does_not_decrypt_is_damaged(cell: KmsCell, tmp_path: Path) -> None:
    """One byte of what KMS made, changed."""
    path = _files(tmp_path / "kms")[0]
    content = json.loads(path.read_text())
    root = content["root"]
    content["root"] = root[:-6] + ("A" if root[-6] != "A" else "B") + root[-5:]
    path.write_text(json.dumps(content))
    with pytest.raises(IntegrityError, match="generation 1"):
        cell.unwrap(1, [_WRAPPED])


def test_a_folder_that_cannot_be_written(aws_server: str, tmp_path: Path, label: str) -> None:
    """An error that says so, without the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CellError, match="errno") as caught:
        KmsCell(tmp_path / "file", label, endpoint_url=aws_server).hold(1, _ROOT)
    assert str(tmp_path) not in str(caught.value)

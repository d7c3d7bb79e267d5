"""A backup on disk: its signed description, and the files that this one accounts for.

A backup is a folder ``<moment>-<id>`` with ``backup.json`` and ``catalogue/<table>.jsonl.gz``;
``ciphertexts.jsonl.gz`` lists what the object store held, ``objects/`` is a copy of that
where one was asked for.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from callward.errors import IntegrityError, OperatorError
from callward.ledger import notes
from callward.ledger.canonical import Json, canonical, parse
from callward.ledger.signing import Signer, verify_signature

DESCRIPTION: Final = "backup.json"
CIPHERTEXTS: Final = "ciphertexts"
OBJECTS: Final = "objects"
DOMAIN: Final = "backup"
KIND: Final = "callward/backup"
VERSION: Final = 1
PARTIAL: Final = ".partial-"
_MAX_BYTES = 4 * 2**20


class NoBackupError(OperatorError):
    """There is no backup where one was looked for."""

    code = "no-backup"


@dataclass(frozen=True, slots=True)
class Backup:
    """What ``backup.json`` says, once its signature has been checked."""

    id: str
    instance: str
    at: str
    """RFC 3339, UTC."""
    schema: str
    """The catalogue's revision."""
    generation: int
    checkpoint: str
    """Signed note over the ledger at ``ledger_size``."""
    ledger_size: int
    with_objects: bool
    counts: Mapping[str, int]
    """Rows by table."""
    files: Mapping[str, str]
    """SHA-256 (hex) by path within the folder."""
    folder: Path
    signed_by: str
    """The verifier key of whoever made it."""

    def table(self, name: str) -> Path:
        """The file of one table."""
        return self.folder / table_path(name)

    @property
    def moment(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.at)


def table_path(name: str) -> str:
    """Where a table lies within a backup."""
    return f"catalogue/{name}.jsonl.gz"


def describe(backup: Backup, signer: Signer) -> bytes:
    """The content of ``backup.json``, signed."""
    body: dict[str, Json] = {
        "kind": KIND,
        "v": VERSION,
        "id": backup.id,
        "instance": backup.instance,
        "at": backup.at,
        "schema": backup.schema,
        "generation": backup.generation,
        "checkpoint": backup.checkpoint,
        "ledger_size": backup.ledger_size,
        "with_objects": backup.with_objects,
        "counts": dict(backup.counts),
        "files": dict(backup.files),
    }
    return _document(body, signer.verifier, signer.sign(DOMAIN, canonical(body)))


def read_backup(folder: Path, keys: Sequence[str]) -> Backup:
    """Read a backup's description, signed by one of ``keys``; its files are not looked at yet.

    NoBackupError if there is none, IntegrityError if it does not verify.
    """
    try:
        path = folder / DESCRIPTION
        if path.stat().st_size > _MAX_BYTES:
            raise IntegrityError("a backup's description is too large")
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NoBackupError("there is no backup at the place given") from None
    try:
        document = parse(content.decode())
        signed_by, body, raw = _parts(document)
        if _document(body, signed_by, raw) != content:
            raise IntegrityError("a backup's description is malformed")
        backup = _read(body, folder, signed_by)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise IntegrityError("a backup's description is malformed") from None
    if signed_by not in keys:
        raise IntegrityError(f"backup {backup.id} is not signed by a key that is known")
    verify_signature(signed_by, DOMAIN, canonical(body), raw)
    signed = notes.verify_checkpoint(backup.checkpoint, [signed_by])
    if signed.size != backup.ledger_size:
        raise IntegrityError(f"backup {backup.id} and its checkpoint are of different sizes")
    return backup


def check_files(backup: Backup) -> None:
    """Compare every file with its digest; IntegrityError names the first that differs."""
    for name, digest in sorted(backup.files.items()):
        try:
            with (backup.folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            raise IntegrityError(f"backup {backup.id} lacks its file {name}") from None
        if found != digest:
            raise IntegrityError(f"file {name} of backup {backup.id} is not what was signed")


def find_backups(folder: Path) -> list[Path]:
    """The folders of the whole backups in ``folder``, oldest first."""
    found = (path.parent for path in folder.glob(f"*/{DESCRIPTION}"))
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda p: p.name)


def _document(body: Mapping[str, Json], signed_by: str, signature: bytes) -> bytes:
    encoded = base64.b64encode(signature).decode()
    return canonical({"body": body, "signed_by": signed_by, "signature": encoded})


def _parts(document: Any) -> tuple[str, Mapping[str, Json], bytes]:
    body = document["body"]
    if not isinstance(body, dict) or (body["kind"], body["v"]) != (KIND, VERSION):
        raise IntegrityError("this is not a backup that this version can read")
    signature = base64.b64decode(document["signature"], validate=True)
    return str(document["signed_by"]), body, signature


def _read(body: Mapping[str, Any], folder: Path, signed_by: str) -> Backup:
    for name in body["files"]:
        if name != f"{CIPHERTEXTS}.jsonl.gz" and name != table_path(Path(name).name.split(".")[0]):
            raise IntegrityError("a backup names a file that is none of a backup's")
    return Backup(
        id=str(body["id"]),
        instance=str(body["instance"]),
        at=str(body["at"]),
        schema=str(body["schema"]),
        generation=int(body["generation"]),
        checkpoint=str(body["checkpoint"]),
        ledger_size=int(body["ledger_size"]),
        with_objects=bool(body["with_objects"]),
        counts={str(name): int(count) for name, count in body["counts"].items()},
        files={str(name): str(digest) for name, digest in body["files"].items()},
        folder=folder,
        signed_by=signed_by,
    )

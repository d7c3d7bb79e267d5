"""What an AWS KMS cell keeps on disk: the names of its KMS keys, and roots that only they open."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from callward.durable import sync_folder, write_durably
from callward.errors import IntegrityError
from callward.vault.cells import CellError

_MAX_BYTES = 16 * 1024
_FILE = re.compile(r"root-(\d{8,})-[0-9A-Za-z-]{1,80}\.json")


@dataclass(frozen=True, slots=True)
class KmsRecord:
    """One KMS key of ours. Kept until KMS says that it knows the key no more."""

    generation: int
    key: str
    """Its ARN."""
    root: bytes | None
    """The root as KMS has encrypted it; None: not yet, or given up."""


class KmsRecords:
    """A folder of records, mode 0600, one file a KMS key. CellError if it cannot be used."""

    def __init__(self, folder: Path, cell: str) -> None:
        self._folder = folder
        self._cell = cell

    def all(self) -> list[KmsRecord]:
        """Every record, the oldest generation first."""
        return [_parsed(path, found) for found, path in self._files()]

    def of(self, generation: int) -> list[KmsRecord]:
        """The records of one generation."""
        return [_parsed(path, found) for found, path in self._files() if found == generation]

    def write(self, record: KmsRecord) -> None:
        """Write or replace a record; on disk when this returns."""
        root = None if record.root is None else base64.b64encode(record.root).decode()
        content = {"generation": record.generation, "key": record.key, "root": root}
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self._folder.parent)
            write_durably(self._path(record), json.dumps(content).encode() + b"\n", mode=0o600)
        except OSError as error:
            raise self._error("cannot write", error) from None

    def forget(self, record: KmsRecord) -> None:
        """Remove a record whose key is gone."""
        try:
            self._path(record).unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as error:
            raise self._error("cannot remove a record", error) from None

    def _path(self, record: KmsRecord) -> Path:
        key = record.key.rpartition("/")[2]
        return self._folder / f"root-{record.generation:08d}-{key}.json"

    def _files(self) -> Iterator[tuple[int, Path]]:
        for path in sorted(self._folder.glob("root-*.json")):
            if found := _FILE.fullmatch(path.name):
                yield int(found[1]), path

    def _error(self, what: str, error: OSError) -> CellError:
        return CellError(f"key cell {self._cell} {what} (errno {error.errno})", "records")


def _parsed(path: Path, generation: int) -> KmsRecord:
    damaged = IntegrityError(f"a KMS cell's record of generation {generation} is damaged")
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES))
        root = content["root"]
        record = KmsRecord(
            content["generation"],
            content["key"],
            None if root is None else base64.b64decode(root, validate=True),
        )
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise damaged from None
    except OSError as error:
        raise CellError(f"a KMS record is unreadable (errno {error.errno})", "records") from None
    if record.generation != generation or not isinstance(record.key, str):
        raise damaged
    return record

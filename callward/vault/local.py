"""A local directory as an object store, through obstore where that is not slower."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import obstore
from obstore.store import LocalStore

from callward.durable import sync_file, sync_folder, write_whole
from callward.vault.storing import Source, own_errors, read

_DELETE_BATCH = 1000
_PARTIAL = "#"
"""obstore writes a stream to ``name#number`` and renames it when it is whole."""


class LocalFolder:
    """Ciphertexts as files below a folder; see ``ObjectStore`` for the methods."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with own_errors("be opened"):
            self._store = LocalStore(root, mkdir=True)

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Stream to a file beside it, rename, flush."""
        source = Source(chunks)
        with own_errors("write", source):
            obstore.put(self._store, path, source)
            sync_file(self._root / path)

    def put_whole(self, path: str, buffer: memoryview, length: int) -> None:
        """Write and flush, without obstore, which copies the buffer first."""
        target = self._root / path
        with own_errors("write"):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, buffer, length)

    def settle(self, prefix: str) -> None:
        """Flush the folder and the one above."""
        with own_errors("flush"):
            if (self._root / prefix).is_dir():
                sync_folder(self._root / prefix)
                sync_folder(self._root)

    def get(self, path: str) -> Iterator[bytes]:
        """Read in pieces of 1 MiB or so."""
        return read(self._store, path)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete in batches, then flush: a deletion that a power cut undoes is none."""
        wanted = list(paths)
        with own_errors("delete"):
            for start in range(0, len(wanted), _DELETE_BATCH):
                self._delete(wanted[start : start + _DELETE_BATCH])
            by_folder: dict[Path, set[str]] = defaultdict(set)
            for path in wanted:
                target = self._root / path
                by_folder[target.parent].add(target.name)
            for folder, names in by_folder.items():
                if folder.is_dir():
                    _remove_partials(folder, names)
                    sync_folder(folder)

    def list(self, prefix: str) -> Iterator[str]:
        """Walk the folder."""
        with own_errors("list"):
            for batch in obstore.list(self._store, prefix or None):
                for entry in batch:
                    yield entry["path"]

    def tidy(self, prefix: str) -> None:
        """Remove the files that were still to be renamed."""
        folder = self._root / prefix
        with own_errors("tidy up"):
            if folder.is_dir():
                _remove_partials(folder)

    def _delete(self, part: Sequence[str]) -> None:
        try:
            obstore.delete(self._store, part)
        except FileNotFoundError:
            for path in part:
                self._delete_one(path)

    def _delete_one(self, path: str) -> None:
        try:
            obstore.delete(self._store, path)
        except FileNotFoundError:
            return


def _remove_partials(folder: Path, names: set[str] | None = None) -> None:
    """Those of some names, or all."""
    for partial in folder.glob(f"*{_PARTIAL}*"):
        if names is None or partial.name.rpartition(_PARTIAL)[0] in names:
            partial.unlink(missing_ok=True)

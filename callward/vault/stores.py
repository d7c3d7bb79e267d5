"""Where ciphertexts too large for a row are kept: a local directory or S3, through obstore."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, from_url

from callward.durable import sync_file, sync_folder, write_whole
from callward.errors import DefectError

_DELETE_BATCH = 1000


class ObjectStore:
    """Ciphertexts by path. Opened from its URL, so that worker processes can open it too."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._root = Path(unquote(parts.path)) if parts.scheme == "file" else None
        if self._root is None:
            self._store = from_url(url)
        else:
            self._store = LocalStore(self._root, mkdir=True)

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a ciphertext; it is on disk when this returns (its folder: see ``settle``)."""
        obstore.put(self._store, path, iter(chunks))
        if self._root is not None:
            sync_file(self._root / path)

    def put_whole(self, path: str, buffer: memoryview, length: int) -> None:
        """Write a ciphertext, the first ``length`` bytes of ``buffer``; durable as with ``put``.

        Locally without obstore, which copies the buffer first. Not by renaming:
        until its row is committed a path belongs to an intent, and goes with it.
        """
        if self._root is None:
            obstore.put(self._store, path, buffer[:length], use_multipart=False)
            return
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, buffer, length)

    def settle(self, prefix: str) -> None:
        """Make the names under ``prefix`` durable; one call for a whole batch."""
        if self._root is not None and (self._root / prefix).is_dir():
            sync_folder(self._root / prefix)
            sync_folder(self._root)

    def get(self, path: str) -> Iterator[bytes]:
        """Yield a ciphertext; DefectError if it is not there."""
        try:
            answer = obstore.get(self._store, path)
        except FileNotFoundError:
            raise DefectError(f"the object store holds no ciphertext at {path}") from None
        for chunk in answer.stream(min_chunk_size=1024 * 1024):
            yield bytes(chunk)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete ciphertexts for good; those already gone are no error."""
        wanted = list(paths)
        for start in range(0, len(wanted), _DELETE_BATCH):
            part = wanted[start : start + _DELETE_BATCH]
            try:
                obstore.delete(self._store, part)
            except FileNotFoundError:
                for path in part:
                    self._delete_one(path)
        self._flush_folders(wanted)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the paths under ``prefix``."""
        for batch in obstore.list(self._store, prefix or None):
            for entry in batch:
                yield entry["path"]

    def tidy(self, prefix: str) -> None:
        """Remove what a writer that was killed has left under ``prefix``, which ``list`` hides."""
        folder = self._root / prefix if self._root is not None else None
        if folder is not None and folder.is_dir():
            # obstore writes a stream to ``name#number`` and renames it when it is whole.
            for partial in folder.glob("*#*"):
                partial.unlink(missing_ok=True)

    def _flush_folders(self, paths: Iterable[str]) -> None:
        """A deletion that a power cut undoes is none."""
        if self._root is None:
            return
        for folder in {(self._root / path).parent for path in paths}:
            if folder.is_dir():
                sync_folder(folder)

    def _delete_one(self, path: str) -> None:
        try:
            obstore.delete(self._store, path)
        except FileNotFoundError:
            return

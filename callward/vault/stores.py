"""Where ciphertexts too large for a row are kept: a local directory or a bucket of S3."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from callward.vault.local import LocalFolder


class Backend(Protocol):
    """One kind of store; the methods are those of ``ObjectStore``."""

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a ciphertext."""

    def put_whole(self, path: str, buffer: memoryview, length: int) -> None:
        """Write a ciphertext at hand."""

    def settle(self, prefix: str) -> None:
        """Make names durable."""

    def get(self, path: str) -> Iterator[bytes]:
        """Read a ciphertext."""

    def delete(self, paths: Iterable[str]) -> None:
        """Delete for good."""

    def list(self, prefix: str) -> Iterator[str]:
        """Name what is there."""

    def tidy(self, prefix: str) -> None:
        """Remove what was never finished."""


class ObjectStore:
    """Ciphertexts by path. Opened from its URL, so that worker processes can open it too.

    Every method raises StoreError, or StoreRefusesError where the store forbids
    it; their texts hold no path but our own. ``s3://BUCKET/PREFIX`` takes
    credentials, region and endpoint from where AWS's own tools take them.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._backend = _backend(url)

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a ciphertext; it is durable when this returns (its folder: see ``settle``).

        What ``chunks`` raises is passed on, and nothing is written then.
        """
        self._backend.put(path, chunks)

    def put_whole(self, path: str, buffer: memoryview, length: int) -> None:
        """Write a ciphertext, the first ``length`` bytes of ``buffer``; durable as with ``put``.

        A local one not by renaming: until its row is committed a path belongs to
        an intent, and goes with it.
        """
        self._backend.put_whole(path, buffer, length)

    def settle(self, prefix: str) -> None:
        """Make the names under ``prefix`` durable; one call for a whole batch."""
        self._backend.settle(prefix)

    def get(self, path: str) -> Iterator[bytes]:
        """Yield a ciphertext; DefectError if it is not there."""
        return self._backend.get(path)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete ciphertexts for good: every version of them, and what was not finished.

        Those already gone are no error. Whatever can be deleted is, before anything is raised.
        """
        self._backend.delete(paths)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the paths under ``prefix``, a folder; those of old versions too."""
        return self._backend.list(prefix)

    def tidy(self, prefix: str) -> None:
        """Remove what a writer that was killed has left under ``prefix``, which ``list`` hides."""
        self._backend.tidy(prefix)


@lru_cache(maxsize=2)
def open_store(url: str) -> ObjectStore:
    """A store for worker processes, which come back to the same one for every object."""
    return ObjectStore(url)


def _backend(url: str) -> Backend:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalFolder(Path(unquote(parts.path)))
    # Here, because most instances have no bucket and boto3 takes a while to load.
    from callward.vault.s3 import Bucket  # noqa: PLC0415

    return Bucket(url)

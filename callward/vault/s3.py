"""A bucket of S3 as an object store: written and read by obstore, listed and emptied by boto3.

obstore deletes by path only, which in a versioned bucket adds a marker and
removes nothing. What lies in the bucket is asked of ListObjectVersions, so a
bucket that was versioned once, or has become so, is treated like any other.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import obstore

from callward.vault.bucket import BucketClient, Version
from callward.vault.storing import Source, StoreError, StoreRefusesError, own_errors, read

_PART = 8 * 1024 * 1024
"""Longer ciphertexts go up in parts of this size; S3 takes 10,000, so up to 80 GB."""
_PARTS_AT_ONCE = 4
_DELETE_BATCH = 1000
_TRIES = 3
_REFUSALS = frozenset({"AccessDenied", "ObjectLocked"})
_GONE = frozenset({"NoSuchKey", "NoSuchVersion"})


class Bucket:
    """Ciphertexts as objects of a bucket; see ``ObjectStore`` for the methods."""

    def __init__(self, url: str) -> None:
        self._client = BucketClient(url)
        self._store = self._client.store()

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Send in one request what is small, the rest in parts of which few are in memory."""
        source = Source(chunks)
        head, size = [], 0
        for chunk in source:
            head.append(chunk)
            size += len(chunk)
            if size > _PART:
                break
        else:
            whole = b"".join(head)
            self.put_whole(path, memoryview(whole), len(whole))
            return
        try:
            with own_errors("write", source):
                obstore.put(
                    self._store,
                    path,
                    chain(head, source),
                    use_multipart=True,
                    chunk_size=_PART,
                    max_concurrency=_PARTS_AT_ONCE,
                )
        except BaseException:
            # obstore gives an upload up while parts may still be on their way.
            self._abort(path, {path})
            raise

    def put_whole(self, path: str, buffer: memoryview, length: int) -> None:
        """Send in one request."""
        with own_errors("write"):
            obstore.put(self._store, path, buffer[:length], use_multipart=False)

    def settle(self, prefix: str) -> None:
        """Nothing to do: S3 answers when an object is durable."""

    def get(self, path: str) -> Iterator[bytes]:
        """Read in pieces of 1 MiB or so."""
        return read(self._store, path)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete every version and marker, a thousand a request, and give unfinished uploads up."""
        by_folder: dict[str, set[str]] = defaultdict(set)
        for path in paths:
            by_folder[path.rpartition("/")[0]].add(path)
        if not by_folder:
            return
        wanted = set[str]().union(*by_folder.values())
        self._abort("", wanted)
        failed: Counter[str] = Counter()
        found: deque[Version] = deque()
        for folder, names in by_folder.items():
            # A name alone is asked for by itself; many are found by listing their folder.
            prefix = next(iter(names)) if len(names) == 1 else _folder(folder)
            # Listed before anything goes: some servers lose their place in a list that shrinks.
            found.extend(one for one in self._client.versions(prefix) if one.path in names)
            while len(found) >= _DELETE_BATCH:
                part = [found.popleft() for _ in range(_DELETE_BATCH)]
                failed += _delete(self._client, part)
        failed += _delete(self._client, found)
        _require_none(failed, len(wanted))

    def list(self, prefix: str) -> Iterator[str]:
        """Name every path that has a version or a marker."""
        last = None
        for version in self._client.versions(_folder(prefix)):
            if version.path != last:
                yield version.path
            last = version.path

    def tidy(self, prefix: str) -> None:
        """Give up the uploads that were begun under ``prefix`` and not completed."""
        self._abort(_folder(prefix), None)

    def _abort(self, prefix: str, paths: set[str] | None) -> None:
        for path, upload in list(self._client.uploads(prefix)):
            if paths is None or path in paths:
                self._client.abort(path, upload)


def delete_versions(client: BucketClient, versions: Sequence[Version]) -> None:
    """Delete these versions and no others; StoreError or StoreRefusesError if some stay."""
    failed: Counter[str] = Counter()
    for start in range(0, len(versions), _DELETE_BATCH):
        failed += _delete(client, versions[start : start + _DELETE_BATCH])
    _require_none(failed, len({one.path for one in versions}))


def _delete(client: BucketClient, versions: Iterable[Version]) -> Counter[str]:
    """Delete up to a thousand; by error code how many did not go, after trying again."""
    left = list(versions)
    failed: Counter[str] = Counter()
    for _ in range(_TRIES):
        if not left:
            break
        errors = client.delete(left)
        refused = [code for code in errors.values() if code in _REFUSALS]
        failed.update(refused)
        left = [one for one in left if errors.get(one, "AccessDenied") not in _REFUSALS | _GONE]
    failed.update("unknown" for _ in left)
    return failed


def _folder(prefix: str) -> str:
    """What is below a folder begins with its name and a slash."""
    return f"{prefix}/" if prefix else ""


def _require_none(failed: Counter[str], paths: int) -> None:
    total = failed.total()
    if not total:
        return
    refused = sum(failed[code] for code in _REFUSALS)
    if refused:
        raise StoreRefusesError(
            f"the object store refuses to delete {refused} versions of {paths} paths"
            f" ({total - refused} more failed): a lock, a legal hold or a missing right of its own"
        )
    raise StoreError(f"the object store failed to delete {total} versions of {paths} paths")

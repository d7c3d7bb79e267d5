"""Drops that arrive below a prefix of S3, as ``<controller>/<drop>/<file>``.

A drop is fetched, object by object, into a spool folder of the worker that has claimed
it, and worked on there like any other. Once all of it is recorded, the objects are
deleted, every version, if they still are what was fetched, and the manifest or
``drop.json`` last. What was changed or came meanwhile stays for the next night.

A key is not a file's name: one that no folder of ours can take (``..``, empty parts,
too long, a file where another has a folder) is fetched under a name of ours and refused.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from callward.errors import OperatorError
from callward.intake.arrival import Brought, Odd
from callward.intake.files import MAX_ENTRIES, fits
from callward.intake.marker import MARKER
from callward.intake.plan import MANIFEST
from callward.intake.reasons import Reason, Refusal
from callward.intake.sources import remove_tree
from callward.vault.bucket import BucketClient, Version
from callward.vault.s3 import delete_versions
from callward.vault.storing import StoreError

ODD: Final = ".odd"
"""Folder of a fetched drop with what cannot be called there as its key says."""
_MARGIN: Final = 256 * 1024 * 1024
_TRIES: Final = 3
_PARTS: Final = 3


class SpoolError(OperatorError):
    """A drop cannot be put into the spool: no room there, or not writable."""

    code = "spool"


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A drop's objects by their place below it, as they were when they were listed."""

    prefix: str
    marker: str
    objects: Mapping[str, Version]
    taken: frozenset[str]
    """Those that were fetched; a folder's marker, which is empty, counts as such."""


class BucketSource:
    """A prefix of S3, for one worker; ``spool`` is a folder of its own, made when needed."""

    def __init__(self, url: str, spool: Path, max_bytes: int) -> None:
        self._url, self._spool, self._most = url, spool, max_bytes
        self._complete: Mapping[str, Mapping[str, set[str]]] = {}

    @cached_property
    def _client(self) -> BucketClient:
        # Not at once: what is wrong with it is to stop this source and no other.
        return BucketClient(self._url)

    def folders(self) -> Sequence[str]:
        """List everything, once for all of a round; StoreError if that fails."""
        complete: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for version in self._client.versions(""):
            parts = version.path.split("/", _PARTS - 1)
            if len(parts) < _PARTS or version.marker or not version.latest:
                continue
            folder, drop, name = parts
            if name in {MANIFEST, MARKER}:
                complete[folder][drop].add(name)
        self._complete = complete
        return sorted(complete)

    def drops(self, folder: str, marker: str) -> Sequence[str]:
        """As listed by ``folders``; where both markers are, the manifest's counts."""
        return sorted(
            drop
            for drop, markers in self._complete.get(folder, {}).items()
            if marker in markers and (marker == MANIFEST or MANIFEST not in markers)
        )

    def bring(self, folder: str, drop: str, marker: str) -> Brought | None:
        """Fetch a drop; StoreError or SpoolError, and nothing is left here, if that fails.

        Refusal too-large with too many objects.
        """
        prefix = f"{folder}/{drop}/"
        objects = self._list(prefix)
        if marker not in objects or (marker == MARKER and MANIFEST in objects):
            return None
        files, odd = _names(objects, self._most)
        path = self._spool / _safe(folder) / _safe(drop)
        try:
            self._fetch(path, files)
        except BaseException:
            remove_tree(path)
            raise
        # What an empty object marks is a folder, which has nothing to take.
        empty = {name for name, one in objects.items() if _is_folder(name, one)}
        taken = frozenset(empty | {name for name, _ in files.values()})
        fetched = _Fetched(prefix, marker, objects, taken)
        return Brought(
            path=path,
            odd=odd,
            reason=None if _safe(folder) == folder and _safe(drop) == drop else Reason.PATH_ESCAPE,
            clear=partial(self._clear, fetched),
            leave=partial(remove_tree, path),
        )

    def _list(self, prefix: str) -> dict[str, Version]:
        """A drop's objects as they are now, by their place below it."""
        objects: dict[str, Version] = {}
        for version in self._client.versions(prefix):
            if version.latest and not version.marker:
                objects[version.path.removeprefix(prefix)] = version
                if len(objects) > MAX_ENTRIES:
                    raise Refusal(Reason.TOO_LARGE)
        return objects

    def _fetch(self, path: Path, files: Mapping[str, tuple[str, Version]]) -> None:
        try:
            self._spool.parent.mkdir(mode=0o700, exist_ok=True)
            path.mkdir(mode=0o700, parents=True)
            self._spool.chmod(0o700)
            room = shutil.disk_usage(path).free - _MARGIN
            if sum(version.size for _, version in files.values()) > room:
                raise SpoolError("there is no room in the spool for all of it")
            for name, (_, version) in files.items():
                target = path / name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._save(version, target)
        except OSError as error:
            raise SpoolError(f"it cannot be written ({type(error).__name__})") from None

    def _save(self, version: Version, target: Path) -> None:
        """Fetch one object, and again if the connection breaks off."""
        for left in reversed(range(_TRIES)):
            try:
                self._save_once(version, target)
            except StoreError:
                target.unlink(missing_ok=True)
                if not left:
                    raise
            else:
                return

    def _save_once(self, version: Version, target: Path) -> None:
        size = 0
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            for chunk in self._client.fetch(version):
                size += len(chunk)
                if size > version.size:
                    break
                file.write(chunk)
        if size != version.size:
            raise StoreError("the object store's object is not as long as it was listed")

    def _clear(self, fetched: _Fetched) -> bool:
        """Delete what was taken and is still the same; whether nothing else is there."""
        same, other = self._compare(fetched)
        last = same.pop(fetched.marker, None)
        delete_versions(self._client, [one for versions in same.values() for one in versions])
        if other or last is None:
            return False
        delete_versions(self._client, last)
        return True

    def _compare(self, fetched: _Fetched) -> tuple[dict[str, list[Version]], bool]:
        """All versions of what was taken and is still the same, and whether there is more.

        What somebody has deleted meanwhile is theirs; an object put since is listed or,
        having come after this, not among those that are deleted.
        """
        same: dict[str, list[Version]] = {}
        other = False
        every = self._client.versions(fetched.prefix)
        for path, group in groupby(every, key=attrgetter("path")):
            versions = list(group)
            name = path.removeprefix(fetched.prefix)
            now = next((one for one in versions if one.latest), None)
            if now is None or now.marker:
                continue
            if name in fetched.taken and now == fetched.objects[name]:
                same[name] = versions
            else:
                other = True
        return same, other


def _names(
    objects: Mapping[str, Version], most: int
) -> tuple[dict[str, tuple[str, Version]], dict[str, Odd]]:
    """``{name here: (name there, object)}`` of what is to be fetched, and what is odd of it."""
    files: dict[str, tuple[str, Version]] = {}
    odd: dict[str, Odd] = {}
    for name, version in objects.items():
        if _is_folder(name, version):
            continue
        here = name if _is_plain(name, objects) else f"{ODD}/{_digest(name)}"
        if version.size > most:
            odd[here] = Odd(Reason.TOO_LARGE, None if here == name else name)
            continue
        files[here] = name, version
        if here != name:
            odd[here] = Odd(Reason.PATH_ESCAPE, name)
    return files, odd


def _is_folder(name: str, version: Version) -> bool:
    """Whether it is what consoles put where people make a folder."""
    return version.size == 0 and (not name or name.endswith("/"))


def _is_plain(name: str, names: Iterable[str]) -> bool:
    """Whether it can be a file's name here, and no other object has that for its folder."""
    parts = name.split("/")
    above = ("/".join(parts[:end]) for end in range(1, len(parts)))
    return fits(name) and parts[0] != ODD and not any(one in names for one in above)


def _safe(name: str) -> str:
    """A folder's name that is its own, or one that stands for it."""
    plain = fits(name) and "/" not in name and not name.startswith(ODD)
    return name if plain else f"{ODD}-{_digest(name)}"


def _digest(name: str) -> str:
    return sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]

"""What really lies in an object store, read past the code that writes and empties it.

For the residual scan: a directory is walked file by file, a bucket is asked for
its versions, markers and unfinished uploads. Nothing here trusts a catalogue.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from callward.vault.storing import own_errors

What = Literal["current", "old", "marker", "partial"]


@dataclass(frozen=True, slots=True)
class Lying:
    """One thing in a store.

    ``what``: a ciphertext that can be read, one that a version or marker hides,
    a marker, or half a file under the path it was to have.
    """

    path: str
    what: What


def contents(url: str, folder: str = "") -> Iterator[Lying]:
    """Everything in a store, or below one of its folders, in the order of the paths' bytes.

    Halves come before the path they were to have. Raises StoreError.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _files(Path(unquote(parts.path)), folder)
    return _versions(url, folder)


def uploads(url: str) -> Iterator[str]:
    """The paths of uploads in parts that were never completed; a directory has none."""
    if urlsplit(url).scheme != "file":
        # Here, because most instances have no bucket and boto3 takes a while to load.
        from callward.vault.bucket import BucketClient  # noqa: PLC0415

        for path, _ in BucketClient(url).uploads(""):
            yield path


def _files(root: Path, folder: str) -> Iterator[Lying]:
    with own_errors("be read"):
        if (root / folder).is_dir():
            yield from _walk(root / folder, f"{folder}/" if folder else "")


def _walk(folder: Path, prefix: str) -> Iterator[Lying]:
    with os.scandir(folder) as entries:
        found = [(one.name, one.is_dir(follow_symlinks=False)) for one in entries]
    # A folder's name ends in a slash where it is compared.
    for name, is_folder in sorted(found, key=lambda one: os.fsencode(one[0] + "/" * one[1])):
        if is_folder:
            yield from _walk(folder / name, f"{prefix}{name}/")
            continue
        whole, mark, number = name.rpartition("#")
        if mark and number.isdigit():
            yield Lying(prefix + whole, "partial")
        else:
            yield Lying(prefix + name, "current")


def _versions(url: str, folder: str) -> Iterator[Lying]:
    from callward.vault.bucket import BucketClient  # noqa: PLC0415 - as above

    for one in BucketClient(url).versions(f"{folder}/" if folder else ""):
        if one.marker:
            yield Lying(one.path, "marker")
        else:
            yield Lying(one.path, "current" if one.latest else "old")

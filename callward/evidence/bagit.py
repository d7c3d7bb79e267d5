"""BagIt 1.0 (RFC 8493): the pack's files, with a SHA-256 for each."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from callward.errors import IntegrityError

DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
INFO: Final = "bag-info.txt"
PAYLOAD: Final = "data/"

_TAG_FILES = ("bagit.txt", INFO, MANIFEST)
_LINE = re.compile(r"([0-9a-f]{64})  ([!-~]+)")


def make_bag(payload: Mapping[str, bytes], info: Sequence[tuple[str, str]]) -> dict[str, bytes]:
    """Return all files of a bag: ``payload`` (names begin with ``data/``) and its tag files."""
    files = dict(payload)
    files["bagit.txt"] = DECLARATION
    oxum = f"{sum(map(len, payload.values()))}.{len(payload)}"
    lines = [*info, ("Payload-Oxum", oxum)]
    files[INFO] = "".join(f"{label}: {value}\n" for label, value in lines).encode()
    files[MANIFEST] = _manifest({name: _sha256(content) for name, content in payload.items()})
    files[TAG_MANIFEST] = _manifest({name: _sha256(files[name]) for name in _TAG_FILES})
    return files


def check_bag(
    names: Iterable[str], read: Callable[[str], bytes], *, unlisted: Sequence[str]
) -> int:
    """Check that a bag is complete and valid; return how many payload files it has.

    ``unlisted`` are the tag files that must be there without being in the tag
    manifest. Raises IntegrityError on any file missing, added or altered.
    """
    present = set(names)
    required = {*_TAG_FILES, TAG_MANIFEST, *unlisted}
    payload = {name for name in present if name.startswith(PAYLOAD)}
    if required - present:
        raise IntegrityError(f"{len(required - present)} of the bag's own files are missing")
    if present - payload - required:
        raise IntegrityError(f"{len(present - payload - required)} files do not belong in the bag")
    if read("bagit.txt") != DECLARATION:
        raise IntegrityError("bagit.txt is not that of a BagIt 1.0 bag")
    _check(MANIFEST, payload, read)
    _check(TAG_MANIFEST, set(_TAG_FILES), read)
    oxum = f"{sum(len(read(name)) for name in payload)}.{len(payload)}"
    if bag_info(read(INFO)).get("Payload-Oxum") != oxum:
        raise IntegrityError("bag-info.txt counts other files or bytes than there are")
    return len(payload)


def bag_info(content: bytes) -> dict[str, str]:
    """Read ``bag-info.txt``; raises IntegrityError if it is malformed."""
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        raise IntegrityError("bag-info.txt is not UTF-8") from None
    pairs = [line.partition(": ") for line in lines]
    if not all(colon for _, colon, _ in pairs):
        raise IntegrityError("bag-info.txt is malformed")
    return {label: value for label, _, value in pairs}


def _check(manifest: str, names: set[str], read: Callable[[str], bytes]) -> None:
    listed = _parse(read(manifest))
    if listed.keys() != names:
        different = len(listed.keys() ^ names)
        raise IntegrityError(f"{manifest} and the files there differ in {different} names")
    altered = sum(listed[name] != _sha256(read(name)) for name in names)
    if altered:
        raise IntegrityError(f"{altered} of {len(names)} files in {manifest} have been altered")


def _parse(content: bytes) -> dict[str, str]:
    lines = [_LINE.fullmatch(line) for line in content.decode("latin-1").split("\n")[:-1]]
    listed = {line[2]: line[1] for line in lines if line is not None}
    # Written again it must be the same: no line malformed, double or out of order.
    if _manifest(listed) != content:
        raise IntegrityError("a manifest is malformed")
    return listed


def _manifest(digests: Mapping[str, str]) -> bytes:
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

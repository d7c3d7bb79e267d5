"""BagIt 1.0 (RFC 8493): the pack's files, with a SHA-512 for each. No fetch file, no links."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from callward.errors import IntegrityError

DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
DECLARED: Final = "bagit.txt"
MANIFEST: Final = "manifest-sha512.txt"
TAG_MANIFEST: Final = "tagmanifest-sha512.txt"
INFO: Final = "bag-info.txt"
PAYLOAD: Final = "data/"
NAMED: Final = 5
"""How many files a sentence names at most."""

_LINE = re.compile(r"([0-9a-f]{128})  ([!-~]+)")


def manifest(digests: Mapping[str, str]) -> bytes:
    """A manifest of SHA-512 digests (hex) by name, as ``sha512sum`` writes and checks it."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def read_manifest(name: str, content: bytes) -> dict[str, str]:
    """The digests by name; IntegrityError if it is not exactly as ``manifest`` writes it."""
    lines = [_LINE.fullmatch(line) for line in content.decode("latin-1").split("\n")[:-1]]
    listed = {line[2]: line[1] for line in lines if line is not None}
    # Written again it must be the same: no line malformed, double or out of order.
    if manifest(listed) != content:
        raise IntegrityError(f"{name} is malformed")
    return listed


def info_text(pairs: Iterable[tuple[str, str]], sizes: Collection[int]) -> bytes:
    """``bag-info.txt`` for a payload of files of these ``sizes`` (bytes)."""
    lines = [*pairs, ("Payload-Oxum", f"{sum(sizes)}.{len(sizes)}")]
    return "".join(f"{label}: {value}\n" for label, value in lines).encode()


def read_info(content: bytes) -> dict[str, str]:
    """Read ``bag-info.txt``; raises IntegrityError if it is malformed."""
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        raise IntegrityError(f"{INFO} is not UTF-8") from None
    pairs = [line.partition(": ") for line in lines]
    if not all(colon for _, colon, _ in pairs):
        raise IntegrityError(f"{INFO} is malformed")
    return {label: value for label, _, value in pairs}


def differences(listed: Mapping[str, str], there: Mapping[str, str]) -> Sequence[str]:
    """What a manifest and the files ``there`` (digests by name) differ in, by name; few named."""
    altered = [name for name in listed.keys() & there.keys() if listed[name] != there[name]]
    found = {
        "missing": listed.keys() - there.keys(),
        "added": there.keys() - listed.keys(),
        "altered": altered,
    }
    return [f"{what}: {some(names)}" for what, names in found.items() if names]


def some(names: Iterable[str]) -> str:
    """The first few of these names, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return ", ".join(ordered[:NAMED]) + more

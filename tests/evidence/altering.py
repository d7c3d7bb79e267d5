"""Alters packs as an attacker would, and reads what became of the checks."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from callward.evidence import dsse
from callward.evidence.bagit import info_text, manifest
from callward.evidence.clauses.model import Period
from callward.evidence.container import Part, zip_chunks
from callward.evidence.verify import Verification, Wanted
from callward.ledger.canonical import canonical
from callward.ledger.signing import Signer

ALL = [
    "archive",
    "bag",
    "signature",
    "key",
    "period",
    "checkpoint",
    "ledger",
    "earlier",
    "certificates",
    "anchors",
    "flow runs",
    "counts",
    "evidence items",
    "clauses",
    "not shown",
]
WANTED = Wanted(period=Period(date(2026, 3, 1), date(2026, 3, 2)))


def outcome(verification: Verification) -> dict[str, bool | None]:
    """Return each check's result by name, after seeing that every check is listed."""
    assert [line.what for line in verification.checks] == ALL
    return {line.what: line.ok for line in verification.checks}


def failed(verification: Verification) -> set[str]:
    """Return the names of the checks that failed."""
    wrong = {what for what, ok in outcome(verification).items() if ok is False}
    assert verification.passed is not bool(wrong)
    return wrong


def detail(verification: Verification, what: str) -> str:
    """Return what a check says."""
    [line] = [line for line in verification.checks if line.what == what]
    return line.detail


def members(path: Path) -> dict[str, bytes]:
    """Return the archive's members by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def inside(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return the folder's name, and the files in it."""
    files = members(path)
    base = next(iter(files)).partition("/")[0]
    return base, {name.removeprefix(f"{base}/"): content for name, content in files.items()}


def rewrite(path: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` as a well-formed archive."""
    path.write_bytes(b"".join(zip_chunks(Part.of(*one) for one in files.items())))


def put(path: Path, base: str, files: Mapping[str, bytes]) -> None:
    """Write files below the folder ``base``."""
    rewrite(path, {f"{base}/{name}": content for name, content in files.items()})


def rebagged(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files with all manifests made anew; the statement stays."""
    bag = dict(files)
    payload = {name: one for name, one in bag.items() if name.startswith("data/")}
    pairs = [line.partition(": ") for line in bag["bag-info.txt"].decode().splitlines()]
    told = [(name, value) for name, _, value in pairs if name != "Payload-Oxum"]
    bag["bag-info.txt"] = info_text(told, [len(one) for one in payload.values()])
    bag["manifest-sha512.txt"] = manifest(_digests(payload))
    unlisted = {*payload, "tagmanifest-sha512.txt", "statement.dsse.json"}
    tags = {name: one for name, one in bag.items() if name not in unlisted}
    bag["tagmanifest-sha512.txt"] = manifest(_digests(tags))
    return bag


def resigned(
    files: Mapping[str, bytes], signer: Signer, changes: Mapping[str, Any] | None = None
) -> dict[str, bytes]:
    """Return the files with a statement by ``signer``, with ``changes`` to what it says."""
    text = files["statement.dsse.json"].decode()
    payload, _ = dsse.open_envelope(text, [dsse.claimed_key(text)])
    statement = json.loads(payload)
    digest = hashlib.sha512(files["tagmanifest-sha512.txt"]).hexdigest()
    statement["subject"][0]["digest"]["sha512"] = digest
    statement["predicate"].update(changes or {})
    return {**files, "statement.dsse.json": dsse.seal(signer, canonical(statement)).encode()}


def rebag(path: Path, changes: Mapping[str, bytes], signer: Signer | None = None) -> None:
    """Change files, make all manifests anew, and sign again if there is a key."""
    base, files = inside(path)
    bag = rebagged({**files, **changes})
    put(path, base, resigned(bag, signer) if signer else bag)


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha512(content).hexdigest() for name, content in files.items()}

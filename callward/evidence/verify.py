"""Checking a pack: with the verifier key and this file's few imports, and nothing else.

No instance, database or network is needed, only the standard library and
``cryptography``.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from callward.errors import CallwardError, IntegrityError
from callward.evidence.bagit import INFO, TAG_MANIFEST, bag_info, check_bag
from callward.evidence.certificate import Statement, verify_certificate
from callward.evidence.container import open_zip, read_member
from callward.evidence.runs_check import check_runs
from callward.evidence.signature import SIGNATURE, check_signature
from callward.ledger.keys import ROTATED, History, Period, parse_rotation
from callward.ledger.leaves import body_hash, parse_item, parse_leaf
from callward.ledger.merkle import Frontier, verify_inclusion
from callward.ledger.notes import Checkpoint, note_text, parse_checkpoint, verify_checkpoint
from callward.ledger.proofs import verify_slice

CERTIFICATES: Final = "data/certificates/"
_REQUIRED = ("counts.csv", "gates.json", "instructions.json", "flow-runs.json", "report.html")
_NOT_SHOWN = (
    "that the instance recorded truly what it was given and did: counts, gates, instructions, "
    "disclosures and flow runs are its own signed statements; and that no later log contradicts "
    "this one (compare the checkpoint with earlier and later packs)"
)


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing looked at; ``ok`` is None where it could not or need not be checked."""

    what: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that was looked at, in order, and the key that signed the pack (or "")."""

    checks: list[CheckLine]
    key: str

    @property
    def passed(self) -> bool:
        """Whether nothing failed. Says nothing about whose key it is if none was expected."""
        return all(check.ok is not False for check in self.checks)


@dataclass(frozen=True, slots=True)
class Issued:
    """What is kept of a certificate that was read: its sweep, its leaf, the head it rests on."""

    sweep: str
    complete: int | None
    head: Checkpoint

    @classmethod
    def of(cls, statement: Statement) -> "Issued":
        """Pick them out of a statement that has been verified."""
        ledger = statement.predicate["ledger"]
        head = parse_checkpoint(note_text(ledger["checkpoint"]))
        return cls(statement.predicate["sweep"]["id"], ledger["complete"], head)


@dataclass(slots=True)
class _Pack:
    """What has been established so far; later checks build on it."""

    archive: ZipFile
    base: str
    names: set[str]
    expected: History | None
    key: str = ""
    first: int = 0
    leaves: list[str] = field(default_factory=list)
    size: int = 0
    root: bytes = b""
    before: Frontier = field(default_factory=Frontier)
    issued: dict[str, Issued] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        if name not in self.names:
            raise IntegrityError("a file that belongs in every pack is missing")
        return read_member(self.archive, self.base + name)

    def text(self, name: str) -> str:
        try:
            return self.read(name).decode()
        except UnicodeDecodeError:
            raise IntegrityError("a file is not UTF-8") from None

    def certificates(self) -> list[str]:
        return sorted(name for name in self.names if name.startswith(CERTIFICATES))


def verify_pack(path: Path, *, expected_key: str | None) -> Verification:
    """Check everything about the pack at ``path`` that can be checked without its instance.

    ``expected_key`` is the verifier key the reader had from elsewhere, or a list of
    them (``keys.History``), of which each counts for its range of sizes; without
    one, who signed the pack remains open, and a line says so. Never raises over
    the pack: every check has its line, those that an earlier failure makes
    pointless with ``ok`` None.
    """
    try:
        archive, names = open_zip(path)
    except CallwardError as error:
        checks = [CheckLine("archive", ok=False, detail=_sentence(error))]
        checks += [_unchecked(what) for what, _ in _CHECKS]
        return Verification([*checks, CheckLine("not shown", None, _NOT_SHOWN)], "")
    with archive:
        return _verify(archive, names, expected_key)


def _verify(archive: ZipFile, names: list[str], expected_key: str | None) -> Verification:
    base = names[0].partition("/")[0] + "/" if names else ""
    inside = {name.removeprefix(base) for name in names if name.startswith(base)}
    pack = _Pack(archive, base, inside, expected=_expected(expected_key))
    sane = bool(names) and len(inside) == len(names)
    detail = f"{len(names)} files, byte for byte as Callward writes them" if sane else "not one bag"
    checks = [CheckLine("archive", sane, detail)]
    for what, check in _CHECKS:
        # One failure does not hide the next; but what rests on the bag needs the bag.
        if check is None:
            line = key_line(pack.key, expected_key) if pack.key else _unsigned()
        else:
            line = _run(what, check, pack)
        checks.append(line)
    return Verification([*checks, CheckLine("not shown", None, _NOT_SHOWN)], pack.key)


def _run(what: str, check: Callable[[_Pack], str], pack: _Pack) -> CheckLine:
    try:
        return CheckLine(what, ok=True, detail=check(pack))
    except _NotCheckedError as reason:
        return CheckLine(what, None, str(reason))
    except (
        CallwardError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        return CheckLine(what, ok=False, detail=_sentence(error))


class _NotCheckedError(Exception):
    """An earlier failure leaves nothing to check this against."""


def _sentence(error: Exception) -> str:
    # Of an unforeseen error only the kind: its text may hold what is in the pack.
    return str(error.args[0]) if isinstance(error, CallwardError) else "malformed content"


def _unchecked(what: str) -> CheckLine:
    return CheckLine(what, None, "not checked, because the archive cannot be read")


def _bag(pack: _Pack) -> str:
    payload = check_bag(pack.names, pack.read, unlisted=(SIGNATURE,))
    if any(f"data/{name}" not in pack.names for name in _REQUIRED):
        raise IntegrityError("a file that belongs in every pack is missing")
    if bag_info(pack.read(INFO)).get("External-Identifier", "") + "/" != pack.base:
        raise IntegrityError("the bag's folder is not named as bag-info.txt says")
    return f"BagIt 1.0, {payload} files, all with the SHA-256 that the manifest lists"


def _signature(pack: _Pack) -> str:
    pack.key = check_signature(pack.read(SIGNATURE), pack.read(TAG_MANIFEST))
    return "Ed25519, over the manifest of manifests, so over every file"


def _unsigned() -> CheckLine:
    return CheckLine("key", None, "not checked, because no key has signed this pack")


def key_line(key: str, expected: str | None) -> CheckLine:
    """Whether ``key`` is the one expected: a verifier key, or a list of them (``keys.History``)."""
    if expected is None:
        detail = (
            f"signed by {key}; no key was given to compare: anyone can sign with a key of "
            "their own, so compare it with the one you have from elsewhere"
        )
        return CheckLine("key", None, detail)
    known = _expected(expected)
    if known is None or not known.knows(key):
        return CheckLine("key", ok=False, detail=f"signed by {key}, which is not the key expected")
    return CheckLine("key", ok=True, detail=f"signed by {key}, as expected")


def _expected(text: str | None) -> History | None:
    """The keys given; None if there are none or they cannot be read, which ``key_line`` says."""
    try:
        return None if text is None else History.parse(text)
    except IntegrityError:
        return None


def _need_key(pack: _Pack) -> str:
    if not pack.key:
        raise _NotCheckedError("not checked, because no key has signed this pack")
    return pack.key


def _checkpoint(pack: _Pack) -> str:
    checkpoint = verify_checkpoint(pack.text("data/ledger/checkpoint"), [_need_key(pack)])
    if pack.expected is not None and pack.expected.knows(pack.key):
        pack.expected.require(pack.key, checkpoint.size)
    pack.size, pack.root = checkpoint.size, checkpoint.root
    return f"signed by the same key; {pack.size} leaves, root {pack.root.hex()}"


def _ledger(pack: _Pack) -> str:
    leaves = pack.text("data/ledger/leaves.jsonl").split("\n")
    if leaves.pop():
        raise IntegrityError("the list of leaves is cut off")
    bounds = json.loads(pack.text("data/ledger/slice.json"))
    first, size = bounds["first"], bounds["size"]
    if type(first) is not int or type(size) is not int or first + len(leaves) != size:
        raise IntegrityError("the slice has not the leaves between its ends")
    if not pack.root:
        raise _NotCheckedError("not checked, because there is no signed checkpoint")
    if size != pack.size:
        raise IntegrityError("the slice does not end at the checkpoint")
    before = Frontier(first, tuple(bytes.fromhex(each) for each in bounds["before"]))
    verify_slice(before, leaves, pack.root)
    pack.first, pack.leaves, pack.before = first, leaves, before
    earlier = f"; the {first} earlier ones only as digests" if first else ""
    return f"{len(leaves)} leaves, up to number {size}, lead to the signed root{earlier}"


def _certificates(pack: _Pack) -> str:
    keys, objects, failure = _history(pack), 0, None
    names = pack.certificates()
    for name in names:
        try:
            statement = verify_certificate(pack.text(name), keys)
            pack.issued[name] = Issued.of(statement)
            objects += len(statement.objects)
            _check_filed(name, statement)
        except IntegrityError as error:  # one failure does not keep the rest from being read
            failure = failure or error
    if failure:
        raise failure
    if not names:
        return "none was issued in the period"
    return f"{len(names)}, each signed by this log's key, for {objects} objects"


def _check_filed(name: str, statement: Statement) -> None:
    if name != f"{CERTIFICATES}{statement.id}.json":
        raise IntegrityError("a certificate is filed under another id")
    if not statement.is_certificate:
        raise IntegrityError("a statement that certifies nothing is filed as a certificate")


def _history(pack: _Pack) -> History:
    """The keys of the log in the slice: the pack's, and those it followed by the leaves."""
    periods, key = [], _need_key(pack)
    until: int | None = None
    for position in range(pack.first + len(pack.leaves) - 1, pack.first - 1, -1):
        body = pack.leaves[position - pack.first]
        if f'"event":"{ROTATED}"' in body:
            old, new = parse_rotation(body)
            if new == key:
                periods.append(Period(key, position + 1, until))
                key, until = old, position + 1
    return History((*periods, Period(key, 0, until)))


def _anchors(pack: _Pack) -> str:
    names = pack.certificates()
    if not names:
        return "none to look for"
    if not pack.leaves:
        raise _NotCheckedError("not checked, because the ledger's leaves are not established")
    places = _anchored(pack)
    for name in names:
        place = places.get(hashlib.sha256(pack.read(name)).hexdigest())
        if place is None:
            raise IntegrityError(f"a certificate, one of {len(names)}, is in no leaf of the slice")
        issued = pack.issued.get(name)
        if issued is not None and issued.complete != place:
            raise IntegrityError("a certificate is entered elsewhere than it says")
    _check_heads(pack)
    return f"the digests of all {len(names)} certificates are in leaves under the signed root"


def _check_heads(pack: _Pack) -> None:
    """The heads that certificates rest on are those of this very log."""
    hashes = [body_hash(body) for body in pack.leaves]
    frontier = pack.before
    for issued in sorted(pack.issued.values(), key=lambda one: one.head.size):
        if not frontier.size <= issued.head.size <= pack.size:
            raise IntegrityError("a certificate was issued outside the slice")
        start, end = frontier.size - pack.first, issued.head.size - pack.first
        frontier = frontier.extend(hashes[start:end])
        if frontier.root != issued.head.root:
            raise IntegrityError("a certificate rests on another ledger's head")
        leaf = parse_leaf(pack.leaves[end])
        if (leaf.event, leaf.ids.get("sweep")) != ("sweep-complete", issued.sweep):
            raise IntegrityError("a certificate's sweep is not said to be complete in the ledger")


def _anchored(pack: _Pack) -> dict[str, int]:
    """Return every value in the leaves' ids and proved items, with its leaf's position."""
    parsed = [parse_leaf(body) for body in pack.leaves]
    places = {value: pack.first + n for n, leaf in enumerate(parsed) for value in leaf.ids.values()}
    for anchor in json.loads(pack.text("data/ledger/anchors.json")):
        position, body = anchor["leaf"], anchor["body"]
        if type(position) is not int or not pack.first <= position < pack.size:
            raise IntegrityError("an item's leaf is not in the slice")
        leaf = parsed[position - pack.first]
        path = [bytes.fromhex(each) for each in anchor["path"]]
        verify_inclusion(body_hash(body), anchor["position"], leaf.items, path, leaf.items_root)
        values = parse_item(body).body.values()
        places.update((value, position) for value in values if isinstance(value, str))
    return places


def _flow_runs(pack: _Pack) -> str:
    leaves = [parse_leaf(body) for body in pack.leaves]
    detail = check_runs(
        lambda name: json.loads(pack.text(name)) if name in pack.names else None,
        pack.first,
        leaves,
    )
    if detail is None:
        raise _NotCheckedError("their digests fit; not looked for in the ledger's leaves")
    return detail


def _counts(pack: _Pack) -> str:
    batches: dict[tuple[str, ...], dict[str, int]] = {}
    for row in csv.DictReader(io.StringIO(pack.text("data/counts.csv"), newline=""), strict=True):
        if row["stage"] == "ingest":
            batch = batches.setdefault((row["night"], row["controller"]), {})
            batch[row["count"]] = batch.get(row["count"], 0) + int(row["value"])
    for batch in batches.values():
        out = sum(batch.get(name, 0) for name in ("ingested", "duplicate", "quarantined"))
        if batch.get("files") != out or min(batch.values()) < 0:
            raise IntegrityError("ingest: files are not ingested + duplicate + quarantined")
    files = sum(batch["files"] for batch in batches.values())
    return f"ingest, {len(batches)} batches: {files} files = ingested + duplicate + quarantined"


_Check = tuple[str, Callable[[_Pack], str] | None]
_CHECKS: tuple[_Check, ...] = (
    ("bag", _bag),
    ("signature", _signature),
    ("key", None),
    ("checkpoint", _checkpoint),
    ("ledger", _ledger),
    ("certificates", _certificates),
    ("anchors", _anchors),
    ("flow runs", _flow_runs),
    ("counts", _counts),
)


def summary(verification: Verification) -> Mapping[str, Any]:
    """Return the verification as plain values, for printing as JSON."""
    return {
        "passed": verification.passed,
        "key": verification.key,
        "checks": [
            {"what": line.what, "ok": line.ok, "detail": line.detail}
            for line in verification.checks
        ],
    }

"""Checking a pack: with the verifier key and nothing of ours.

No instance, database or network is needed, only the standard library and
``cryptography``. ``callward.evidence.standalone`` puts all of it into one file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from callward.errors import CallwardError
from callward.evidence.checks.anchors import check_anchors
from callward.evidence.checks.bag import check_bag, check_statement
from callward.evidence.checks.certificates import begin_certificates, check_certificates
from callward.evidence.checks.counts import check_counts
from callward.evidence.checks.evidence import check_clauses, check_items
from callward.evidence.checks.ledger import check_checkpoint, check_ledger
from callward.evidence.checks.model import (
    NOTHING_WANTED,
    CheckLine,
    NotCheckedError,
    Verification,
    Wanted,
    expected_keys,
    key_line,
    sentence,
    summary,
)
from callward.evidence.checks.pack import Pack
from callward.evidence.checks.period import check_earlier, check_period
from callward.evidence.checks.runs import check_runs
from callward.evidence.checks.witness import check_witness
from callward.evidence.container import Member, open_zip

__all__ = ["CheckLine", "Verification", "Wanted", "key_line", "summary", "verify_pack"]

Check = Callable[[Pack], str]
"""Says what holds; raises IntegrityError for what does not."""

SIGNATURE: Final = "signature"
KEY: Final = "key"
_NOT_SHOWN = CheckLine(
    "not shown",
    None,
    "that the instance recorded truly what it was given and did: counts, gates, instructions, "
    "disclosures, flow runs and evidence are its own signed statements; and that no later log "
    "contradicts this one (compare the checkpoint with earlier and later packs)",
)
_ILLEGIBLE = "not checked, because the archive cannot be read"


def verify_pack(
    path: Path, *, expected_key: str | None, wanted: Wanted = NOTHING_WANTED
) -> Verification:
    """Check everything about the pack at ``path`` that can be checked without its instance.

    ``expected_key`` is the verifier key the reader had from elsewhere, or a list of
    them (``keys.History``), of which each counts for its range of sizes; without
    one, who signed the pack remains open, and a line says so. Never raises over
    the pack: every check has its line, those that an earlier failure makes
    pointless with ``ok`` None.
    """
    try:
        file, members = open_zip(path)
    except CallwardError as error:
        checks = [CheckLine("archive", ok=False, detail=sentence(error))]
        names = [what for what, _ in _checks(wanted)]
        names.insert(names.index(SIGNATURE) + 1, KEY)
        checks += [CheckLine(what, None, _ILLEGIBLE) for what in names]
        return Verification([*checks, _NOT_SHOWN], "")
    with file:
        return _verify(path, file, members, expected_key, wanted)


def _verify(
    path: Path,
    file: BinaryIO,
    members: dict[str, Member],
    expected_key: str | None,
    wanted: Wanted,
) -> Verification:
    base = f"{next(iter(members)).partition('/')[0]}/" if members else ""
    inside = {name.removeprefix(base): one for name, one in members.items()}
    pack = Pack(path, file, base, inside, expected_keys(expected_key), wanted)
    sane = bool(members) and all(name.startswith(base) for name in members)
    detail = f"{len(members)} files, byte for byte as Callward writes them"
    checks = [CheckLine("archive", sane, detail if sane else "not one bag")]
    try:
        for what, check in _checks(wanted):
            # One failure does not hide the next; but what rests on the bag needs the bag.
            checks.append(_run(what, check, pack))
            if what == SIGNATURE:
                checks.append(_key(pack, expected_key))
                begin_certificates(pack)
    finally:
        if pack.begun is not None:
            pack.begun.helper.stop()
    return Verification([*checks, _NOT_SHOWN], pack.key)


def _checks(wanted: Wanted) -> list[tuple[str, Check]]:
    """What is checked, in order; the key follows the signature."""
    return [*_ALWAYS, *([("witness", check_witness)] if wanted.witness is not None else [])]


def _run(what: str, check: Check, pack: Pack) -> CheckLine:
    try:
        return CheckLine(what, ok=True, detail=check(pack))
    except NotCheckedError as reason:
        return CheckLine(what, None, str(reason))
    except Exception as error:  # noqa: BLE001 - whatever it is, what is in the pack has caused it
        return CheckLine(what, ok=False, detail=sentence(error))


def _key(pack: Pack, expected: str | None) -> CheckLine:
    if not pack.key:
        return CheckLine(KEY, None, "not checked, because no key has signed this pack")
    return key_line(pack.key, expected)


_ALWAYS: Final[tuple[tuple[str, Check], ...]] = (
    ("bag", check_bag),
    (SIGNATURE, check_statement),
    ("period", check_period),
    ("checkpoint", check_checkpoint),
    ("ledger", check_ledger),
    ("earlier", check_earlier),
    ("certificates", check_certificates),
    ("anchors", check_anchors),
    ("flow runs", check_runs),
    ("counts", check_counts),
    ("evidence items", check_items),
    ("clauses", check_clauses),
)

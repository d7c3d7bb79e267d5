"""What strangers have said of a pack's checkpoint: a witness, a time-stamp authority.

Their keys are the reader's to have. The time stamp needs ``rfc3161-client``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from callward.errors import CallwardError, IntegrityError
from callward.evidence.checking import Checked
from callward.evidence.container import open_zip, read_member
from callward.evidence.verify import CheckLine, Verification
from callward.ledger.cosigning import verify_cosigned

_CHECKPOINT: Final = "data/ledger/checkpoint"
_STAMP: Final = "data/ledger/checkpoint.tsr"


def with_strangers(
    checked: Checked, path: Path, witness_key: str | None, roots: bytes | None
) -> Checked:
    """The same with a line for each of the two that the reader has the key of.

    ``witness_key`` is a witness's verifier key, ``roots`` PEM certificates. A pack
    without what is asked for fails, and so does any other kind of file.
    """
    lines = []
    if witness_key is not None:
        lines.append(_line("witness", lambda: _witness(path, witness_key)))
    if roots is not None:
        lines.append(_line("time stamp", lambda: _stamp(path, roots)))
    found = checked.found
    return Checked(checked.kind, Verification([*found.checks, *lines], found.key))


def _line(what: str, check: Callable[[], str]) -> CheckLine:
    try:
        return CheckLine(what, ok=True, detail=check())
    except CallwardError as error:
        return CheckLine(what, ok=False, detail=str(error.args[0]))


def _witness(path: Path, key: str) -> str:
    at = verify_cosigned(_note(path), key)
    return f"cosigned at {at.isoformat()}, by the witness's clock"


def _stamp(path: Path, roots: bytes) -> str:
    # Here, so that nothing else needs what it needs.
    from callward.ledger.timestamps import check_stamp  # noqa: PLC0415

    at = check_stamp(_member(path, _STAMP), _note(path), roots)
    return f"stamped at {at.isoformat()}, by the authority's clock"


def _note(path: Path) -> str:
    try:
        return _member(path, _CHECKPOINT).decode()
    except UnicodeDecodeError:
        raise IntegrityError("a checkpoint is not UTF-8") from None


def _member(path: Path, wanted: str) -> bytes:
    archive, names = open_zip(path)
    with archive:
        for name in names:
            if name.partition("/")[2] == wanted:
                return read_member(archive, name)
    raise IntegrityError("the pack holds no such statement")

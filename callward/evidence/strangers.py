"""The time stamp of a pack's checkpoint, which needs ``rfc3161-client``.

The authority's certificates are the reader's to have.
"""

from collections.abc import Callable
from pathlib import Path

from callward.errors import CallwardError, IntegrityError
from callward.evidence.checking import Checked
from callward.evidence.container import open_zip, read_chunks
from callward.evidence.layout import CHECKPOINT, STAMP
from callward.evidence.verify import CheckLine, Verification


def with_stamp(checked: Checked, path: Path, roots: bytes | None) -> Checked:
    """The same with a line for the time stamp, if the reader has ``roots`` (PEM certificates).

    A pack without a stamp fails then, and so does any other kind of file.
    """
    if roots is None:
        return checked
    found = checked.found
    line = _line("time stamp", lambda: _stamp(path, roots))
    return Checked(checked.kind, Verification([*found.checks, line], found.key))


def _line(what: str, check: Callable[[], str]) -> CheckLine:
    try:
        return CheckLine(what, ok=True, detail=check())
    except CallwardError as error:
        return CheckLine(what, ok=False, detail=str(error.args[0]))


def _stamp(path: Path, roots: bytes) -> str:
    # Here, so that nothing else needs what it needs.
    from callward.ledger.timestamps import check_stamp  # noqa: PLC0415

    note = _member(path, CHECKPOINT).decode("utf-8", "replace")
    at = check_stamp(_member(path, STAMP), note, roots)
    return f"stamped at {at.isoformat()}, by the authority's clock"


def _member(path: Path, wanted: str) -> bytes:
    file, members = open_zip(path)
    with file:
        for name, member in members.items():
            if name.partition("/")[2] == wanted:
                return b"".join(read_chunks(file, member))
    raise IntegrityError("the pack holds no such statement")

"""What assessment results are made of, out of a pack that has been verified."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from callward.errors import IntegrityError
from callward.evidence.conform.oscal import Assessed
from callward.evidence.verify import verify_pack

_INFO: Final = "bag-info.txt"
_FILES: Final = ("data/items.json", "data/clauses.json", _INFO)
_MOST_BYTES: Final = 256 * 2**20
"""Of each of these files."""


def assessed(path: Path, *, expected_key: str | None) -> Assessed:
    """Read a pack; nothing else is asked. IntegrityError unless it verifies and has its verdicts.

    ``expected_key``: of whoever must have signed it; None: whoever says to have.
    """
    verification = verify_pack(path, expected_key=expected_key)
    if not verification.passed:
        failed = [line.what for line in verification.checks if line.ok is False]
        raise IntegrityError(f"the pack does not verify: {', '.join(failed)}")
    if not any(line.what == "clauses" and line.ok for line in verification.checks):
        raise IntegrityError("the pack's verdicts could not be checked: its rules are not ours")
    items, clauses, info = _read(path)
    return of_files(json.loads(items), json.loads(clauses), _pairs(info))


def _read(path: Path) -> list[bytes]:
    """The files wanted of a pack that has verified: its container has one form only."""
    with ZipFile(path) as archive:
        sizes = {one.filename.partition("/")[2]: one for one in archive.infolist()}
        if not sizes.keys() >= set(_FILES):
            raise IntegrityError("the pack holds no verdicts: it is an older one")
        if any(sizes[name].file_size > _MOST_BYTES for name in _FILES):
            raise IntegrityError("the pack's verdicts are too long to be read")
        return [archive.read(sizes[name]) for name in _FILES]


def _pairs(info: bytes) -> dict[str, str]:
    lines = [line.partition(": ") for line in info.decode().splitlines()]
    return {label: value for label, _, value in lines}


def of_files(items: Any, clauses: Any, info: dict[str, str]) -> Assessed:
    """The same of the files' contents."""
    notice = clauses["notice"]
    return Assessed(
        instance=info["Callward-Instance"],
        software=info["Bag-Software-Agent"],
        made_at=datetime.fromisoformat(info["Callward-Made-At"]),
        from_day=date.fromisoformat(info["Callward-Period-From"]),
        to_day=date.fromisoformat(info["Callward-Period-To"]),
        notice=notice.get("notice", "The notice"),
        clauses=notice.get("clauses", []),
        items=items,
        verdicts=clauses["verdicts"],
    )

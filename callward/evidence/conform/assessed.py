"""What assessment results are made of, out of a pack that has been verified."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from callward.errors import IntegrityError
from callward.evidence.bagit import INFO, bag_info
from callward.evidence.conform.oscal import Assessed
from callward.evidence.container import open_zip, read_member
from callward.evidence.verify import verify_pack

_FILES = ("data/items.json", "data/clauses.json", INFO)


def assessed(path: Path, *, expected_key: str | None) -> Assessed:
    """Read a pack; nothing else is asked. IntegrityError unless it verifies and has its verdicts.

    ``expected_key``: of whoever must have signed it; None: whoever says to have.
    """
    verification = verify_pack(path, expected_key=expected_key)
    if not verification.passed:
        failed = [line.what for line in verification.checks if line.ok is False]
        raise IntegrityError(f"the pack does not verify: {', '.join(failed)}")
    archive, names = open_zip(path)
    with archive:
        wanted = {name.partition("/")[2]: name for name in names}
        if not wanted.keys() >= set(_FILES):
            raise IntegrityError("the pack holds no verdicts: it is an older one")
        items, clauses, info = (read_member(archive, wanted[one]) for one in _FILES)
    return of_files(json.loads(items), json.loads(clauses), bag_info(info))


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

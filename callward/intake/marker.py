"""``drop.json``: what a supplier says of a drop that is not a Callward manifest's.

It comes last: a drop without it is not complete. ``{}`` will do; ``source`` names the
reader of every file in the drop, ``mapping`` a column mapping of the instruction, and
then ``mapped`` is the reader unless another is named.
"""

from dataclasses import dataclass
from typing import Any, Final

from callward.intake.readers import jsons
from callward.intake.readers.mapped import Mapped
from callward.intake.readers.registry import READERS
from callward.intake.reasons import Reason, Refusal

MARKER: Final = "drop.json"
MOST_BYTES: Final = 64 * 1024
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Marker:
    """What a drop says of itself; None: its files' content decides, no mapping is needed."""

    source: str | None = None
    mapping: str | None = None


def read_marker(data: bytes | None) -> Marker:
    """Read a ``drop.json``; Refusal drop-unreadable."""
    if data is None or len(data) > MOST_BYTES:
        raise Refusal(Reason.DROP_UNREADABLE)
    try:
        said = jsons.parse(data) if data.strip() else {}
    except Refusal:
        raise Refusal(Reason.DROP_UNREADABLE) from None
    if not isinstance(said, dict) or not set(said) <= {"source", "mapping"}:
        raise Refusal(Reason.DROP_UNREADABLE)
    source, mapping = _word(said.get("source")), _word(said.get("mapping"))
    if source is not None and source not in READERS:
        raise Refusal(Reason.DROP_UNREADABLE)
    return Marker(source or (Mapped.name if mapping else None), mapping)


def _word(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        raise Refusal(Reason.DROP_UNREADABLE)
    return value

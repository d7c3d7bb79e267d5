"""What goes into a pack: plain values, already read from wherever they are kept.

Nothing here holds personal data: ids are opaque, the rest is codes, counts,
days and digests. Moments are aware; days are London calendar days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Period:
    """The days a pack covers, both included."""

    from_day: date
    to_day: date


@dataclass(frozen=True, slots=True)
class StageRow:
    """What one stage counted for one controller in one night."""

    night: str
    stage: str
    controller: str
    counts: Mapping[str, int]
    at: datetime


@dataclass(frozen=True, slots=True)
class GateRow:
    """What one gate found: ``checks`` as stored, counts without sample values."""

    night: str
    suite: str
    outcome: str
    rows: int
    failed_rows: int
    checks: tuple[Mapping[str, Any], ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class InstructionRow:
    """One version of a controller's instruction; ``digest`` is the file's SHA-256, hex."""

    controller: str
    version: int
    digest: str
    effective_from: date
    approved_by: str
    reference: str
    lawful_basis: str
    retention: Mapping[str, str]
    transcription: str


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate of destruction; ``body`` is the signed document as issued."""

    id: str
    controller: str
    objects: int
    body: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class DisclosureRow:
    """A batch of recordings that went to a sub-processor; ``state``: ``announced`` or ``ended``.

    One that never ended counts whole, for nobody can know what of it went.
    """

    id: str
    night: str
    controller: str
    sub_processor: str
    country: str
    engine: str
    instruction: str
    state: str
    recordings: int
    seconds: float
    begun_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class FlowRunRow:
    """One run of a flow, as the orchestrator has it."""

    id: str
    name: str
    flow: str
    state: str
    started: datetime | None
    ended: datetime | None
    parameters: Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Anchor:
    """An item of the leaf at position ``leaf``, with its path (hex) to that leaf's items root.

    ``body``, ``position`` and ``path`` are what ``ledger.proofs.included`` gives.
    """

    leaf: int
    body: str
    position: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerSlice:
    """The leaves from position ``first`` up to the ``checkpoint`` (signed note) of ``size``.

    ``before`` are the frontier's hashes (hex) at size ``first``: the roots of
    the perfect subtrees of what came earlier. With them the leaves lead to the
    signed root, so the whole slice is provable without the earlier leaves.
    A certificate is anchored if the SHA-256 (hex) of its body is a value in
    some leaf's ``ids`` or in the body of an item among ``anchors``. ``stamp`` is
    an RFC 3161 response over the checkpoint's text (``ledger.timestamps``).
    """

    first: int
    leaves: tuple[str, ...]
    size: int
    checkpoint: str
    before: tuple[str, ...]
    anchors: tuple[Anchor, ...] = ()
    stamp: bytes | None = None


@dataclass(frozen=True, slots=True)
class PackContents:
    """Everything one pack is made of."""

    instance: str
    callward_version: str
    made_at: datetime
    period: Period
    stages: tuple[StageRow, ...]
    gates: tuple[GateRow, ...]
    instructions: tuple[InstructionRow, ...]
    certificates: tuple[CertificateRow, ...]
    flow_runs: tuple[FlowRunRow, ...]
    ledger: LedgerSlice
    disclosures: tuple[DisclosureRow, ...] = ()

"""What goes into a pack: plain values, already read from wherever they are kept.

Nothing here holds personal data: ids are opaque, the rest is codes, counts,
days and digests. Moments are aware; days are London calendar days.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from callward.evidence.clauses.model import Clause, Item, Period, Verdict
from callward.flowruns.comparing import Compared
from callward.flowruns.model import Record, moment_of, text_of

__all__ = [
    "CertificateRow",
    "DisclosureRow",
    "FlowRunRow",
    "GateRow",
    "InstructionRow",
    "LeafItems",
    "LedgerSlice",
    "PackContents",
    "PackKind",
    "Period",
    "Previous",
    "Proof",
    "StageRow",
    "Stream",
]

T = TypeVar("T")

PackKind = Literal["nightly", "monthly", "draft", "annual"]
"""Which pack: of a night, of a month, of a year for the board to look at, of a year."""


@dataclass(frozen=True, slots=True, repr=False)
class Stream(Generic[T]):
    """``count`` things that are read anew, one after the other, each time they are asked for.

    There may be too many to hold. ``read`` begins at the first.
    """

    count: int
    read: Callable[[], Iterator[T]]

    def __len__(self) -> int:
        """How many there are, without reading them."""
        return self.count

    def __iter__(self) -> Iterator[T]:
        """Read them."""
        return self.read()


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
    """A certificate of destruction, without its signed text (``PackContents.bodies``)."""

    id: str
    controller: str
    objects: int
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
    """One run of a flow, as we keep it: its reduced record, and that record's SHA-256 (hex).

    The ledger last said of it what item ``item`` of the leaf at position ``leaf`` says.
    ``missing_since``: when the orchestrator had it no more.
    """

    record: Record
    digest: str
    leaf: int | None = None
    item: int | None = None
    missing_since: datetime | None = None

    @property
    def id(self) -> str:
        """The orchestrator's id."""
        return str(self.record.get("id"))

    @property
    def flow(self) -> str:
        """Whose run it is."""
        return str(self.record.get("flow"))

    @property
    def name(self) -> str:
        """Its name, or that of its flow."""
        return text_of(self.record, "name") or self.flow

    @property
    def state(self) -> str:
        """In which it was last seen."""
        return text_of(self.record, "state") or "-"

    @property
    def started(self) -> datetime | None:
        """When it started."""
        return moment_of(self.record, "started")

    @property
    def ended(self) -> datetime | None:
        """When it ended."""
        return moment_of(self.record, "ended")


@dataclass(frozen=True, slots=True)
class LeafItems:
    """The bodies of all items of the leaf at position ``leaf``, in order."""

    leaf: int
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerSlice:
    """The leaves from position ``first`` up to the ``checkpoint`` (signed note) of ``size``.

    ``before`` are the frontier's hashes (hex) at size ``first``: the roots of
    the perfect subtrees of what came earlier. With them the leaves lead to the
    signed root, so the whole slice is provable without the earlier leaves.
    ``certified`` are the leaves that enter the pack's certificates, ``runs`` those that
    enter flow runs, each with all its items. ``stamp`` is an RFC 3161 response over the
    checkpoint's text (``ledger.timestamps``), ``witnesses`` the keys of its cosignatures.
    """

    first: int
    leaves: Sequence[str] | Stream[str]
    size: int
    checkpoint: str
    before: tuple[str, ...]
    certified: Iterable[LeafItems] = ()
    stamp: bytes | None = None
    runs: tuple[LeafItems, ...] = ()
    witnesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Previous:
    """The pack of the same kind before this one; ``id``: SHA-256 (hex) of its file.

    ``verdicts``: the state of each clause by its id; ``size``: of its checkpoint.
    """

    id: str
    name: str
    period: Period
    size: int
    verdicts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Proof:
    """How the notice was kept: the map, the evidence, and what became of each clause.

    ``notice``: the clause map as plain JSON; ``items`` by kind, and the ``files`` they name;
    ``failures``: a sentence by kind of evidence that could not be collected; ``day``: the last
    London day that counted for the verdicts.
    """

    notice: Mapping[str, Any] = field(default_factory=dict)
    notice_digest: str = ""
    clauses: tuple[Clause, ...] = ()
    items: Mapping[str, Item] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    day: date | None = None


@dataclass(frozen=True, slots=True)
class PackContents:
    """Everything one pack is made of; ``bodies``: the certificates' signed texts in their order."""

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
    compared: Compared | None = None
    """What does not fit between flow runs, ledger and nights."""
    kind: PackKind = "nightly"
    proof: Proof = field(default_factory=Proof)
    previous: Previous | None = None
    review: Mapping[str, Any] | None = None
    """What the review that this pack ends has decided: ids, offices, days, remarks."""
    bodies: Sequence[str] | Stream[str] = ()

"""Reading a drop's ``manifest.csv``: pure, bounded, and no row can stop the others.

UTF-8 (a byte-order mark is fine), comma-separated, double-quoted (RFC 4180),
a header naming at least the columns of ``COLUMNS`` in any order. Further
columns are kept in ``raw`` and otherwise ignored.

========================  ==========================================================
file                      mandatory; path inside the drop, taken exactly as written
external_id               mandatory; unique with ``kind``
kind                      mandatory; recording or voicemail
started_at, ended_at      mandatory; ISO 8601 with offset, from the year 2000 on
direction                 mandatory; inbound, outbound or internal
caller, called, agent     may be empty: withheld, nobody answered
sha256                    may be empty: then nothing is compared
========================  ==========================================================
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from callward.errors import SupplierError
from callward.intake.reasons import Reason, Refusal

COLUMNS = (
    "file",
    "external_id",
    "kind",
    "started_at",
    "ended_at",
    "direction",
    "caller",
    "called",
    "agent",
    "sha256",
)
KINDS = frozenset({"recording", "voicemail"})
DIRECTIONS = frozenset({"inbound", "outbound", "internal"})
MAX_BYTES = 50_000_000
MAX_ROWS = 1_000_000
MAX_COLUMNS = 200
MAX_CELL = 4096
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a supplier's clock may run ahead of ours."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""A zeroed clock (1970, 1980) would make a call due for destruction the day it arrives."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ManifestError(SupplierError):
    """The manifest as a whole cannot be read."""

    code = Reason.MANIFEST_UNREADABLE.value


@dataclass(frozen=True, slots=True, repr=False)
class ManifestRow:
    """One delivered file as its manifest describes it. Times are aware, UTC. Personal data."""

    number: int
    file: str
    external_id: str
    kind: str
    started_at: datetime
    ended_at: datetime
    direction: str
    caller: str
    called: str
    agent: str
    sha256: str
    columns: tuple[str, ...] = field(compare=False)
    cells: tuple[str, ...]

    @property
    def raw(self) -> dict[str, str]:
        """The cells as delivered, by column, for sealing."""
        return dict(zip(self.columns, self.cells, strict=True))


@dataclass(frozen=True, slots=True, repr=False)
class Refused:
    """A row that cannot be taken in. Personal data; ``file`` may be empty."""

    number: int
    reason: Reason
    raw: dict[str, str]
    file: str


@dataclass(frozen=True, slots=True, repr=False)
class Manifest:
    """The rows that can be taken in and those that cannot, in the order delivered."""

    rows: tuple[ManifestRow, ...]
    refused: tuple[Refused, ...]


def read_manifest(data: bytes, *, now: datetime) -> Manifest:
    """Read a manifest's bytes; ``now`` is aware. Data rows are numbered from 1.

    A bad row becomes a ``Refused``. Of rows that name the same file, or the
    same external id and kind, the first counts and later ones are refused.
    Raises ManifestError only if the whole cannot be read.
    """
    table = _cells(_text(data))
    columns = _header(next(table, ()))
    reader = _RowReader(columns, now + CLOCK_TOLERANCE)
    rows: list[ManifestRow] = []
    refused: list[Refused] = []
    for number, cells in enumerate(table, start=1):
        if number > MAX_ROWS:
            raise ManifestError(f"more than {MAX_ROWS} rows")
        try:
            rows.append(reader.read(number, cells))
        except Refusal as refusal:
            refused.append(reader.refused(number, refusal.reason, cells))
    return Manifest(tuple(rows), tuple(refused))


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise ManifestError(f"larger than {MAX_BYTES} bytes")
    if b"\0" in data:
        raise ManifestError("holds NUL bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ManifestError("is not UTF-8") from None


def _cells(text: str) -> Iterator[tuple[str, ...]]:
    """Yield each line that is not blank as its cells."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                if max(map(len, cells)) > MAX_CELL:
                    raise ManifestError(f"line {reader.line_num} has an over-long cell")
                yield tuple(cells)
    except csv.Error:
        raise ManifestError(f"line {reader.line_num} is not CSV") from None


def _header(cells: tuple[str, ...]) -> tuple[str, ...]:
    columns = tuple(cell.strip() for cell in cells)
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise ManifestError(f"has no column {', '.join(missing)}")
    if len(set(columns)) != len(columns):
        raise ManifestError("names a column twice")
    if len(columns) > MAX_COLUMNS:
        raise ManifestError(f"has more than {MAX_COLUMNS} columns")
    return columns


class _RowReader:
    """Reads rows under one header and remembers what earlier rows have named."""

    def __init__(self, columns: tuple[str, ...], latest: datetime) -> None:
        self._columns = columns
        self._at = {name: columns.index(name) for name in COLUMNS}
        self._order = tuple(self._at[name] for name in COLUMNS)
        self._latest = latest
        self._files: set[str] = set()
        self._ids: set[tuple[str, str]] = set()

    def refused(self, number: int, reason: Reason, cells: tuple[str, ...]) -> Refused:
        """Keep what there is of a row that cannot be taken in; stray cells get a number."""
        names = (*self._columns, *(f"+{n}" for n in range(1, len(cells) + 1)))
        place = self._at["file"]
        file = cells[place] if len(cells) > place else ""
        return Refused(number, reason, dict(zip(names, cells, strict=False)), file)

    def read(self, number: int, cells: tuple[str, ...]) -> ManifestRow:
        """Read one row, or raise a Refusal."""
        if len(cells) != len(self._columns):
            raise Refusal(Reason.ROW_MALFORMED)
        file, *rest = (cells[place] for place in self._order)
        words = [word.strip() for word in rest]
        external_id, kind, started, ended, direction, caller, called, agent, digest = words
        kind, direction, digest = kind.lower(), direction.lower(), digest.lower()
        duplicate = self._seen_before(file, external_id, kind)
        if not all((file, *words[:5])) or _CONTROL.search("".join((file, *words))):
            raise Refusal(Reason.ROW_MALFORMED)
        if duplicate:
            raise Refusal(Reason.DUPLICATE_ROW)
        _check_words(kind, direction, digest)
        started_at, ended_at = _moment(started), _moment(ended)
        self._check_times(started_at, ended_at)
        return ManifestRow(
            number=number,
            file=file,
            external_id=external_id,
            kind=kind,
            started_at=started_at,
            ended_at=ended_at,
            direction=direction,
            caller=caller,
            called=called,
            agent=agent,
            sha256=digest,
            columns=self._columns,
            cells=cells,
        )

    def _seen_before(self, file: str, external_id: str, kind: str) -> bool:
        """Whether an earlier row, even a refused one, has named the same; note it either way."""
        key = (external_id, kind)
        seen = file in self._files or (bool(external_id) and key in self._ids)
        self._files.add(file)
        self._ids.add(key)
        return seen

    def _check_times(self, started_at: datetime, ended_at: datetime) -> None:
        if started_at > self._latest:
            raise Refusal(Reason.FUTURE_START)
        if ended_at < started_at:
            raise Refusal(Reason.ENDED_BEFORE_START)
        if ended_at > self._latest:
            raise Refusal(Reason.FUTURE_START)


def _check_words(kind: str, direction: str, digest: str) -> None:
    if kind not in KINDS:
        raise Refusal(Reason.UNSUPPORTED_KIND)
    if direction not in DIRECTIONS:
        raise Refusal(Reason.UNSUPPORTED_DIRECTION)
    if digest and not _SHA256.fullmatch(digest):
        raise Refusal(Reason.DIGEST_MALFORMED)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise Refusal(Reason.TIME_MALFORMED)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal(Reason.TIME_MALFORMED) from None
    if moment < EARLIEST:
        raise Refusal(Reason.TIME_MALFORMED)
    return moment

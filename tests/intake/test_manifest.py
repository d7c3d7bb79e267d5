"""A manifest is read row by row, and only as a whole if it must be refused as a whole."""

import csv
import io
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.intake import manifest
from callward.intake.manifest import COLUMNS, Manifest, ManifestError, read_manifest
from callward.intake.reasons import Reason

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
GOOD = {
    "file": "calls/a.wav",
    "external_id": "c-1",
    "kind": "recording",
    "started_at": "2026-03-28T23:30:00+00:00",
    "ended_at": "2026-03-29T02:10:00+01:00",
    "direction": "inbound",
    "caller": "+447700900123",
    "called": "02079460018",
    "agent": "j.smith",
    "sha256": "ab" * 32,
}


def written(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> bytes:
    """Write rows as a manifest."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read(*changes: dict[str, str]) -> Manifest:
    """Read rows that differ from a good one, each with a name and id of its own."""
    rows = [
        GOOD | {"file": f"{n}.wav", "external_id": f"c-{n}"} | change
        for n, change in enumerate(changes)
    ]
    return read_manifest(written(*rows), now=NOW)


def test_a_good_row_is_typed() -> None:
    """Every cell has its type, times are UTC, and the cells are kept as delivered."""
    (row,) = read_manifest(written(GOOD), now=NOW).rows
    assert row.number == 1
    assert (row.file, row.external_id, row.kind) == ("calls/a.wav", "c-1", "recording")
    assert row.started_at == datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert row.ended_at == datetime(2026, 3, 29, 1, 10, tzinfo=UTC)
    assert row.ended_at.tzinfo is UTC
    assert (row.direction, row.caller, row.called) == ("inbound", "+447700900123", "02079460018")
    assert (row.agent, row.sha256) == ("j.smith", "ab" * 32)
    assert row.raw == GOOD


def test_nothing_personal_in_a_repr() -> None:
    """A row that ends up in a log line says nothing of its cells."""
    found = read_manifest(written(GOOD, GOOD), now=NOW)
    assert "900123" not in repr(found) + repr(found.rows[0]) + repr(found.refused[0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"file": ""}, Reason.ROW_MALFORMED),
        ({"external_id": " "}, Reason.ROW_MALFORMED),
        ({"kind": ""}, Reason.ROW_MALFORMED),
        ({"started_at": ""}, Reason.ROW_MALFORMED),
        ({"direction": ""}, Reason.ROW_MALFORMED),
        ({"file": "a\nb.wav"}, Reason.ROW_MALFORMED),
        ({"caller": "07\x1b[2J"}, Reason.ROW_MALFORMED),
        ({"kind": "video"}, Reason.UNSUPPORTED_KIND),
        ({"direction": "sideways"}, Reason.UNSUPPORTED_DIRECTION),
        ({"sha256": "ab" * 31}, Reason.DIGEST_MALFORMED),
        ({"sha256": "zz" * 32}, Reason.DIGEST_MALFORMED),
        ({"started_at": "2026-03-28T23:30:00"}, Reason.TIME_MALFORMED),
        ({"ended_at": "2026-03-28"}, Reason.TIME_MALFORMED),
        ({"ended_at": "yesterday"}, Reason.TIME_MALFORMED),
        ({"started_at": "1970-01-01T00:00:00Z"}, Reason.TIME_MALFORMED),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, Reason.TIME_MALFORMED),
        ({"ended_at": "2026-03-28T23:29:59Z"}, Reason.ENDED_BEFORE_START),
        ({"ended_at": "2026-03-29T13:00:00Z"}, Reason.FUTURE_START),
        ({"started_at": "2026-03-29T12:05:01Z"}, Reason.FUTURE_START),
    ],
)
def test_a_bad_row_is_refused_alone(change: dict[str, str], reason: Reason) -> None:
    """A bad row has its reason and its cells; the rows around it are read."""
    found = read({}, change, {})
    assert [row.number for row in found.rows] == [1, 3]
    (refused,) = found.refused
    assert (refused.number, refused.reason) == (2, reason)
    expected = GOOD | {"file": "1.wav", "external_id": "c-1"} | change
    assert refused.raw == expected
    assert refused.file == expected["file"]


@pytest.mark.parametrize(
    "change",
    [
        {"caller": "", "called": "", "agent": "", "sha256": ""},
        {"kind": "Voicemail", "direction": " OUTBOUND ", "sha256": "AB" * 32},
        {"started_at": "2026-03-29T12:04:59Z", "ended_at": "2026-03-29T12:05:00Z"},
        {"ended_at": "2026-03-28T23:30:00Z"},
        {"started_at": "20260328T233000+0000"},
    ],
)
def test_tolerated_rows(change: dict[str, str]) -> None:
    """Withheld parties, letter case, a clock five minutes ahead, no duration."""
    found = read(change)
    assert (len(found.rows), found.refused) == (1, ())


@pytest.mark.parametrize(
    "again",
    [
        {"external_id": "other"},
        {"file": "other.wav"},
        {"file": "other.wav", "kind": " RECORDING"},
    ],
)
def test_the_first_of_two_rows_counts(again: dict[str, str]) -> None:
    """The same file, or the same id and kind, a second time is refused."""
    found = read_manifest(written(GOOD, GOOD | again), now=NOW)
    assert [row.number for row in found.rows] == [1]
    assert [(row.number, row.reason) for row in found.refused] == [(2, Reason.DUPLICATE_ROW)]


def test_one_id_may_have_two_kinds() -> None:
    """A call and its voicemail share an external id."""
    found = read_manifest(written(GOOD, GOOD | {"file": "v.wav", "kind": "voicemail"}), now=NOW)
    assert len(found.rows) == 2


def test_a_refused_row_still_claims_its_file() -> None:
    """Two rows that contradict each other about a file are both refused."""
    found = read({"file": "x.wav", "kind": "fax"}, {"file": "x.wav"})
    assert [row.reason for row in found.refused] == [
        Reason.UNSUPPORTED_KIND,
        Reason.DUPLICATE_ROW,
    ]


def test_rows_of_the_wrong_width() -> None:
    """Too few or too many cells refuse the row and keep every cell."""
    data = written(GOOD) + b"short.wav,c-9\r\n" + b",".join([b"x"] * 12) + b"\r\n\r\n"
    found = read_manifest(data, now=NOW)
    assert [row.number for row in found.rows] == [1]
    short, wide = found.refused
    assert (short.reason, short.file) == (Reason.ROW_MALFORMED, "short.wav")
    assert short.raw == {"file": "short.wav", "external_id": "c-9"}
    assert (wide.reason, len(wide.raw)) == (Reason.ROW_MALFORMED, 12)


def test_columns_in_any_order_and_further_ones() -> None:
    """Further columns are kept for sealing, and a byte-order mark is no column."""
    columns = ("queue", *reversed(COLUMNS))
    data = "\ufeff".encode() + written(GOOD | {"queue": "sales"}, columns=columns)
    (row,) = read_manifest(data, now=NOW).rows
    assert row.file == "calls/a.wav"
    assert row.raw == GOOD | {"queue": "sales"}


def test_quoted_cells() -> None:
    """Commas, quotes and other scripts within quotes belong to the name."""
    name = 'Łódź, "Anna" 07700 900123.wav'
    (row,) = read_manifest(written(GOOD | {"file": name}), now=NOW).rows
    assert row.file == name


def test_an_empty_manifest_has_no_rows() -> None:
    """A header alone is readable and empty."""
    assert read_manifest(written(), now=NOW) == Manifest((), ())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe" + "file".encode("utf-16-le"),
        written(GOOD).replace(b"j.smith", b"j\0smith"),
        written(GOOD).replace(b"j.smith", b"j\xe9smith"),
        written(GOOD, columns=tuple(GOOD)).replace(b"sha256", b"sha512", 1),
        written(GOOD).replace(b"agent", b"caller", 1),
        written(GOOD).replace(b"agent,", b"agent,agent,", 1),
        written(GOOD | {"agent": "x" * 4097}),
        written(GOOD | {"agent": "x" * 200_000}),
        written(GOOD) + b'"never closed,c-2\r\n',
        written(GOOD) + b'"quoted"x,c-2\r\n',
    ],
    ids=["empty", "utf16", "nul", "latin1", "column", "twice", "more", "cell", "huge", "open", "q"],
)
def test_what_cannot_be_read_as_a_whole(data: bytes) -> None:
    """A manifest that is none is refused as a whole, without quoting it."""
    with pytest.raises(ManifestError) as caught:
        read_manifest(data, now=NOW)
    assert caught.value.code == "manifest-unreadable"
    assert "900123" not in str(caught.value)
    assert "smith" not in str(caught.value)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many bytes, rows or columns are refused before they fill memory."""
    with pytest.raises(ManifestError, match="bytes"):
        read_manifest(b"x" * (manifest.MAX_BYTES + 1), now=NOW)
    many = tuple(f"c{n}" for n in range(300))
    with pytest.raises(ManifestError, match="columns"):
        read_manifest(written(columns=(*COLUMNS, *many)), now=NOW)
    monkeypatch.setattr(manifest, "MAX_ROWS", 2)
    assert len(read({}, {}).rows) == 2
    with pytest.raises(ManifestError, match="rows"):
        read({}, {}, {})


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_unreadable(tail: bytes) -> None:
    """Whatever follows the header, rows are counted or the whole is refused."""
    try:
        found = read_manifest(written(GOOD) + tail, now=NOW)
    except ManifestError:
        return
    numbers = [row.number for row in found.rows] + [row.number for row in found.refused]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


@given(st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2026, 3, 1)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_moments_survive(moment: datetime) -> None:
    """Any moment written with an offset comes back as the same moment."""
    started = moment.replace(tzinfo=UTC)
    (row,) = read(
        {"started_at": started.isoformat(), "ended_at": (started + timedelta(1)).isoformat()}
    ).rows
    assert row.started_at == started


def test_a_large_manifest_is_quick() -> None:
    """Twenty thousand rows take well under two seconds of a processor, whatever else it does."""
    data = written(*(GOOD | {"file": f"{n}.wav", "external_id": str(n)} for n in range(20_000)))
    started = time.process_time()
    assert len(read_manifest(data, now=NOW).rows) == 20_000
    assert time.process_time() - started < 2

"""Rows from strangers: what a bad one costs, and that cutting the file changes nothing."""

import io
import itertools
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.intake.readers.base import SLICE_RECORDS, Sight, Told
from callward.intake.readers.rows import LONGEST_LINE, Dialect, Row, RowFile, rows, sample, text_of
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused
from tests.intake.reading import NOW, TOLD, read

BARE = Dialect(header=False)


def cut(data: bytes, dialect: Dialect = BARE) -> list[Row]:
    """All rows of a file."""
    return list(rows(io.BytesIO(data), 0, len(data), dialect))


def cells(data: bytes, dialect: Dialect = BARE) -> list[tuple[str, ...] | None]:
    """Their cells; None for one that cannot be read."""
    return [row.cells for row in cut(data, dialect)]


class Pairs(RowFile):
    """Rows of two cells, each a record; others are refused."""

    name: ClassVar[str] = "pairs"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})
    has_header: ClassVar[bool] = True

    def claims(self, sight: Sight) -> bool:
        """Everything."""
        return bool(sight)

    def dialect(self, head: bytes) -> Dialect:
        """With or without header."""
        return Dialect(header=self.has_header)

    def row(self, cells: tuple[str, ...], columns: tuple[str, ...], told: Told) -> Record | Refused:
        """A record of two cells."""
        if len(cells) != 2:
            raise Refusal(Reason.ROW_MALFORMED)
        return Record("call", "/".join(cells), told.now, NOW, {"raw": self.raw(cells, columns)})


class Headless(Pairs):
    """The same without header."""

    has_header: ClassVar[bool] = False


def ids(data: bytes, reader: Pairs | None = None) -> list[str]:
    """What is made of a file: external ids, and reasons of what was refused."""
    made = read(reader or Pairs(), data, TOLD)
    return [one.external_id if isinstance(one, Record) else one.reason.value for one in made]


class TestLines:
    """Where a line ends."""

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_every_line_end_is_understood(self, end: str) -> None:
        """LF, CR LF, CR alone; the last line may have none; blank ones are passed over."""
        assert cells(f"a,b{end}{end}c,d{end}  {end}e,f".encode()) == [
            ("a", "b"),
            ("c", "d"),
            ("e", "f"),
        ]

    def test_line_ends_may_be_mixed(self) -> None:
        """In one file, also a line that ends in CR before one that ends in LF."""
        assert cells(b"a,b\rc,d\ne,f\r\ng,h\ri\n") == [
            ("a", "b"),
            ("c", "d"),
            ("e", "f"),
            ("g", "h"),
            ("i",),
        ]

    def test_a_file_of_carriage_returns_larger_than_a_line_may_be(self) -> None:
        """Is read to its end, each row at its place."""
        data = b"".join(b"row%06d,x\r" % n for n in range(60_000))
        found = cut(data)
        assert [row.cells for row in found] == [(f"row{n:06}", "x") for n in range(60_000)]
        assert all(data[row.start : row.end].startswith(b"row") for row in found)

    def test_a_cell_may_hold_line_ends(self) -> None:
        """In quotes, of any kind, kept as they are."""
        assert cells(b'"a\nb\r\nc\rd",1\nx,2\n') == [("a\nb\r\nc\rd", "1"), ("x", "2")]

    def test_a_byte_order_mark_is_no_content(self) -> None:
        """At the start of the file only."""
        assert cells(b"\xef\xbb\xbfa,b\nc,d\n") == [("a", "b"), ("c", "d")]

    def test_a_long_line_costs_itself(self) -> None:
        """Ten megabytes, whole and in one piece; its neighbours are read."""
        long = b"x," * 5_000_000
        found = cut(b"a,b\n" + long + b"\nc,d\n")
        assert [row.cells for row in found] == [("a", "b"), None, ("c", "d")]
        assert found[1].line.encode() == long + b"\n"

    def test_a_line_beyond_all_bounds_refuses_the_file(self) -> None:
        """Which is kept whole, so nothing is lost."""
        with pytest.raises(Refusal) as refusal:
            cut(b"a,b\n" + b"x" * (LONGEST_LINE + 300_000) + b"\nc,d\n")
        assert refusal.value.reason is Reason.TOO_LARGE


class TestBadRows:
    """What cannot be read costs itself."""

    def test_a_quote_that_never_closes_costs_its_line(self) -> None:
        """And not the lines it would swallow."""
        assert cells(b'a,b\n"c,d\ne,f\ng,h\n') == [("a", "b"), None, ("e", "f"), ("g", "h")]

    def test_a_quote_that_closes_wrongly_costs_its_line(self) -> None:
        """Text after the closing quote."""
        assert cells(b'a,b\n"c"x,d\ne,f\n') == [("a", "b"), None, ("e", "f")]

    def test_nul_and_too_many_cells(self) -> None:
        """Neither is a row."""
        assert cells(b"a,b\nc\0,d\n" + b"," * 1200 + b"\ne,f\n") == [
            ("a", "b"),
            None,
            None,
            ("e", "f"),
        ]

    def test_what_cannot_be_read_is_kept(self) -> None:
        """Every byte of it, as text."""
        assert cut(b'a,b\n"c,\xe9\x81\n')[1].line == '"c,\u00e9\x81\n'

    def test_a_loose_dialect_cuts_what_is_no_csv(self) -> None:
        """Between quotes, or at every delimiter, where the format's writer is careless."""
        line = b'"a ""b" c>","d", "e"\nx,y\n'
        assert cells(line) == [None, ("x", "y")]
        quoted = Dialect(header=False, loose="quoted")
        assert cells(line, quoted) == [('a ""b" c>', "d", "e"), ("x", "y")]
        plain = Dialect(header=False, loose="plain")
        assert cells(b'"Al" Smith,1\n"x,2\n', plain) == [('"Al" Smith', "1"), ('"x', "2")]


class TestText:
    """Encodings, a line at a time."""

    def test_utf_8_else_windows_1252(self) -> None:
        """And no byte is lost, not even those Windows leaves empty."""
        assert text_of("£5 é".encode()) == "£5 é"
        assert text_of("£5 € é".encode("cp1252")) == "£5 € é"
        assert text_of(bytes(range(0x80, 0x100))) == "".join(
            bytes([n]).decode("cp1252" if n not in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "latin-1")
            for n in range(0x80, 0x100)
        )

    def test_a_line_of_another_encoding_does_not_change_its_neighbours(self) -> None:
        """Each is taken for itself."""
        assert cells("é,1\n".encode() + "é,2\n".encode("cp1252")) == [("é", "1"), ("é", "2")]

    def test_wide_text_is_refused_as_what_it_is(self) -> None:
        """UTF-16 cannot be cut by bytes; the file is refused, not each of its lines."""
        with pytest.raises(Refusal) as refusal:
            read(Pairs(), "a,b\n1,2\n".encode("utf-16"))
        assert refusal.value.reason is Reason.ENCODING


def test_a_sample_is_of_text_and_of_few_rows() -> None:
    """What is mostly control characters is not looked at as rows."""
    assert sample(b"a,b\n" * 99, BARE) == [("a", "b")] * 20
    assert sample(b"RIFF\0\0\x01\x02" * 99, BARE) == []
    assert sample(b"a,b\n" + b"x" * (LONGEST_LINE + 300_000), BARE) == []


class TestRowFile:
    """Files of rows."""

    def test_a_header_names_the_cells_and_strays_are_numbered(self) -> None:
        """Two columns of a name, or none, lose nothing."""
        raw = Pairs().raw(("1", "2", "3", "4"), ("a", "a", ""))
        assert raw == {"a": "1", "+2": "2", "+3": "3", "+4": "4"}

    def test_a_bad_first_row_costs_a_headless_file_nothing_more(self) -> None:
        """With a header it is the header that is bad."""
        data = b'"a,b\nc,d\n'
        assert ids(data, Headless()) == ["row-malformed", "c/d"]
        with pytest.raises(Refusal):
            ids(data)

    def test_empty_files(self) -> None:
        """Are refused; one with nothing but a header makes nothing."""
        for data in (b"", b"\n\n", b"\xef\xbb\xbf"):
            with pytest.raises(Refusal) as refusal:
                ids(data)
            assert refusal.value.reason is Reason.EMPTY
        assert ids(b"a,b\n") == []

    def test_formulae_are_data(self) -> None:
        """Kept as they were delivered."""
        made = read(Pairs(), b"a,b\n=cmd|' /C calc'!A0,@SUM(1)\n")
        assert isinstance(made[0], Record)
        assert made[0].document == {"raw": {"a": "=cmd|' /C calc'!A0", "b": "@SUM(1)"}}

    def test_slices_hold_so_many_rows(self) -> None:
        """And together the whole file, in order."""
        data = b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(SLICE_RECORDS * 2 + 1))
        parts = list(Pairs().slices(io.BytesIO(data), len(data)))
        assert [part.records for part in parts] == [SLICE_RECORDS, SLICE_RECORDS, 1]
        assert (parts[0].start, parts[-1].end) == (4, len(data))
        assert ids(data) == [f"{n}/x" for n in range(SLICE_RECORDS * 2 + 1)]


_pieces = st.sampled_from(
    [b"a,b", b"\n", b"\r\n", b"\r", b'"', b'""', b",", b"\0", b"\xff", b"\xef\xbb\xbf", b"x" * 40]
)


@given(st.lists(_pieces, max_size=30).map(b"".join))
@settings(deadline=None, max_examples=200)
def test_rows_cover_the_file_and_a_slice_is_read_as_in_the_whole(data: bytes) -> None:
    """Rows follow each other; from any row's start the rest of the file is read alike."""
    found = cut(data)
    assert all(one.start < one.end <= two.start for one, two in itertools.pairwise(found))
    between = [0, *(place for row in found for place in (row.start, row.end)), len(data)]
    gaps = [data[a:b] for a, b in zip(between[::2], between[1::2], strict=True)]
    assert not b"".join(gaps).removeprefix(b"\xef\xbb\xbf").strip()
    for n, row in enumerate(found):
        alone = list(rows(io.BytesIO(data), row.start, row.end, BARE))
        assert alone == [row]
        assert list(rows(io.BytesIO(data), row.start, len(data), BARE)) == found[n:]
    if b"\0" not in data:
        assert sample(data, BARE, 99) == [row.cells for row in found if row.cells is not None]


_line = st.text(st.characters(codec="utf-8", exclude_characters='\r\n\0",'), min_size=1).map(
    lambda text: f"x{text},y\n"
)


@given(
    st.lists(st.one_of(_line, st.sampled_from(['"open,y\n', '"a"b,y\n', "n\0,y\n"])), max_size=9)
)
@settings(deadline=None, max_examples=100)
def test_as_many_come_out_as_lines_went_in(lines: list[str]) -> None:
    """Each line is a record or is refused, whatever its neighbours are."""
    made = ids("".join(["a,b\n", *lines]).encode())
    good = [line.startswith("x") for line in lines]
    assert [one != "row-malformed" for one in made] == good

"""Telephone systems' files broken in every place: nothing escapes, nothing is lost."""

import io
import itertools
import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.intake.readers.base import Slice
from callward.intake.readers.registry import READERS, reader_for
from callward.intake.readers.rows import Dialect, RowFile, rows
from callward.intake.reasons import Reason
from tests.intake.readers.telephony import EXAMPLE, FILES, JSON_CDR, MASTER, THREE_CX, UNIQUE
from tests.intake.reading import TOLD, dumped, read, sight, tried, twisted

ROWS = {
    "asterisk-cdr": f"{MASTER},{UNIQUE}".encode(),
    "freeswitch-csv": EXAMPLE.encode(),
    "3cx-cdr": THREE_CX.encode(),
}
_bits = st.one_of(
    st.binary(max_size=6), st.sampled_from([b"", b'"', b"\n", b"\r", b"\0", b"<", b","])
)
_edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), _bits), min_size=1, max_size=4)
_line = st.binary(min_size=1, max_size=30).filter(
    lambda line: bool(line.strip()) and not set(line) & set(b'\r\n"') and line[:1] != b"\xef"
)


def edited(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """The file with bytes replaced, taken out or put in."""
    for place, length, new in edits:
        at = int(place * len(data))
        data = data[:at] + new + data[at + length :]
    return data


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_sample_is_valid_and_claimed_by_its_reader_alone(name: str) -> None:
    """What the others of this page break is whole at first."""
    found = reader_for(sight(FILES[name]))
    assert found is READERS[name]
    assert [one.name for one in READERS.values() if one.claims(sight(FILES[name]))] == [name]
    made = tried(found, FILES[name])
    assert isinstance(made, list)
    assert not any(hasattr(one, "reason") for one in made)


@pytest.mark.parametrize("name", sorted(FILES))
@given(data=st.binary(max_size=200))
@settings(deadline=None, max_examples=60)
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    """Are refused, or make something sound; alike each time."""
    assert tried(READERS[name], data) == tried(READERS[name], data)


@pytest.mark.parametrize("name", sorted(FILES))
@given(edits=_edits)
@settings(deadline=None, max_examples=120)
def test_a_valid_file_broken_somewhere(name: str, edits: list[tuple[float, int, bytes]]) -> None:
    """Is refused, or its records are; whatever is made is sound, and as much as was read."""
    data = edited(FILES[name], edits)
    made = tried(READERS[name], data)
    reader = READERS[name]
    if isinstance(made, list) and isinstance(reader, RowFile):
        dialect = reader.dialect(data)
        found = list(rows(io.BytesIO(data), 0, len(data), dialect))
        assert len(made) == len(found) - dialect.header
        assert len(made) == sum(part.records for part in reader.slices(io.BytesIO(data), len(data)))


@pytest.mark.parametrize("name", sorted(ROWS))
@given(bad=st.lists(_line, max_size=6))
@settings(deadline=None, max_examples=60)
def test_bad_lines_cost_themselves(name: str, bad: list[bytes]) -> None:
    """Between two good ones: as many come out as lines went in, and the good ones are taken."""
    data = b"\n".join([ROWS[name], *bad, ROWS[name], b""])
    made = tried(READERS[name], data)
    assert isinstance(made, list)
    assert len(made) == len(bad) + 2
    assert not hasattr(made[0], "reason")
    assert not hasattr(made[-1], "reason")


@pytest.mark.parametrize("name", sorted(ROWS))
def test_many_bad_lines_at_the_beginning(name: str) -> None:
    """Cost themselves too, where a drop says whose file it is."""
    made = tried(READERS[name], b"begin\0\n" * 30 + b'"x\n' * 30 + ROWS[name])
    assert isinstance(made, list)
    assert [hasattr(one, "reason") for one in made] == [True] * 60 + [False]


@pytest.mark.parametrize("name", sorted(ROWS))
def test_slices_together_are_the_whole_file(name: str) -> None:
    """Cut after every line they are read as in one piece."""
    reader = READERS[name]
    data = (
        b"".join(
            one + end
            for one, end in [
                (ROWS[name], b"\n"),
                (b"bad", b"\r\n"),
                (ROWS[name], b"\r"),
                (b'"', b"\n"),
            ]
        )
        * 40
    )
    whole = read(reader, data)
    places = [
        0,
        *(row.end for row in rows(io.BytesIO(data), 0, len(data), reader_dialect(name, data))),
    ]
    single = [
        one
        for start, end in itertools.pairwise(places)
        for one in reader.read(io.BytesIO(data), Slice(start, end, 1), TOLD)
    ]
    assert single == whole
    assert len(whole) == 160


def reader_dialect(name: str, data: bytes) -> Dialect:
    """How the reader of this name takes a file to be written."""
    reader = READERS[name]
    assert isinstance(reader, RowFile)
    return reader.dialect(data)


def test_anything_may_stand_in_any_place_of_a_json_record() -> None:
    """Each member in turn is taken away or becomes something odd."""
    for value in twisted(JSON_CDR):
        made = tried(READERS["freeswitch-json"], dumped(value))
        assert isinstance(made, Reason) or made


@pytest.mark.parametrize(
    "make",
    [
        lambda n: b'"' * n,
        lambda n: b'"\n' * n,
        lambda n: b'"a\n' * n,
        lambda n: b"\r" * n,
        lambda n: b"," * n,
        lambda n: b"a,b\n" * n,
        lambda n: b"INSERT INTO " * n,
        lambda n: b") " * n,
        lambda n: b'["' + b'\\"' * n,
        lambda n: b"[" * n,
        lambda n: b"Event-Name: \n\n" * n,
        lambda n: (FILES["freeswitch-csv"] + b'"' * 3 + b"\n") * (n // 500),
    ],
    ids=range(12),
)
@pytest.mark.parametrize("name", sorted(FILES))
def test_nothing_takes_long(name: str, make: Callable[[int], bytes]) -> None:
    """However much of one thing there is."""
    begun = time.monotonic()
    tried(READERS[name], make(40_000))
    assert time.monotonic() - begun < 5


def test_formulae_in_any_cell_are_data() -> None:
    """Spreadsheets would compute them; here they are kept as they are."""
    for name, line in ROWS.items():
        text = line.decode().replace("Pat Example", "=cmd|'/C calc'!A0")
        made = tried(READERS[name], text.encode())
        assert isinstance(made, list)
        assert "=cmd|'/C calc'!A0" in json.dumps([getattr(one, "document", None) for one in made])

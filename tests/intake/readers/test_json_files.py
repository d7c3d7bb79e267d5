"""Files of JSON records: every arrangement, and whatever is wrong with them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.intake.readers import jsonfile
from callward.intake.readers.amazon_connect import AmazonConnect
from callward.intake.readers.base import Reader
from callward.intake.readers.genesys import GenesysCloud
from callward.intake.readers.jsonl import CallwardRecords
from callward.intake.readers.registry import READERS, reader_for
from callward.intake.readers.shape import paths
from callward.intake.readers.twilio import Twilio
from callward.intake.reasons import Reason
from callward.intake.records import Record, Refused
from tests.intake.readers.cloud import (
    CALL,
    CONTACT,
    CONVERSATION,
    MESSAGE,
    PLATFORM,
    RECORDING,
    TRANSCRIPTION,
)
from tests.intake.reading import ODD, dumped, read, real, sight, tried, twisted

NOTE: dict[str, Any] = {
    "kind": "note",
    "external_id": "n1",
    "started_at": "2026-11-20T10:00:00Z",
    "ended_at": "2026-11-20T10:00:00Z",
    "direction": "none",
    "people": [{"role": "agent", "text": "j.agent"}],
    "texts": [{"text": "Called back.", "from": "j.agent", "at": "2026-11-20T10:00:00Z"}],
    "attachments": [{"name": "a.txt", "media_type": "text/plain", "data": "aGVsbG8="}],
    "revision": "2026-11-20T10:01:00Z",
    "conversation": "c1",
}
SAMPLES: list[tuple[Reader, dict[str, Any]]] = [
    (AmazonConnect(), CONTACT),
    (GenesysCloud(), CONVERSATION),
    (GenesysCloud(), PLATFORM),
    (Twilio(), CALL),
    (Twilio(), RECORDING),
    (Twilio(), MESSAGE),
    (Twilio(), TRANSCRIPTION),
    (CallwardRecords(), NOTE),
]
each = pytest.mark.parametrize(
    ("reader", "sample"), SAMPLES, ids=[f"{r.name}-{n}" for n, (r, _) in enumerate(SAMPLES)]
)


@each
@pytest.mark.parametrize(
    "arranged",
    [
        json.dumps,
        lambda all_: json.dumps(all_, indent=2),
        lambda all_: "\ufeff" + json.dumps(all_),
        lambda all_: "".join(json.dumps(one, separators=(",", ":")) for one in all_),
        lambda all_: "".join(json.dumps(one, indent=1) for one in all_),
        lambda all_: "\n".join(json.dumps(one) for one in all_),
        lambda all_: "\n\n".join(json.dumps(one) for one in all_) + "\n",
        lambda all_: "\r\n".join(json.dumps(one, ensure_ascii=False) for one in all_) + "\r\n",
        lambda all_: ",\n".join(json.dumps(one) for one in all_),
    ],
)
def test_every_arrangement_holds_the_same_records(
    reader: Reader, sample: dict[str, Any], arranged: Any
) -> None:
    """A list, lines, or objects one behind the other: as many records, the same ones."""
    made = tried(reader, arranged([sample, sample, sample]).encode())
    assert isinstance(made, list)
    assert made == [read(reader, dumped(sample))[0]] * 3
    assert isinstance(made[0], Record)


@each
def test_utf16_is_read(reader: Reader, sample: dict[str, Any]) -> None:
    """With its mark, as some exports have it."""
    assert read(reader, json.dumps(sample).encode("utf-16")) == read(reader, dumped(sample))


@each
def test_wrong_types_at_every_place(reader: Reader, sample: dict[str, Any]) -> None:
    """Whatever stands anywhere: one object in, one sound record or refusal out."""
    for changed in twisted(sample):
        made = tried(reader, dumped([changed]))
        assert isinstance(made, list)
        assert len(made) == 1


@each
def test_neighbours_of_a_bad_record(reader: Reader, sample: dict[str, Any]) -> None:
    """Each thing in a list that is no record is refused by itself."""
    listed = [thing for odd in ODD for thing in (odd, sample)]
    made = tried(reader, dumped(listed))
    assert isinstance(made, list)
    assert [isinstance(one, Record) for one in made] == [False, True] * len(ODD)


@each
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_bytes_get_past_the_error_tree(
    reader: Reader, sample: dict[str, Any], data: st.DataObject
) -> None:
    """A valid file with something spliced in is read or refused; nothing else ever escapes."""
    whole = b"\n".join([dumped(sample)] * 3)
    at = data.draw(st.integers(0, len(whole)))
    noise = data.draw(st.binary(max_size=12))
    gone = data.draw(st.integers(0, 40))
    made = tried(reader, whole[:at] + noise + whole[at + gone :])
    assert isinstance(made, Reason) or sum(isinstance(one, Record) for one in made) >= 1


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300))
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    """No reader of these falls over anything."""
    tried(READERS[name], data)


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*CONTACT, *CONVERSATION, *CALL, *MESSAGE, *NOTE]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@each
@settings(max_examples=40, deadline=None)
@given(value=st.dictionaries(st.text(max_size=8), _json, max_size=3) | _json)
def test_arbitrary_json(reader: Reader, sample: dict[str, Any], value: Any) -> None:
    """Our names with anything under them, beside a good record."""
    mixed = {**sample, **value} if isinstance(value, dict) else value
    made = tried(reader, dumped(mixed))
    assert isinstance(made, Reason) or len(made) <= 10


def test_a_broken_line_costs_itself() -> None:
    """In JSON Lines, first or in the middle."""
    good = dumped(NOTE)
    for bad, reason in (
        (b'{"kind": "note"', Reason.RECORD_MALFORMED),
        (b'{"a": 1, "a": 2}', Reason.RECORD_MALFORMED),
        (b'{"a": NaN}', Reason.RECORD_MALFORMED),
        (b'{"a": 1e999}', Reason.RECORD_MALFORMED),
        (b'{"a": ' + b"9" * 401 + b"}", Reason.RECORD_MALFORMED),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", Reason.TOO_DEEP),
        (b'{"a": "\xff\xfe"}', Reason.ENCODING),
    ):
        for at in (0, 1):
            listed = [good, good]
            listed.insert(at, bad)
            made = read(CallwardRecords(), b"\n".join(listed))
            assert [one.reason if isinstance(one, Refused) else None for one in made] == [
                reason if n == at else None for n in range(3)
            ]
            assert isinstance(made[at], Refused)


def test_half_a_character_costs_nothing() -> None:
    """An emoji cut in two by somebody's limit on length is replaced, not refused."""
    cut = dumped({**NOTE, "texts": [{"text": "ok \ud83d"}]})
    (made,) = read(CallwardRecords(), cut)
    assert isinstance(made, Record)
    assert made.document["texts"] == [{"text": "ok \ufffd"}]


def test_lines_are_cut_into_slices() -> None:
    """Slices hold whole lines and lose none, however long the lines are."""
    notes = [{**NOTE, "external_id": f"n{n}"} for n in range(1201)]
    data = b"\n".join(dumped(note) for note in notes)
    assert [
        one.external_id for one in read(CallwardRecords(), data) if isinstance(one, Record)
    ] == [f"n{n}" for n in range(1201)]
    big = b"\n".join(dumped({**NOTE, "x": "y" * 3_000_000}) for _ in range(3))
    assert len(read(CallwardRecords(), big)) == 3


def test_a_line_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused without its content, and the next line is read."""
    monkeypatch.setattr(jsonfile, "MOST_LINE", 1000)
    long = dumped({**NOTE, "x": "y" * 5000})
    made = read(CallwardRecords(), b"\n".join([dumped(NOTE), long, dumped(NOTE)]))
    assert [type(one) for one in made] == [Record, Refused, Record]
    assert isinstance(made[1], Refused)
    assert made[1].reason is Reason.TOO_LARGE


def test_a_stream_broken_in_the_middle() -> None:
    """Of objects one behind the other, what is whole before and after the break is taken."""
    one = json.dumps(CONTACT, separators=(",", ":"))
    made = read(AmazonConnect(), f"{one}{one}{one[:50]}\n{one}".encode())
    assert [type(record) for record in made] == [Record, Record, Refused, Record]


def test_a_stream_of_nothing_but_breaks_ends() -> None:
    """Thousands of broken pieces are refused without looking at each from each."""
    made = read(AmazonConnect(), dumped(CONTACT) + b"[1,\n" * 20_000)
    assert isinstance(made[0], Record)
    assert 2 <= len(made) <= 101


def test_what_is_no_json_is_refused_as_a_whole() -> None:
    """Nothing is made of it."""
    for data, reason in (
        (b"# heading\n", Reason.FILE_MALFORMED),
        (b"{", Reason.FILE_MALFORMED),
        (b"[1, 2", Reason.FILE_MALFORMED),
        (b'{"a": 1', Reason.FILE_MALFORMED),
        (b"[" * 5000, Reason.TOO_DEEP),
        (b'{"a": "\xff"}', Reason.ENCODING),
        (b"", Reason.EMPTY),
    ):
        assert tried(AmazonConnect(), data) is reason


@each
def test_each_is_claimed_by_its_own_reader(reader: Reader, sample: dict[str, Any]) -> None:
    """By content alone, alone or in a list, also where the head stops in the middle."""
    whole = dumped([sample] * 400)
    for data in (dumped(sample), json.dumps(sample, indent=1).encode(), whole):
        found = reader_for(sight(data))
        assert found is not None
        assert found.name == reader.name


def test_paths_see_through_lists_and_stop_anywhere() -> None:
    """Names of the first levels, of a head cut at every byte."""
    data = dumped({"a": [{"b": {"c": 1}, "d": ","}], "e": "x:{"})
    assert paths(data) == {"a", "a.b", "a.b.c", "a.d", "e"}
    assert all(paths(data[:n]) <= paths(data) for n in range(len(data)))
    assert paths(b"") == paths(b'"a": 1') == paths(b"]]{") == frozenset()
    assert paths(b"[" * 10_000) == frozenset()


def test_claims_over_real_files() -> None:
    """Of all call records and conversations, each reader claims its own and no other."""
    owned = {"genesys": "genesys-cloud"}
    ours = {"amazon-connect", "genesys-cloud", "twilio", "callward-records", "mapped"}
    for folder in ("3_cdr", "5_conversations"):
        for path in sorted(real(folder).rglob("*")):
            if not path.is_file():
                continue
            data = path.read_bytes()
            claimed = {name for name in ours if READERS[name].claims(sight(data, path.name))}
            assert claimed <= {owned.get(path.parent.name, "")}, path.name
            assert bool(claimed) == (path.parent.name in owned)

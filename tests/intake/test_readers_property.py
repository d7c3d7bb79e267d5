"""No reader is surprised: whatever a file holds, it is records, refusals, or Refusal.

Every registered reader is given arbitrary bytes, and every sample of its format with
bytes taken out, put in, replaced, cut off, and with values of the wrong kind.
"""

import copy
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from callward.instructions.mapping import ColumnMapping
from callward.intake.categories import KINDS
from callward.intake.readers.base import HEAD_BYTES, Sight, Slice, Told
from callward.intake.readers.registry import MANIFEST, READERS, reader_for
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import ROLES, Part, Person, Record, Refused
from tests.night.deliveries import MAPPINGS, Sample, samples
from tests.support import NOW

SAMPLES = samples(NOW)
CASES = [(name, sample) for name in READERS for sample in SAMPLES[name]]
LABELS = [f"{name}-{sample.mapping}".strip("-") for name, sample in CASES]
MOST_DEPTH = 20
ANY = st.sampled_from
QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1e308, 0.5, "", " ", "\0", "x" * 300, "\ud800"),
    *([], {}, [[]], [None], {"a": {}}, "9999-12-31T23:59:59Z", "0001-01-01", "24:00", "NaN"),
)
"""Values of which one is wrong nearly everywhere."""
BITS = (b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\n", b"\r", b",", b"{", b"]", b"\\u0000")


def _told(mapping: str) -> Told:
    body: Mapping[str, Any] | None = None
    if mapping:
        body = ColumnMapping.model_validate(MAPPINGS[mapping]).model_dump(by_alias=True)
    return Told(NOW, ZoneInfo("Europe/London"), mapping=body)


def _read(name: str, data: bytes, told: Told) -> tuple[list[Slice], list[Any], Reason | None]:
    """The slices, all that was read, and why the file as a whole was refused, if it was."""
    reader, file = READERS[name], io.BytesIO(data)
    slices: list[Slice] = []
    found: list[Any] = []
    try:
        slices = list(reader.slices(file, len(data)))
        for one in slices:
            found += list(reader.read(file, one, told))
    except Refusal as refusal:
        return slices, found, refusal.reason
    return slices, found, None


def _check(name: str, data: bytes, told: Told) -> None:
    slices, found, reason = _read(name, data, told)
    assert (slices, found, reason) == _read(name, data, told), "read again it is something else"
    _check_slices(slices, len(data))
    for one in found:
        _check_record(name, one)
    sight = Sight("a file", data[:HEAD_BYTES], len(data))
    assert READERS[name].claims(sight) in {True, False}
    assert reader_for(sight) in {None, *READERS.values()}


def _check_slices(slices: Sequence[Slice], size: int) -> None:
    """Each begins where the one before ends, and the last one at the file's end."""
    for before, after in itertools.pairwise(slices):
        assert before.end == after.start
    for one in slices:
        assert 0 <= one.start < one.end <= size
        assert one.records > 0
    assert not slices or slices[-1].end == size


def _check_record(name: str, one: Record | Refused) -> None:
    if isinstance(one, Refused):
        assert isinstance(one.reason, Reason)
        assert one.kind in {"", *KINDS}
        json.dumps(one.raw, allow_nan=False)
        return
    assert isinstance(one, Record)
    assert one.kind in READERS[name].kinds
    assert isinstance(one.external_id, str)
    assert one.external_id
    assert one.started_at.utcoffset() == one.ended_at.utcoffset() == timedelta()
    assert one.started_at <= one.ended_at
    assert one.revision is None or one.revision.utcoffset() == timedelta()
    assert one.direction in {"inbound", "outbound", "internal", "none"}
    assert all(type(person) is Person and person.role in ROLES for person in one.people)
    assert all(person.text for person in one.people)
    assert all(type(part) is Part and type(part.data) is bytes for part in one.parts)
    assert all(isinstance(why, Reason) for why in one.without)
    assert isinstance(one.conversation, str)
    assert isinstance(one.of, str)
    assert not one.active or one.kind == "agent-account"
    document = json.loads(json.dumps(one.document, allow_nan=False))
    assert set(document) >= {"raw"}
    for said in document.get("texts", []):
        assert isinstance(said["text"], str)


def test_every_reader_has_a_sample() -> None:
    """Else what is below would not be of all of them."""
    assert set(SAMPLES) == set(READERS) - {MANIFEST}


@pytest.mark.parametrize(("name", "sample"), CASES, ids=LABELS)
def test_a_sample_is_read_whole(name: str, sample: Sample) -> None:
    """What the tests begin from is good: its records are taken, and it is known by content."""
    for file, data in sample.files.items():
        slices, found, reason = _read(name, data, _told(sample.mapping))
        assert (reason, [one for one in found if isinstance(one, Refused)]) == (None, [])
        assert {one.kind for one in found} == sample.kinds
        assert slices
        _check(name, data, _told(sample.mapping))
        reader = reader_for(Sight(file, data[:HEAD_BYTES], len(data)))
        assert sample.mapping or (reader is not None and reader.name == name)


@pytest.mark.parametrize("name", READERS)
@QUICK
@given(data=st.binary(max_size=300))
@example(data=b"")
@example(data=b"\xff\xfe{\0")
@example(data=b"[" * 5000)
@example(data=b'{"a":' * 5000)
@example(data=b"\0" * 100)
@example(data=b'"' * 999)
def test_arbitrary_bytes_are_no_surprise(name: str, data: bytes) -> None:
    """Nothing but Refusal comes out of a reader."""
    mapping = SAMPLES[name][0].mapping
    _check(name, data, _told(mapping))


@pytest.mark.parametrize(("name", "sample"), CASES, ids=LABELS)
@QUICK
@given(data=st.data())
def test_a_damaged_file_is_no_surprise(name: str, sample: Sample, data: st.DataObject) -> None:
    """Bytes taken out, put in, replaced, written twice and cut off, in any place."""
    content = data.draw(ANY(sorted(sample.files.values())))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 60)))
        bits = data.draw(
            st.one_of(ANY(BITS), st.binary(max_size=8), st.just(content[start:end] * 2))
        )
        content = content[:start] + bits + content[end:]
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    _check(name, content, _told(sample.mapping))


JSON_CASES = [
    (name, sample)
    for name, sample in CASES
    if all(data.lstrip()[:1] in {b"{", b"["} for data in sample.files.values())
]


@pytest.mark.parametrize(
    ("name", "sample"), JSON_CASES, ids=[f"{name}-{s.mapping}".strip("-") for name, s in JSON_CASES]
)
@QUICK
@given(data=st.data())
def test_a_value_of_the_wrong_kind_is_no_surprise(
    name: str, sample: Sample, data: st.DataObject
) -> None:
    """Anything in the place of anything, or a member that is gone."""
    lines = [
        json.loads(line)
        for content in sample.files.values()
        for line in (content.splitlines() if name == "callward-records" else [content])
    ]
    whole = {"": data.draw(ANY(lines))}
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(ANY(list(_places(whole))))
        if data.draw(st.booleans()):
            holder[key] = copy.deepcopy(data.draw(ANY(ODD)))
        elif isinstance(holder, dict) and holder is not whole:
            del holder[key]
    _check(name, json.dumps(whole[""]).encode(), _told(sample.mapping))


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Every member and item, with what holds it."""
    inner = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, one in inner:
        yield value, key
        if isinstance(one, dict | list) and depth < MOST_DEPTH:
            yield from _places(one, depth + 1)

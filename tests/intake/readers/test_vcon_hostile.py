"""vCons made to break a reader: nothing escapes, nothing takes long, nothing is lost."""

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.intake.readers.vcon import VconReader
from callward.intake.reasons import Reason
from callward.intake.records import Record
from tests.intake.readers.vcons import OTHER, UUID, VERSIONS, b64, call, recorded, signed, thread
from tests.intake.reading import dumped, read, sight, tried, twisted

READER = VconReader()
SECONDS = 5.0
WHOLE = call() | {
    "group": [{"uuid": OTHER, "encoding": "json", "body": thread({})}],
    "amended": {"uuid": OTHER},
    "critical": [],
}
KEYED = recorded(
    party_history=[{"party": 0, "time": "x", "event": "keydown", "button": "4"}],
    application="phone",
    content_hash=["sha256-", "x"],
)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
names = st.sampled_from(
    ["vcon", "uuid", "parties", "dialog", "analysis", "attachments", "type", "start", "body"]
) | st.sampled_from(["encoding", "payload", "signatures", "protected", "header", "x5c", "group"])
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(names | st.text(), inner), max_leaves=30
)


@given(st.binary())
@settings(deadline=None, max_examples=150)
def test_arbitrary_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    """Twice alike."""
    assert tried(READER, data) == tried(READER, data)


@given(values)
@settings(deadline=None, max_examples=120)
def test_arbitrary_json_with_the_right_names_is_taken_or_refused(value: Any) -> None:
    """Whatever stands where."""
    tried(READER, dumped(value))


@pytest.mark.parametrize(
    "value", [WHOLE, KEYED, thread({}, {"message_id": "<a@b>"}), call("0.0.1")], ids=range(4)
)
def test_anything_may_stand_in_any_place(value: dict[str, Any]) -> None:
    """Each member in turn is taken away or becomes something odd; all of it in one file."""
    twists = list(twisted(value))
    chosen = random.Random(4).sample(twists, min(len(twists), 400))
    for one in chosen:
        assert tried(READER, dumped(one)) not in (None, [])


def test_anything_may_stand_in_any_place_of_a_signature() -> None:
    """The same of the signed form."""
    for one in twisted(signed(thread({}))):
        tried(READER, dumped(one))


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_bytes_that_went_wrong_on_the_way_are_contained(data: st.DataObject) -> None:
    """Of one vCon, of a list of them, of lines of them, of a signed one."""
    whole = data.draw(
        st.sampled_from(
            [
                dumped(thread({})),
                dumped([call(), thread({})]),
                dumped(call()) + b"\n" + dumped(thread({})),
                dumped(signed(thread({}))),
            ]
        )
    )
    at = data.draw(st.integers(0, len(whole)))
    gone = data.draw(st.integers(0, 40))
    broken = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + gone :]
    assert tried(READER, broken) == tried(READER, broken)


@pytest.mark.parametrize("version", VERSIONS)
def test_reading_twice_gives_the_same(version: str | None) -> None:
    """What is made depends on nothing but the bytes."""

    def made() -> list[Any]:
        found = read(READER, dumped([call(version), thread({})]))
        return [(one.kind, one.external_id, one.people) for one in found if isinstance(one, Record)]

    assert made() == made()


BOMBS: dict[str, tuple[bytes, Reason]] = {
    "depth": (b'{"parties":' * 50_000, Reason.TOO_DEEP),
    "depth of lists": (b"[" * 1_000_000, Reason.TOO_DEEP),
    "parties": (dumped(thread({}, parties=[{"tel": "1"}] * 100_000)), Reason.TOO_LARGE),
    "dialogs": (dumped(thread({}, dialog=[{}] * 100_000)), Reason.TOO_LARGE),
    "parties of a dialog": (dumped(thread({"parties": [0] * 100_000})), Reason.TOO_LARGE),
    "hashes": (
        dumped(thread({}, attachments=[{"body": "x", "content_hash": ["x"] * 100_000}])),
        Reason.TOO_LARGE,
    ),
    "signatures": (dumped({"payload": "e30", "signatures": [{}] * 100_000}), Reason.TOO_LARGE),
    "turns": (
        dumped(thread({}, analysis=[{"type": "transcript", "body": [{"text": "x"}] * 100_001}])),
        Reason.TOO_LARGE,
    ),
    "quotes": (b'{"vcon":"' + b'\\"' * 2_000_000, Reason.FILE_MALFORMED),
    "digits": (b'{"uuid":' + b"9" * 5_000_000 + b"}", Reason.FILE_MALFORMED),
    "media type": (
        dumped(recorded(mediatype="a/b" + " " * 3_000_000 + "!")),
        Reason.RECORD_MALFORMED,
    ),
    "time": (dumped(recorded(start="2" * 3_000_000)), Reason.TIME_MALFORMED),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_at_once(name: str) -> None:
    """In seconds of a processor, whatever else it has to do."""
    data, reason = BOMBS[name]
    began = time.process_time()
    READER.claims(sight(data))
    made = tried(READER, data)
    assert time.process_time() - began < SECONDS
    reasons = [made] if isinstance(made, Reason) else [getattr(one, "reason", None) for one in made]
    assert reason in reasons


def test_a_long_recording_inline_takes_no_long() -> None:
    """Eight megabytes of it, plain and signed."""
    value = recorded(body="A" * (8 * 1024 * 1024), content_hash=None)
    files = [dumped(value), dumped(signed(value))]
    began = time.process_time()
    for data in files:
        assert [one.kind for one in read(READER, data)] == ["call", "recording", "transcript"]
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    "head", [b'{"a\\' * 16_000, b'{"payload":"' + b"A" * 70_000, b"[{" * 32_000]
)
def test_looking_at_a_file_takes_no_long(head: bytes) -> None:
    """However its beginning is made."""
    began = time.process_time()
    READER.claims(sight(head))
    assert time.process_time() - began < 1


def test_names_of_files_and_ids_are_what_they_are() -> None:
    """Path tricks, formulae and control marks are data here; nothing is opened by a name."""
    for name in ("../../etc/passwd", "=1+1", "a\0b", "C:\\x"):
        made = read(READER, dumped(recorded(filename=name)))
        assert isinstance(made[1], Record)
        assert made[1].parts[0].name == name
        assert made[1].external_id == f"{UUID}/dialog/0"


def test_inline_content_of_every_kind_may_be_empty() -> None:
    """An empty body is none."""
    value = thread({"body": ""}, attachments=[{"body": ""}], analysis=[{"type": "x", "body": ""}])
    (made,) = read(READER, dumped(value))
    assert isinstance(made, Record)
    assert "texts" not in made.document
    assert made.parts == ()


def test_a_bad_attachment_or_message_is_refused_alone() -> None:
    """With all that is left of it."""
    bad = {"encoding": "base64url", "body": "!", "mediatype": "image/png"}
    made = read(READER, dumped(thread({}, bad, attachments=[bad, {"body": "good"}])))
    assert [getattr(one, "reason", None) for one in made] == [
        None,
        Reason.MEDIA_UNREADABLE,
        Reason.MEDIA_UNREADABLE,
    ]
    assert isinstance(made[0], Record)
    assert made[0].parts[0].data == b"good"
    assert json.dumps(made[0].document).count("!") == 0
    assert b64(b"") == ""

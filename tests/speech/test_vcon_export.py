"""A transcript as a vCon: held against schemas, and read back by our own reader."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from uuid import RFC_4122

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from callward.intake.readers.base import HEAD_BYTES
from callward.intake.readers.registry import reader_for
from callward.intake.readers.vcon import VconReader
from callward.intake.records import TEXTS, Record
from callward.speech.engine import Word
from callward.speech.export.document import document
from callward.speech.export.vcon import Source, to_vcon, vcon_uuid
from callward.speech.merge import Turn
from callward.speech.transcript import Transcript
from tests.intake.reading import read, real, require_sound, sight
from tests.speech.said import TRANSCRIPT, transcripts

STARTED = datetime(2026, 11, 19, 9, 30, 0, 250_000, tzinfo=UTC)
SOURCE = Source("0123456789abcdef" * 2, datetime(2026, 11, 20, 1, 0, tzinfo=UTC), STARTED, 2)
Change = Callable[[dict[str, Any]], object]


@cache
def _schema() -> Draft202012Validator:
    schema = json.loads((Path(__file__).parent / "vcon-0.4.0.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _exported(transcript: Transcript = TRANSCRIPT, source: Source = SOURCE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_vcon(transcript, source))
    return found


def _spoken(*speakers: str) -> Transcript:
    turns = tuple(Turn(one, (Word("x", n, n + 1, 1.0),)) for n, one in enumerate(speakers))
    return Transcript("e", "en-GB", 100.0, turns)


def test_a_vcon() -> None:
    """All of it but the transcript itself, which is our document."""
    found = _exported()
    assert found.pop("analysis") == [
        {
            "type": "transcript",
            "dialog": 0,
            "mediatype": "application/json",
            "vendor": "callward",
            "product": "sphinx-5.1",
            "schema": "callward-transcript/1",
            "encoding": "json",
            "body": document(TRANSCRIPT),
        }
    ]
    assert found == {
        "vcon": "0.4.0",
        "uuid": str(vcon_uuid(SOURCE.transcript_id)),
        "created_at": "2026-11-20T01:00:00.000+00:00",
        "redacted": {"type": "media"},
        "parties": [
            {"name": "channel-1", "validation": "none"},
            {"name": "channel-2", "validation": "none"},
        ],
        "dialog": [
            {
                "type": "recording",
                "start": "2026-11-19T09:30:00.250+00:00",
                "duration": 3700.5,
                "parties": [0, 1],
            }
        ],
        "attachments": [],
    }


@given(transcripts())
def test_every_export_is_valid(transcript: Transcript) -> None:
    """By the schema made from the draft, whatever was said by whoever."""
    data = to_vcon(transcript, SOURCE)
    assert data == to_vcon(transcript, SOURCE)
    _schema().validate(json.loads(data))


_WRONG: dict[str, Change] = {
    "no moment of creation": lambda it: it.pop("created_at"),
    "a moment without an offset": lambda it: it.update(created_at="2026-11-20T01:00:00"),
    "another syntax": lambda it: it.update(vcon="0.5.0"),
    "a name that is not the draft's": lambda it: it.update(redacted_from=it.pop("redacted")),
    "redacted and amended": lambda it: it.update(amended={}),
    "a recording without content, not redacted": lambda it: it.pop("redacted"),
    "redacted of what": lambda it: it["redacted"].pop("type"),
    "content of an incomplete dialog": lambda it: it["dialog"][0].update(
        type="incomplete", disposition="failed", body="x", encoding="none", mediatype="text/plain"
    ),
    "incomplete, and no reason": lambda it: it["dialog"][0].update(type="incomplete"),
    "inline and no media type": lambda it: it["dialog"][0].update(body="", encoding="none"),
    "a length that is none": lambda it: it["dialog"][0].update(duration="long"),
    "a party before the first": lambda it: it["dialog"][0].update(parties=[-1]),
    "nobody's analysis": lambda it: it["analysis"][0].pop("vendor"),
    "a body in no encoding": lambda it: it["analysis"][0].pop("encoding"),
    "an object as text": lambda it: it["analysis"][0].update(encoding="none"),
    "the old media type": lambda it: it["analysis"][0].update(mimetype="application/json"),
}


@pytest.mark.parametrize("what", _WRONG)
def test_the_schema_refuses(what: str) -> None:
    """What the draft does not allow, so that passing it says something."""
    found = copy.deepcopy(_exported())
    _WRONG[what](found)
    assert not _schema().is_valid(found)


def test_the_schema_takes_the_drafts_own_examples() -> None:
    """But for what the draft has come to ask for, or to leave out, since they were made."""
    flaws = {
        "'created_at' is a required property",
        "Additional properties are not allowed ('group' was unexpected)",
        "'type' is a required property",  # of an empty "redacted"
    }
    unsigned = [
        path
        for path in real("3_cdr", "vcon", "ietf_core").glob("ab_*.vcon")
        if not path.stem.endswith(("_signed", "_encrypted"))
    ]
    assert len(unsigned) == 7
    for path in unsigned:
        errors = _schema().iter_errors(json.loads(path.read_text()))
        assert {error.message for error in errors} <= flaws, path.name


def test_the_published_schema_of_the_first_version() -> None:
    """It refuses nothing but what 0.4.0 has changed since 0.0.1."""
    schema = json.loads(real("3_cdr", "vcon", "vcon-0.0.1.schema.json").read_text())
    errors = list(validator_for(schema)(schema).iter_errors(_exported()))
    assert {(*error.absolute_path, error.validator) for error in errors} == {
        ("vcon", "const"),
        ("required",),
        ("analysis", 0, "not"),  # "schema", as it is called since
    }
    missing = sorted(error.message.split("'")[1] for error in errors if not error.absolute_path)
    assert missing == ["appended", "group"]


def test_the_published_schema_of_this_version() -> None:
    """The working group's ``vcon_json_schema.json``, where somebody has put it."""
    schema = json.loads(real("3_cdr", "vcon", "vcon-0.4.0.schema.json").read_text())
    validator_for(schema)(schema).validate(_exported())


def test_the_uuid_is_the_transcripts() -> None:
    """Version 8, always alike for one transcript, another for another."""
    one, other = vcon_uuid("a" * 32), vcon_uuid("b" * 32)
    assert (one.version, one.variant) == (8, RFC_4122)
    assert one == vcon_uuid("a" * 32)
    assert one != other
    assert str(one) == "ffedb2cd-8442-8106-8abf-a7970da93e77"


@pytest.mark.parametrize(
    ("spoke", "channels", "parties"),
    [
        (("channel-1",), 2, ["channel-1", "channel-2"]),
        ((), 1, ["channel-1"]),
        ((), 0, []),
        (("channel-2", "channel-1"), 0, ["channel-1", "channel-2"]),
        (("channel-10", "channel-2"), 0, ["channel-2", "channel-10"]),
        (("speaker-b", "speaker-a"), 1, ["speaker-a", "speaker-b"]),
    ],
)
def test_parties(spoke: tuple[str, ...], channels: int, parties: list[str]) -> None:
    """One a channel, silent or not; where the engine told speakers apart, those."""
    found = _exported(_spoken(*spoke), Source("a" * 32, STARTED, STARTED, channels))
    assert [one["name"] for one in found["parties"]] == parties
    assert found["dialog"][0]["parties"] == list(range(len(parties)))


def test_moments_are_in_utc() -> None:
    """Whatever offset they are handed in with."""
    summer = timezone(timedelta(hours=1))
    source = Source("a" * 32, STARTED.astimezone(summer), STARTED.astimezone(summer), 1)
    assert _exported(source=source)["dialog"][0]["start"] == "2026-11-19T09:30:00.250+00:00"


def test_our_reader_takes_it() -> None:
    """As a call without its recording, and its transcript with the same words."""
    data = to_vcon(TRANSCRIPT, SOURCE)
    reader = reader_for(sight(data))
    assert isinstance(reader, VconReader)
    call, transcript = read(reader, data)
    assert isinstance(call, Record)
    assert isinstance(transcript, Record)
    require_sound(transcript, reader)
    assert (call.kind, call.without, call.parts) == ("call", (), ())
    assert transcript.kind == "transcript"
    assert transcript.started_at == STARTED
    assert transcript.ended_at == STARTED + timedelta(seconds=TRANSCRIPT.seconds)
    assert transcript.document[TEXTS] == [
        {
            "text": turn.text,
            "from": turn.speaker,
            "at": (STARTED + timedelta(seconds=turn.start)).isoformat(),
        }
        for turn in TRANSCRIPT.turns
    ]


def test_a_long_one_is_known_by_its_beginning() -> None:
    """Before its words, which are longer than what a reader looks at."""
    data = to_vcon(_spoken(*["channel-1"] * 2000), SOURCE)
    assert len(data) > 2 * HEAD_BYTES
    assert isinstance(reader_for(sight(data)), VconReader)

"""Callward's own form of records: every example in the documentation, and what is refused."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from callward.instructions.mapping import Columns
from callward.intake.categories import KINDS
from callward.intake.readers.jsonl import CallwardRecords
from callward.intake.readers.registry import reader_for
from callward.intake.reasons import Reason
from callward.intake.records import Part, Record, Refused
from tests.intake.reading import dumped, one, parties, read, require_sound, sight, why

PAGE = (Path(__file__).parents[3] / "docs" / "records.md").read_text()
EXAMPLES = PAGE.partition("```jsonl\n")[2].partition("```")[0]
SMS: dict[str, Any] = {
    "kind": "sms",
    "external_id": "s1",
    "started_at": "2026-11-20T10:00:00+00:00",
    "direction": "inbound",
    "people": [{"role": "sender", "text": "+447700900123"}],
    "texts": [{"text": "Hello"}],
    "campaign": {"name": "spring"},
}
ACCOUNT = {"kind": "agent-account", "external_id": "a1", "started_at": "2025-01-01T00:00:00Z"}


def test_the_documentation_has_an_example_of_each_kind() -> None:
    """And every one of them is taken, found by content."""
    found = reader_for(sight(EXAMPLES.encode()))
    assert found is not None
    assert found.name == "callward-records"
    records = read(found, EXAMPLES.encode())
    for record in records:
        assert isinstance(record, Record)
        assert not record.without
        require_sound(record, found)
    kinds = {record.kind for record in records}
    assert kinds == {kind for kind, category in KINDS.items() if not category.media}


def test_the_documentation_has_every_column_of_a_mapping() -> None:
    """By the name that the file gives it."""
    table = PAGE.partition("| column |")[2].partition("\n\n")[0]
    for name, field in Columns.model_fields.items():
        assert f"`{field.alias or name}`" in table


def test_fields_by_name() -> None:
    """Each member is the field; what is not known is kept."""
    record = one(
        CallwardRecords(), {**SMS, "revision": "2026-11-20T11:00:00Z", "conversation": "c"}
    )
    assert (record.kind, record.external_id, record.direction) == ("sms", "s1", "inbound")
    assert record.started_at == record.ended_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert record.revision == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert record.conversation == "c"
    assert parties(record) == {("sender", "+447700900123")}
    assert record.document["texts"] == SMS["texts"]
    assert record.document["raw"]["campaign"] == {"name": "spring"}


def test_attachments() -> None:
    """Content of its own leaves the document; what is no base64 stays, and is said."""
    data = base64.encodebytes(b"\0content" * 20).decode()
    record = one(
        CallwardRecords(),
        {
            **SMS,
            "attachments": [
                {"name": "a.bin", "media_type": "application/x", "data": data},
                {"name": "b.bin", "data": "***"},
                {"name": "c.bin"},
            ],
        },
    )
    assert record.parts == (Part("attachment", b"\0content" * 20, "application/x", "a.bin"),)
    assert record.without == (Reason.MEDIA_UNREADABLE,)
    assert record.document["raw"]["attachments"] == [
        {"name": "a.bin", "media_type": "application/x"},
        {"name": "b.bin", "data": "***"},
        {"name": "c.bin"},
    ]


def test_agent_accounts() -> None:
    """In use without an end; left with one; nothing in between."""
    left = "2026-01-05T00:00:00Z"
    assert one(CallwardRecords(), ACCOUNT).active
    assert not one(CallwardRecords(), {**ACCOUNT, "ended_at": left}).active
    assert not one(CallwardRecords(), {**ACCOUNT, "active": False, "ended_at": left}).active
    for changes in ({"active": False}, {"active": True, "ended_at": left}, {"active": "yes"}):
        assert why(CallwardRecords(), {**ACCOUNT, **changes}) is Reason.RECORD_MALFORMED
    assert why(CallwardRecords(), {**SMS, "active": True}) is Reason.RECORD_MALFORMED


@pytest.mark.parametrize("kind", ["agent-account", "contact", "technical"])
def test_credentials_are_refused_and_not_kept(kind: str) -> None:
    """At any depth, also where the record is refused for something else, or cannot be read."""
    bad = {**ACCOUNT, "kind": kind, "sip": {"password": "hunter2", "user": "a"}}
    lines = [
        json.dumps(bad),
        json.dumps({**bad, "external_id": None}),
        json.dumps({**bad, "kind": "robot"}),
        json.dumps(bad)[:-2],
    ]
    found = read(CallwardRecords(), "\n".join(lines).encode())
    assert [one.reason for one in found if isinstance(one, Refused)] == [
        Reason.CREDENTIALS,
        Reason.CREDENTIALS,
        Reason.UNSUPPORTED_KIND,
        Reason.RECORD_MALFORMED,
    ]
    assert isinstance(found[0], Refused)
    assert found[0].raw["sip"] == {"user": "a"}
    assert "hunter2" not in repr([one.raw for one in found if isinstance(one, Refused)])


def test_what_a_chat_calls_a_token_is_none() -> None:
    """Outside accounts, contacts and technical data such names mean anything."""
    assert one(CallwardRecords(), {**SMS, "token": "SPRING10"}).document["raw"]["token"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "recording"}, Reason.UNSUPPORTED_KIND),
        ({"kind": None}, Reason.UNSUPPORTED_KIND),
        ({"external_id": " "}, Reason.RECORD_MALFORMED),
        ({"started_at": None}, Reason.TIME_MALFORMED),
        ({"started_at": True}, Reason.TIME_MALFORMED),
        ({"started_at": "2036-01-01T00:00:00Z"}, Reason.FUTURE_START),
        ({"ended_at": "2026-01-01T00:00:00Z"}, Reason.ENDED_BEFORE_START),
        ({"direction": "in"}, Reason.UNSUPPORTED_DIRECTION),
        ({"people": [{"role": "boss", "text": "x"}]}, Reason.RECORD_MALFORMED),
        ({"people": ["x"]}, Reason.RECORD_MALFORMED),
        ({"texts": "Hello"}, Reason.RECORD_MALFORMED),
        ({"texts": [{"text": 1}]}, Reason.RECORD_MALFORMED),
        ({"attachments": "x"}, Reason.RECORD_MALFORMED),
        ({"kind": "transcript"}, Reason.RECORD_MALFORMED),
    ],
)
def test_what_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    """Each for its own reason, with all there is of it, under its kind."""
    assert why(CallwardRecords(), {**SMS, **changes}) is reason
    (made,) = read(CallwardRecords(), dumped({**SMS, **changes}))
    assert isinstance(made, Refused)
    assert made.raw == {**SMS, **changes}

"""When records are due that were refused, and agents' accounts that come and go."""

import json
from datetime import timedelta
from typing import Any

import pytest

from callward.catalogue import tables as t
from callward.instructions.classes import class_of
from callward.intake.judging import unread_classes
from callward.intake.marker import MARKER
from tests.intake.support import Desk, totals
from tests.intake.test_records import YESTERDAY, drop, kept, record
from tests.support import NOW

ATTACHED = [{"name": "a.txt", "media_type": "", "data": "aGk="}]
SOON = NOW.date() + timedelta(days=45)


def account(**members: Any) -> dict[str, Any]:
    """An agent's account in use, without a word for how new it is."""
    return record("a", "agent-account", **{"ended_at": None, "texts": None, **members})


def left(**members: Any) -> dict[str, Any]:
    """The same account, left."""
    return account(active=False, ended_at=NOW.isoformat(), **members)


def test_a_refused_record_with_a_recording_is_kept_as_long_as_one(desk: Desk) -> None:
    """The audio is in what is kept of it: 45 days, and not three years (N10)."""
    folder = drop(desk, [])
    (folder / "records.jsonl").unlink()
    conversation = {
        "vcon": "0.0.2",
        "uuid": "018e0b0b-0000-8000-8000-000000000001",
        "created_at": YESTERDAY.isoformat(),
        "parties": [{"tel": "+447700900123"}],
        "critical": ["nobody-knows"],
        "dialog": [
            {
                "type": "recording",
                "start": YESTERDAY.isoformat(),
                "parties": 0,
                "mediatype": "audio/x-wav",
                "body": "QUJDREVG",
                "encoding": "base64url",
            }
        ],
    }
    (folder / "a.vcon").write_text(json.dumps(conversation))
    (folder / MARKER).write_text("{}")
    assert totals(desk.take_in()) == (1, 0, 0, 1)
    (one,) = desk.rows(t.objects)
    assert (one["kind"], one["state"]) == ("record", "quarantined")
    assert (one["retention_class"], one["due_day"]) == ("recordings", SOON)


def test_a_refused_file_is_kept_as_short_as_anything_in_it_may_be(desk: Desk) -> None:
    """Of a format nobody knows, or of a reader's that may hold recordings: as a recording."""
    folder = drop(desk, [record("m", started_at="never"), "{ not json"])
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (folder / MARKER).write_text("{}")
    assert totals(desk.take_in()) == (3, 0, 0, 3)
    found = sorted((one["retention_class"], one["due_day"]) for one in desk.rows(t.objects))
    assert [name for name, _ in found] == ["messages", "recordings", "recordings"]
    assert found[1:] == [("recordings", SOON)] * 2


@pytest.mark.parametrize(
    ("source", "kind", "classes"),
    [
        ("asterisk-cdr", "record", {class_of("call")}),
        ("vcon", "voicemail", {"voicemail"}),
        ("vcon", "sms", {"messages"}),
        ("vcon", "record", {"recordings", "voicemail", "messages", "interactions"}),
        ("mapped", "agent-account", {"recordings"}),
    ],
)
def test_what_could_not_be_read_may_be(source: str, kind: str, classes: set[str]) -> None:
    """What its kind is, or its reader's kinds are; never of the class that is due at once."""
    assert set(unread_classes(source, kind)) == classes


def test_an_account_that_is_back_in_use_is_not_due(desk: Desk) -> None:
    """The later delivered wins, also word for word what was there before it was left."""
    for number, (one, due) in enumerate(
        [
            (account(), None),
            (left(), NOW.date()),
            (account(), None),
            (left(), NOW.date()),
            (account(texts=[{"text": "back again"}], ended_at=None), None),
        ]
    ):
        drop(desk, [one], f"d{number}")
        report = desk.take_in()
        assert report.failures == []
        assert totals(report) == (1, 1, 0, 0)
        assert {each["due_day"] for each in kept(desk)} == {due}
        assert len(kept(desk, superseded_at=None)) == 1
    (current,) = kept(desk, superseded_at=None)
    assert b"back again" in desk.open(current["id"])
    drop(desk, [account(texts=[{"text": "back again"}], ended_at=None)], "again")
    assert totals(desk.take_in()) == (1, 0, 1, 0)


def test_coming_and_going_in_one_drop(desk: Desk) -> None:
    """The last line is what holds."""
    drop(desk, [account(), left(), account()])
    assert totals(desk.take_in()) == (3, 3, 0, 0)
    assert [one["due_day"] for one in kept(desk)] == [None] * 3
    assert len(kept(desk, superseded_at=None)) == 1


def test_what_came_with_an_account_is_due_with_it(desk: Desk) -> None:
    """Not while it is in use; and then with it."""
    drop(desk, [account(attachments=ATTACHED)])
    desk.take_in()
    assert [one["due_day"] for one in kept(desk)] == [None, None]
    drop(desk, [left()], "left")
    desk.take_in()
    assert sorted(one["kind"] for one in kept(desk, due_day=NOW.date())) == [
        "agent-account",
        "agent-account",
        "attachment",
    ]

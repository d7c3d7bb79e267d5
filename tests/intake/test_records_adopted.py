"""Transcripts made elsewhere and the versions of their recording."""

import json
from datetime import date, timedelta
from typing import Any

from callward.intake.marker import MARKER
from tests.intake.readers.vcons import UUID, b64, recorded
from tests.intake.support import Desk
from tests.intake.test_records import YESTERDAY, drop, kept, record
from tests.support import NOW, Call, tone


def recording(desk: Desk, name: str, days: int, revised: int) -> None:
    """Take in a version of a recording that ended so many days ago, of so late a revision."""
    at = (NOW - timedelta(days=days)).isoformat()
    sound = recorded(
        start=at, duration=0.5, body=b64(tone(pitch=400 + days)), content_hash=None, filename=name
    )
    told = (NOW - timedelta(days=40 - revised)).isoformat()
    folder = desk.landing / name
    folder.mkdir(parents=True)
    whole = {**sound, "analysis": [], "attachments": [], "updated_at": told}
    (folder / "calls.json").write_text(json.dumps([whole]))
    (folder / MARKER).write_text("{}")
    report = desk.take_in()
    assert report.failures == []
    assert report.total("ingested") == 2


def took(desk: Desk, one: dict[str, Any], name: str) -> None:
    """Deliver a record and take it in."""
    drop(desk, [one], name)
    report = desk.take_in()
    assert report.failures == []
    assert report.total("ingested") == 1


def due(days: int) -> date:
    """When a recording that ended so many days ago is due."""
    return NOW.date() + timedelta(days=45 - days)


def test_an_older_version_of_a_transcript_follows_the_recording_too(desk: Desk) -> None:
    """It comes after the newer one, and none of them outlives the recording (rule 6)."""
    desk.deliver([Call("r", age=3)], drop="calls")
    desk.take_in()
    took(desk, record("t", "transcript", revision=NOW.isoformat()), "new")
    older = record("t", "transcript", texts=[{"text": "o"}], revision=YESTERDAY.isoformat())
    took(desk, older, "old")
    (media,) = kept(desk, kind="recording")
    transcripts = kept(desk, kind="transcript")
    assert [one["parent_id"] for one in transcripts] == [media["id"]] * 2
    assert [one["due_day"] for one in transcripts] == [media["due_day"]] * 2


def test_a_newer_version_of_a_recording_takes_the_transcript_over(desk: Desk) -> None:
    """It would go with the old version while the new one is kept (N4)."""
    recording(desk, "first", 20, revised=1)
    took(desk, record("t", "transcript", of=f"{UUID}/dialog/0"), "words")
    (transcript,) = kept(desk, kind="transcript")
    assert transcript["due_day"] == due(20)
    recording(desk, "second", 3, revised=3)
    (newest,) = kept(desk, kind="recording", superseded_at=None)
    (transcript,) = kept(desk, kind="transcript")
    assert (transcript["parent_id"], transcript["due_day"]) == (newest["id"], due(3))
    recording(desk, "late", 10, revised=2)
    assert kept(desk, kind="transcript") == [transcript]
    assert len(kept(desk, kind="recording")) == 3

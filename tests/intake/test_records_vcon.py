"""vCons from a drop to the catalogue: the call, its recording and its transcript, tied."""

import json

from callward.catalogue import tables as t
from callward.intake.marker import MARKER
from tests.intake.readers.vcons import OTHER, UUID, b64, call, recorded, signed, thread
from tests.intake.support import Desk, totals
from tests.support import tone


def drop(desk: Desk, values: list[object], name: str = "d") -> None:
    """Deliver a file of vCons, found by what is in it."""
    folder = desk.landing / name
    folder.mkdir(parents=True)
    (folder / "calls.json").write_text(json.dumps(values))
    (folder / MARKER).write_text("{}")


def spoken() -> dict[str, object]:
    """A call with two seconds of sound in it."""
    return recorded(body=b64(tone(2.0)), duration=2, content_hash=None)


def test_a_signed_call_arrives_in_all_its_parts(desk: Desk) -> None:
    """Sound, details, attachment and transcript; the transcript is due with the sound."""
    drop(desk, [signed(spoken())])
    report = desk.take_in()
    assert report.failures == []
    assert totals(report) == (3, 3, 0, 0)
    live = [one for one in desk.rows(t.objects) if one["state"] == "live"]
    assert {"call", "recording", "transcript", "attachment"} <= {one["kind"] for one in live}
    (sound,) = [one for one in live if one["kind"] == "recording"]
    assert desk.open(sound["id"]) == tone(2.0)
    (words,) = [one for one in live if one["kind"] == "transcript"]
    assert (words["parent_id"], words["due_day"]) == (sound["id"], sound["due_day"])
    assert len({one["conversation"] for one in desk.rows(t.interactions)}) == 1


def test_the_same_again_changes_nothing_and_a_later_version_wins(desk: Desk) -> None:
    """By ``updated_at``."""
    drop(desk, [call("0.0.1", dialog=[], analysis=[], attachments=[])])
    desk.take_in()
    drop(desk, [call("0.0.1", dialog=[], analysis=[], attachments=[])], "again")
    assert totals(desk.take_in()) == (1, 0, 1, 0)
    later = call(dialog=[], analysis=[], attachments=[], updated_at="2026-05-05T00:00:00Z")
    drop(desk, [later], "later")
    assert totals(desk.take_in()) == (1, 1, 0, 0)


def test_one_bad_vcon_costs_its_neighbours_nothing(desk: Desk) -> None:
    """Each is refused for its reason, and nothing of it is lost."""
    good = {**thread({}), "uuid": OTHER}
    touched = {**signed(call()), "payload": b64(json.dumps(call(subject="x")).encode())}
    drop(desk, [good, touched, call(critical=["x"]), recorded(body="!")])
    report = desk.take_in()
    assert report.failures == []
    assert sorted(one["reason"] for one in desk.rows(t.quarantine)) == [
        "extension-unknown",
        "media-unreadable",
        "signature-invalid",
    ]
    assert totals(report) == (6, 3, 0, 3)
    held = [one for one in desk.rows(t.objects) if one["state"] == "quarantined"]
    assert sum(UUID.encode() in desk.open(one["id"]) for one in held) == 2

"""Records of every category, from a drop to the catalogue: in, versioned, refused, resumed."""

import base64
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.catalogue import tables as t
from callward.errors import GateFailedError
from callward.intake.categories import KINDS
from callward.intake.marker import MARKER
from callward.intake.quarantine import release
from callward.intake.readers.base import SLICE_RECORDS
from callward.run import StageReport
from callward.workers import WorkerFailure
from tests.intake.support import Desk, totals
from tests.support import NOW, Call, PassingGates, run_stage, tone

YESTERDAY = NOW - timedelta(days=1)
WRITTEN = sorted(kind for kind, category in KINDS.items() if not category.media)


def record(external_id: str, kind: str = "sms", **members: Any) -> dict[str, Any]:
    """One record in our own form, of the day before."""
    made = {
        "kind": kind,
        "external_id": external_id,
        "started_at": YESTERDAY.isoformat(),
        "ended_at": YESTERDAY.isoformat(),
        "direction": "inbound",
        "people": [{"role": "sender", "text": "07700 900123"}],
        "texts": [{"text": f"about {external_id}"}],
        **members,
    }
    if kind == "transcript":
        made.setdefault("of", "r")
    return {name: value for name, value in made.items() if value is not None}


def drop(
    desk: Desk, records: Sequence[Mapping[str, Any] | str], name: str = "d", **said: str
) -> Path:
    """Deliver a file of records; its folder."""
    folder = desk.landing / name
    folder.mkdir(parents=True, exist_ok=True)
    lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")
    (folder / MARKER).write_text(json.dumps({"source": "callward-records", **said}))
    return folder


def kept(desk: Desk, **where: Any) -> list[dict[str, Any]]:
    """Objects that are live, those that have these values."""
    return [
        one
        for one in desk.rows(t.objects)
        if one["state"] == "live" and all(one[name] == value for name, value in where.items())
    ]


def check_opens(desk: Desk) -> None:
    """Whatever is kept opens, and lies where the catalogue says."""
    for one in desk.rows(t.objects):
        assert len(desk.open(one["id"])) == one["size"]
    with desk.instance.unit() as connection:
        query = sa.select(t.objects.c.store_key).where(
            t.objects.c.store_key.is_not(None), t.objects.c.controller == desk.controller
        )
        assert set(connection.scalars(query)) <= desk.stored()


def test_every_category_that_is_no_audio(desk: Desk) -> None:
    """Each kind is an object of its class, opens again, and leaves nothing in the landing zone."""
    folder = drop(desk, [record(f"x-{kind}", kind) for kind in WRITTEN])
    report = desk.take_in()
    assert report.failures == []
    assert totals(report) == (len(WRITTEN), len(WRITTEN), 0, 0)
    found = {one["kind"]: one for one in kept(desk)}
    assert sorted(found) == WRITTEN
    for kind, one in found.items():
        assert one["retention_class"] == KINDS[kind].retention_class
        document = json.loads(desk.open(one["id"]))
        assert (document["kind"], document["raw"]["external_id"]) == (kind, f"x-{kind}")
    assert not folder.exists()
    assert [one["state"] for one in desk.rows(t.drops)] == ["complete"]


def test_card_numbers_are_masked_before_anything_is_sealed(desk: Desk) -> None:
    """In what was written, in a field nobody knows, in an attachment: counted, not kept."""
    card = "4111 1111 1111 1111"
    data = base64.b64encode(f"card {card}".encode()).decode()
    said = {"name": "a.txt", "media_type": "text/plain", "data": data}
    texts = [{"text": f"my card is {card}"}]
    drop(desk, [record("m", "email", texts=texts, memo=card, attachments=[said])])
    assert desk.take_in().total("masked") >= 3
    found = [desk.open(one["id"]).decode() for one in kept(desk)]
    assert len(found) == 2
    assert not [text for text in found if card in text]
    assert all("4111 11" in text for text in found)


def test_an_attachment_that_is_audio_is_known_as_such(desk: Desk) -> None:
    """What it is, is found out, so that it can be listened to for card numbers."""
    media = base64.b64encode(tone()).decode()
    said = {"name": "voice.wav", "media_type": "application/octet-stream", "data": media}
    drop(desk, [record("m", "email", attachments=[said, {**said, "data": "aGVsbG8="}])])
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    facts = [one["facts"] for one in kept(desk, kind="attachment")]
    assert sorted(one is None for one in facts) == [False, True]


def test_the_same_again_changes_nothing(desk: Desk) -> None:
    """A second delivery is all duplicates; objects, keys and people stay as they are."""
    records = [record(f"s-{number}") for number in range(5)]
    drop(desk, records)
    desk.take_in()
    tables = (t.objects, t.object_keys, t.payloads, t.interactions, t.people)
    before = [desk.rows(table) for table in tables]
    drop(desk, [*records, records[0]], "again")
    assert totals(desk.take_in()) == (6, 0, 6, 0)
    assert [desk.rows(table) for table in tables] == before


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("together", [True, False], ids=["one-drop", "many"])
def test_the_newest_version_wins(
    desk: Desk,
    order: Sequence[int],
    together: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Whatever order they come in; the earlier ones are kept, and known for what they are."""
    records = [
        record(
            "v",
            texts=[{"text": f"version {number}"}],
            revision=(YESTERDAY + timedelta(minutes=number)).isoformat(),
        )
        for number in range(3)
    ]
    chosen = [records[number] for number in order]
    for number, some in enumerate([chosen] if together else [[one] for one in chosen]):
        drop(desk, some, f"d{number}")
        assert desk.take_in().failures == []
    (current,) = kept(desk, superseded_at=None)
    assert b"version 2" in desk.open(current["id"])
    assert len(kept(desk)) == 3
    assert len(desk.rows(t.interactions)) == 1
    drop(desk, records, "again")
    assert totals(desk.take_in()) == (3, 0, 3, 0)


def test_an_account_is_due_when_it_has_been_left(desk: Desk) -> None:
    """All its versions then, and not before; also one that comes too late."""
    used = record("a", "agent-account", ended_at=None, texts=None)
    older = record("a", "agent-account", ended_at=None, texts=[{"text": "trainee"}])
    drop(desk, [used | {"revision": YESTERDAY.isoformat()}])
    desk.take_in()
    assert [one["due_day"] for one in kept(desk)] == [None]
    left = record("a", "agent-account", active=False, texts=None, revision=NOW.isoformat())
    drop(desk, [left], "left")
    desk.take_in()
    drop(desk, [older | {"revision": (YESTERDAY - timedelta(days=1)).isoformat()}], "older")
    assert desk.take_in().failures == []
    assert [one["due_day"] for one in kept(desk)] == [YESTERDAY.date()] * 3


@pytest.mark.parametrize("first", ["recording", "transcript"])
def test_a_transcript_made_elsewhere_follows_its_recording(desk: Desk, first: str) -> None:
    """Whichever comes first (rule 6); until then it is due as a recording of its day is."""
    deliveries: dict[str, Callable[[], object]] = {
        "recording": lambda: desk.deliver([Call("r", age=3)], drop="calls"),
        "transcript": lambda: drop(desk, [record("t", "transcript", of="r")]),
    }
    deliveries.pop(first)()
    desk.take_in()
    if first == "transcript":
        assert [one["due_day"] for one in kept(desk, kind="transcript")] == [
            YESTERDAY.date() + timedelta(days=45)
        ]
    deliveries.popitem()[1]()
    desk.take_in()
    (recording,), (transcript,) = kept(desk, kind="recording"), kept(desk, kind="transcript")
    assert transcript["parent_id"] == recording["id"]
    assert transcript["due_day"] == recording["due_day"]


def test_bad_records_cost_their_neighbours_nothing(desk: Desk) -> None:
    """Each is quarantined with its reason and what there is of it; in and out add up."""
    drop(
        desk,
        [
            record("good"),
            "{ not json",
            record("odd", "telepathy"),
            record("late", started_at="2031-01-01T00:00:00Z", ended_at=None),
            record("also good"),
        ],
    )
    report = desk.take_in()
    assert totals(report) == (5, 2, 0, 3)
    reasons = sorted(one["reason"] for one in desk.rows(t.quarantine))
    assert len(reasons) == 3
    assert {"unsupported-kind", "future-start"} < set(reasons)
    held = [one for one in desk.rows(t.objects) if one["state"] == "quarantined"]
    assert sum(b"telepathy" in desk.open(one["id"]) for one in held) == 1


def test_files_that_are_no_records(desk: Desk) -> None:
    """A picture, a link, a pipe, an empty file: each refused for its reason, none is lost."""
    folder = drop(desk, [record("good")])
    (folder / MARKER).write_text("{}")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (folder / "empty.csv").touch()
    (folder / "link.jsonl").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.jsonl")
    report = desk.take_in()
    assert report.failures == []
    assert totals(report) == (5, 1, 0, 4)
    assert sorted(one["reason"] for one in desk.rows(t.quarantine)) == [
        "empty",
        "not-recognised",
        "not-regular",
        "path-escape",
    ]
    assert not folder.exists()


def test_a_marker_that_cannot_be_read(desk: Desk) -> None:
    """The whole drop is refused, and kept."""
    folder = drop(desk, [record("a")])
    (folder / MARKER).write_text('{"source": "telepathy"}')
    assert totals(desk.take_in()) == (2, 0, 0, 2)
    assert {one["reason"] for one in desk.rows(t.quarantine)} == {"drop-unreadable"}
    assert not folder.exists()


def test_a_roster_that_cannot_be_read_is_not_kept(desk: Desk) -> None:
    """It was refused as a whole, and may hold passwords: those are never stored."""
    folder = drop(desk, [])
    (folder / MARKER).write_text("{}")
    (folder / "records.jsonl").write_text("login,Password,name\nj.agent,correct horse,Jo\n")
    assert totals(desk.take_in()) == (1, 0, 0, 1)
    (held,) = desk.rows(t.quarantine)
    assert (held["reason"], held["row_id"], held["media_id"]) == ("credentials", None, None)
    assert desk.rows(t.objects) == []
    assert not folder.exists()


def test_a_mapping_nobody_has_given(desk: Desk) -> None:
    """The file is kept until the controller says what its columns mean."""
    drop(desk, [record("a")], mapping="acorn-sms", source="mapped")
    assert totals(desk.take_in()) == (1, 0, 0, 1)
    assert [one["reason"] for one in desk.rows(t.quarantine)] == ["mapping-missing"]


def many(count: int) -> list[dict[str, Any]]:
    """Records for several slices."""
    return [record(f"s-{number:06d}") for number in range(count)]


def test_a_worker_that_dies_costs_one_record(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slice is halved until the one that breaks workers is alone."""
    drop(desk, many(8))
    real = desk.pool.map
    deadly = "s-000005"

    def dying(function: Any, items: Any, *, seconds_each: float) -> Any:
        for number, result in real(function, items, seconds_each=seconds_each):
            held = isinstance(result, tuple) and any(one.external_id == deadly for one in result)
            yield number, WorkerFailure("crashed") if held else result

    monkeypatch.setattr(desk.pool, "map", dying)
    report = desk.take_in()
    assert totals(report) == (8, 7, 0, 1)
    assert [one["reason"] for one in desk.rows(t.quarantine)] == ["decoder-crashed"]
    check_opens(desk)


class FailingSecond(PassingGates):
    """Lets the first batch of records through and stops the second."""

    def check(self, suite: str, frame: Any) -> Any:
        """As told."""
        earlier = sum(name == "records_exit" for name, _ in self.seen)
        self.stop = "records_exit" if suite == "records_exit" and earlier == 1 else ""
        return super().check(suite, frame)


def test_cut_short_between_slices_it_goes_on_where_it_was(desk: Desk) -> None:
    """What the first batch recorded is not read again, and counted once."""
    count = 2 * SLICE_RECORDS + 7
    drop(desk, many(count))
    small = desk.sized(1000, records_per_batch=SLICE_RECORDS)
    report = small.take_in(FailingSecond())
    assert [failure.partition("]")[0] for failure in report.failures] == [
        f"[{GateFailedError.code}"
    ]
    assert totals(report) == (SLICE_RECORDS, SLICE_RECORDS, 0, 0)
    (item,) = desk.rows(t.drop_items)
    assert (item["outcome"], item["reached"] > 0) == ("part", True)
    report = small.take_in()
    assert totals(report) == (count - SLICE_RECORDS, count - SLICE_RECORDS, 0, 0)
    assert len(kept(desk)) == count
    assert [one["outcome"] for one in desk.rows(t.drop_items)] == ["ingested"]


def test_a_file_changed_between_two_looks_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is recorded, nothing is lost, and the next night takes what is there then."""
    folder = drop(desk, many(3))
    real = desk.pool.map
    changed: list[bool] = []

    def changing(function: Any, items: Any, *, seconds_each: float) -> Any:
        if function.__name__ == "take_slice" and not changed:
            changed.append(True)
            with (folder / "records.jsonl").open("a") as file:
                file.write(json.dumps(record("more")) + "\n")
        yield from real(function, items, seconds_each=seconds_each)

    monkeypatch.setattr(desk.pool, "map", changing)
    report = desk.take_in()
    assert len(report.failures) > 0
    assert kept(desk) == []
    assert totals(desk.take_in()) == (4, 4, 0, 0)
    assert not folder.exists()


class Suspicious(PassingGates):
    """Refuses every record."""

    def check(self, suite: str, frame: Any) -> Any:
        """As told."""
        if suite == "records_exit":
            self.fail_rows = dict.fromkeys(frame["id"], "odd")
        return super().check(suite, frame)


def test_what_a_gate_refused_can_be_released(desk: Desk) -> None:
    """A person has looked at it: it is catalogued as it would have been."""
    drop(desk, [record("odd", attachments=[{"name": "a.txt", "media_type": "", "data": "aGk="}])])

    assert totals(desk.take_in(Suspicious())) == (1, 0, 0, 1)
    (held,) = desk.rows(t.quarantine)
    release(desk.instance, held["id"])
    assert sorted(one["kind"] for one in kept(desk)) == ["attachment", "sms"]
    assert len(desk.rows(t.people)) == 1
    drop(desk, [record("odd", attachments=[{"name": "a.txt", "media_type": "", "data": "aGk="}])])
    assert totals(desk.take_in()) == (1, 0, 1, 0)


def test_an_unknown_controllers_records_are_kept_and_not_catalogued(desk: Desk) -> None:
    """Who has not instructed us is nobody we act for."""
    stranger = desk.instance.settings.landing / f"stranger-{desk.controller}" / "d"
    stranger.mkdir(parents=True)
    (stranger / "r.jsonl").write_text(json.dumps(record("a")))
    (stranger / MARKER).write_text("{}")
    report: StageReport = run_stage(desk.instance, "ingest")
    assert report.total("quarantined:unknown-controller") == 1
    assert not stranger.exists()


def test_days_are_londons(desk: Desk) -> None:
    """A message of half past eleven at night UTC in summer is of the next day."""
    at = "2026-06-30T23:30:00Z"
    drop(desk, [record("s", started_at=at, ended_at=at)])
    desk.take_in()
    assert [one["anchor_day"] for one in kept(desk)] == [date(2026, 7, 1)]


_LINES = st.one_of(
    st.builds(
        lambda number, text: json.dumps(record(f"p-{number}", texts=[{"text": text}])),
        st.integers(0, 5),
        st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=8),
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=1, max_size=20),
    st.sampled_from(["{}", "[]", "null", '{"kind": "sms"}', '{"kind": "sms", "external_id": 1}']),
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(_LINES, min_size=1, max_size=8))
def test_counts_in_are_counts_out(desks: Callable[[], Desk], lines: list[str]) -> None:
    """Whatever the lines are; and a second time nothing new comes of them."""
    mine = desks()
    drop(mine, lines)
    first = mine.take_in()
    assert first.failures == []
    ids = {one["id"] for one in kept(mine)}
    drop(mine, lines, "again")
    again = mine.take_in()
    assert again.total("ingested") == 0
    assert again.total("files") == first.total("files")
    assert {one["id"] for one in kept(mine)} == ids
    mine.forget()

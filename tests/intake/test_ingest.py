"""What is delivered is taken in: sealed, catalogued, indexed, entered, and only then removed."""

import hashlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.catalogue import tables as t
from callward.catalogue.tables import metadata
from callward.instance import Instance
from callward.intake.manifest import CLOCK_TOLERANCE
from callward.intake.plan import SOURCE
from callward.intake.stage import reconcile
from callward.ledger import log
from tests.intake.support import Desk, assert_adds_up, lying, totals
from tests.support import (
    NOW,
    Call,
    PassingGates,
    deliver,
    instruct,
    new_instance,
    run_stage,
    tone,
    write_manifest,
)


def test_delivered_is_taken_in_whole(desk: Desk) -> None:
    """Content and row open as delivered, what is catalogued is right, the drop is gone."""
    calls = [Call("a"), Call("b", kind="voicemail", file="sub/folder/b.wav")]
    folder = desk.deliver(calls)

    report = desk.take_in()

    assert totals(report) == (2, 2, 0, 0)
    assert report.failures == []
    assert desk.recordings() == sorted(call.media for call in calls)
    assert not folder.exists()
    assert lying(desk.landing) == []
    desk.check()
    rows = {
        one["row"]["external_id"]: one
        for one in (
            desk.document(each["id"])
            for each in desk.rows(t.objects)
            if each["retention_class"] == "interactions"
        )
    }
    assert rows["a"] == {"drop": "drop-1", "name": "a.wav", "row": calls[0].cells(NOW)}
    assert rows["b"]["name"] == "sub/folder/b.wav"


def test_catalogue_says_what_was_said(desk: Desk) -> None:
    """Kind, times, direction, facts and due days are those of the call."""
    ended = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)  # 2 July in London
    row = {
        "started_at": (ended - timedelta(seconds=1)).isoformat(),
        "ended_at": "2026-07-02T01:30:00+02:00",
        "direction": "Outbound",
    }
    desk.deliver([Call("a", row=row)])

    desk.take_in()

    (interaction,) = desk.rows(t.interactions)
    assert (interaction["kind"], interaction["direction"]) == ("recording", "outbound")
    assert interaction["source"] == SOURCE
    assert interaction["ended_at"] == ended
    due = {one["kind"]: (one["anchor_day"], one["due_day"]) for one in desk.rows(t.objects)}
    assert due["recording"] == (date(2026, 7, 2), date(2026, 8, 16))
    assert due["details"] == (date(2026, 7, 2), date(2029, 7, 2))
    (facts,) = (one["facts"] for one in desk.rows(t.objects) if one["kind"] == "recording")
    assert (facts["codec"], facts["rate"], facts["channels"]) == ("pcm_s16le", 8000, 1)


def test_people_are_found_by_blind_index(desks: Callable[[], Desk]) -> None:
    """One number has one index however it is written, and another under another controller."""
    one, other = desks(), desks()
    one.deliver([Call("a", caller="07700 900123"), Call("b", caller="+44 7700 900123")])
    one.deliver([Call("c", caller="", called="", agent="")], drop="drop-2")
    other.deliver([Call("a", caller="07700 900123")])

    one.take_in()
    other.take_in()

    mine = [row["blind"] for row in one.rows(t.people) if row["role"] == "caller"]
    (theirs,) = (row["blind"] for row in other.rows(t.people) if row["role"] == "caller")
    assert len(mine) == 2
    assert len(set(mine)) == 1
    assert theirs not in mine
    assert len(one.rows(t.people)) == 6  # nobody is indexed who did not take part


def test_the_ledger_can_be_verified(desk: Desk) -> None:
    """Every leaf that ingest wrote is as it should be."""
    desk.deliver([Call("a"), Call("b", content=b"no audio")])
    desk.take_in()
    with desk.instance.unit() as connection:
        log.checkpoint(connection, desk.instance.signer, NOW)
        verified = log.verify(connection, [desk.instance.signer.verifier])
    assert verified.checkpoints >= 1


def test_a_drop_larger_than_a_batch(desk: Desk) -> None:
    """Batches cut through drops; each drop ends when its last item is recorded."""
    desk = desk.sized(2)
    desk.deliver([Call(name) for name in "abcde"])
    desk.deliver([Call(name) for name in "fg"], drop="drop-2")
    gates = PassingGates()

    report = desk.take_in(gates)

    assert totals(report) == (7, 7, 0, 0)
    assert [len(frame) for suite, frame in gates.seen if suite == "ingest_entry"] == [2, 2, 2, 1]
    assert lying(desk.landing) == []
    assert sorted(row["files"] for row in desk.rows(t.drops)) == [2, 5]
    desk.check()


def test_a_drop_waits_for_its_manifest(desk: Desk) -> None:
    """Without a manifest nothing is read or removed; with it the drop is taken in."""
    call = Call("a")
    folder = desk.landing / "drop-1"
    folder.mkdir(parents=True)
    (folder / call.name).write_bytes(call.media)

    assert desk.take_in().outcome == "NothingNew"
    assert lying(desk.landing) == ["drop-1", "drop-1/a.wav"]
    assert desk.rows(t.drops) == []

    write_manifest(folder, [call.cells(NOW)])
    assert totals(desk.take_in()) == (1, 1, 0, 0)


def test_an_empty_drop_is_completed(desk: Desk) -> None:
    """A manifest without rows is a delivery of nothing, and said to be."""
    folder = desk.deliver([])
    report = desk.take_in()
    assert totals(report) == (0, 0, 0, 0)
    assert report.failures == []
    assert not folder.exists()
    assert [row["state"] for row in desk.rows(t.drops)] == ["complete"]


def test_long_rows_are_kept(desk: Desk) -> None:
    """A row far above 64 KiB and an id of thousands of characters are sealed and opened."""
    extra = {f"column-{number}": "é" * 4000 for number in range(11)}
    cells = {**Call("x" * 4000, file="a.wav").cells(NOW), **extra}
    folder = desk.landing / "drop-1"
    folder.mkdir(parents=True)
    (folder / "a.wav").write_bytes(tone())
    cells["sha256"] = hashlib.sha256(tone()).hexdigest()
    lines = [",".join(cells), ",".join(cells.values())]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    assert totals(desk.take_in()) == (1, 1, 0, 0)

    (details,) = (one for one in desk.rows(t.objects) if one["kind"] == "details")
    assert details["size"] > 64 * 1024
    assert desk.document(details["id"])["row"] == cells
    desk.check()


def test_a_clock_slightly_ahead_is_believed(desk: Desk) -> None:
    """A call that ends within the tolerance after now is taken in."""
    ended = NOW + CLOCK_TOLERANCE
    desk.deliver([Call("a", row={"started_at": NOW.isoformat(), "ended_at": ended.isoformat()})])
    assert totals(desk.take_in()) == (1, 1, 0, 0)


@pytest.mark.parametrize("suite", ["ingest_entry", "ingest_exit"])
def test_a_failed_gate_changes_nothing(desk: Desk, suite: str) -> None:
    """The batch stops: catalogue and landing zone stay, and the next run takes it in."""
    desk.deliver([Call("a"), Call("b", content=b"no audio")])
    before, there, stored = desk.snapshot(), lying(desk.landing), desk.stored()

    report = desk.take_in(PassingGates(stop=suite))

    assert len(report.failures) == 1
    assert "gate-failed" in report.failures[0]
    assert suite in report.failures[0]
    assert totals(report) == (0, 0, 0, 0)
    assert desk.snapshot() == before
    assert lying(desk.landing) == there

    reconcile(desk.instance)
    assert desk.stored() == stored
    assert totals(desk.take_in()) == (2, 1, 0, 1)
    desk.check()


def test_real_workers(tmp_path: Path) -> None:
    """Processes do what the inline workers of the other tests do."""
    instance = new_instance(tmp_path / "home")
    instruct(instance)
    deliver(instance, [Call("a"), Call("b", content=b"no audio"), Call("c", content=b"")])
    report = run_stage(instance, "ingest")
    assert totals(report, "ingested", "quarantined:not-media", "quarantined:empty") == (1, 1, 1)
    assert lying(instance.settings.landing) == ["acorn"]
    instance.close()


CANARY = "Zyxwvut"
CELLS = {
    "external_id": f"{CANARY}-id",
    "caller": "+44 7700 900461",
    "called": "+44 7700 900462",
    "agent": f"{CANARY}.agent",
    "sha256": "",
    "note": f"{CANARY} note",
}


def test_personal_data_is_in_the_vault_only(instance: Instance) -> None:
    """No row and no file outside the sealed store holds what was planted, refused or not."""
    instruct(instance)
    folder = instance.settings.landing / "acorn" / f"{CANARY}-drop"
    (folder / f"{CANARY}-sub").mkdir(parents=True)
    lines = [",".join([*Call("a").cells(NOW), "note"])]
    for number, change in enumerate(({}, {"kind": "x"}, {"ended_at": CANARY}, {"file": "../x"})):
        name = f"{CANARY}-sub/{number}.wav"
        (folder / name).write_bytes(tone(pitch=500 + number) + CANARY.encode())
        cells = {**Call("a", file=name).cells(NOW), **CELLS, **change}
        cells["external_id"] += str(number)
        lines.append(",".join(cells[column] for column in lines[0].split(",")))
    (folder / f"{CANARY}.unlisted").write_bytes(CANARY.encode())
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    stranger = instance.settings.landing / f"{CANARY}-customer" / "drop"
    stranger.mkdir(parents=True)
    (stranger / "manifest.csv").write_text(f"{CANARY}\n")

    report = run_stage(instance, "ingest")

    assert_adds_up(report)
    assert report.total("ingested") == 1
    assert report.total("quarantined") == 6
    with instance.unit() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                assert not _told(repr(tuple(row)).encode()), table.name
    instance.engine.dispose()
    for path in instance.settings.home.rglob("*"):
        if path.is_file():
            assert not _told(path.read_bytes()), path
        assert path.name == f"{CANARY}-customer" or not _told(path.name.encode())


def _told(data: bytes) -> bool:
    planted = (CANARY, CANARY.lower(), "7700900461", "7700 900461", "7700900462", "7700 900462")
    return any(word.encode() in data for word in planted)


FAULTS = (
    "",
    "",
    "no file",
    "escape",
    "digest",
    "future",
    "backwards",
    "kind",
    "short",
    "link",
    "pipe",
    "not media",
    "empty",
    "crash",
)


@st.composite
def drops(draw: st.DrawFn) -> list[tuple[int, int, str]]:
    """Rows of a drop: external id, content, fault."""
    row = st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from(FAULTS))
    return draw(st.lists(row, max_size=6))


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    nights=st.lists(st.lists(drops(), min_size=1, max_size=2), min_size=1, max_size=2),
    unlisted=st.integers(0, 2),
    size=st.integers(1, 7),
)
def test_counts_add_up(
    desks: Callable[[], Desk],
    nights: Sequence[Sequence[Sequence[tuple[int, int, str]]]],
    unlisted: int,
    size: int,
) -> None:
    """Whatever is delivered: every row and file is counted once, and nothing is lost or left."""
    desk = desks().sized(size)
    contents: set[bytes] = set()
    for night in nights:
        expected = 0
        for number, plan in enumerate(night):
            expected += len(plan) + unlisted
            contents |= _build(desk, f"drop-{number}", plan, unlisted)
        report = desk.take_in()
        assert report.failures == []
        assert report.total("files") == expected
        assert lying(desk.landing) == []
    desk.check()
    kept = {desk.open(one["id"]) for one in desk.rows(t.objects)}
    assert contents <= kept
    assert sum(row["files"] for row in desk.rows(t.drops)) == len(desk.rows(t.drop_items))
    assert {row["state"] for row in desk.rows(t.drops)} == {"complete"}


def _build(
    desk: Desk, drop: str, plan: Sequence[tuple[int, int, str]], unlisted: int
) -> set[bytes]:
    """Put a drop into the landing zone; the contents that must not be lost."""
    folder = desk.landing / drop
    folder.mkdir(parents=True)
    (desk.instance.settings.home / "outside.wav").write_bytes(tone())
    contents: set[bytes] = set()
    rows = []
    for number, (external_id, pitch, fault) in enumerate(plan):
        name = f"{number}.wav"
        content = {"not media": b"no audio", "empty": b""}.get(fault, tone(pitch=500 + pitch))
        path = folder / name
        if fault == "link":
            path.symlink_to(desk.instance.settings.home / "outside.wav")
        elif fault == "pipe":
            os.mkfifo(path)
        elif fault not in {"no file", "escape"}:
            path.write_bytes(content)
            contents.add(content)
        if fault == "crash":
            desk.pool.faults[name] = ["crashed"]
        change = {
            "escape": {"file": "../outside.wav"},
            "digest": {"sha256": "0" * 64},
            "future": {"started_at": "2031-01-01T00:00:00Z"},
            "backwards": {"ended_at": "2001-01-01T00:00:00Z"},
            "kind": {"kind": "telex"},
            "short": {"direction": ""},
        }.get(fault, {})
        rows.append(Call(f"id-{external_id}", file=name, content=content, row=change).cells(NOW))
    for number in range(unlisted):
        content = tone(pitch=900 + number)
        (folder / f"unlisted-{number}.wav").write_bytes(content)
        contents.add(content)
    write_manifest(folder, rows)
    return contents

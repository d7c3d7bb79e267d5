"""What cannot be taken in is kept sealed with its reason, and a person decides about it."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.errors import CallwardError, NotFoundError, ReleaseRefusedError, ShreddedError
from callward.instance import Instance
from callward.intake import seal
from callward.intake.files import open_inside
from callward.intake.quarantine import list_quarantine, release
from callward.intake.reasons import RELEASABLE, Reason, Refusal
from callward.intake.seal import SealTask
from callward.retention.holds import place_hold
from callward.run import UNKNOWN
from callward.vault.stores import ObjectStore
from tests.intake.support import Desk, Held, lying, quick, totals
from tests.retention.shelf import reject
from tests.support import (
    NOW,
    Call,
    PassingGates,
    deliver,
    instruct,
    run_stage,
    snapshot,
    tone,
    write_manifest,
)

TONE = tone(pitch=777)
SECRET = b"outside the drop"
NEIGHBOURS = (Call("neighbour-1"), Call("neighbour-2"))
FUTURE = (NOW + timedelta(days=2)).isoformat()


def refuse(desk: Desk, *calls: Call) -> Held:
    """Deliver calls of which one is refused between two that are not; what was refused.

    The two must come to no harm, and nothing may be left.
    """
    desk.deliver([NEIGHBOURS[0], *calls, NEIGHBOURS[1]])
    report = desk.take_in()
    (held,) = desk.quarantined()
    assert totals(report, "files", "quarantined", f"quarantined:{held.reason}") == (
        2 + len(calls),
        1,
        1,
    )
    assert report.failures == []
    assert {one.media for one in NEIGHBOURS} <= set(desk.recordings())
    assert lying(desk.landing) == []
    desk.check()
    return held


def test_rows_and_files_that_are_refused(desks: Callable[[], Desk]) -> None:
    """Each fault has its reason; file and row are kept as delivered, under the kind told."""
    half = tone(seconds=4)[:9000]
    cases: dict[Reason, Call] = {
        Reason.NOT_MEDIA: Call("a", content=b"RIFF no audio at all"),
        Reason.TRUNCATED: Call("a", content=half),
        Reason.EMPTY: Call("a", content=b""),
        Reason.DIGEST_MISMATCH: Call("a", content=TONE, row={"sha256": "0" * 64}),
        Reason.DIGEST_MALFORMED: Call("a", content=TONE, row={"sha256": "abc"}),
        Reason.FUTURE_START: Call("a", content=TONE, row={"started_at": FUTURE}),
        Reason.ENDED_BEFORE_START: Call(
            "a", content=TONE, row={"ended_at": "2026-01-01T00:00:00Z"}
        ),
        Reason.TIME_MALFORMED: Call("a", content=TONE, row={"ended_at": "2026-11-19 01:00"}),
        Reason.UNSUPPORTED_DIRECTION: Call("a", content=TONE, row={"direction": "sideways"}),
        Reason.ROW_MALFORMED: Call("a", content=TONE, row={"direction": ""}),
    }
    for reason, call in cases.items():
        desk = desks()
        held = refuse(desk, replace(call, kind="voicemail"))
        assert (held.reason, held.media, held.kind) == (reason, call.media, "voicemail")
        assert held.row == replace(call, kind="voicemail").cells(NOW)
        assert held.name == "a.wav"


def test_an_unsupported_kind(desk: Desk) -> None:
    """What is neither recording nor voicemail is kept, as media."""
    held = refuse(desk, Call("a", content=TONE, kind="telex"))
    assert (held.reason, held.media, held.kind) == (Reason.UNSUPPORTED_KIND, TONE, "media")


def test_a_name_that_leads_out(desks: Callable[[], Desk]) -> None:
    """Neither ``../`` nor an absolute path nor a dot is followed; what it names stays as it is."""
    for number, pattern in enumerate(("../{}", "{}", "sub/../../{}", "./{}", "sub//{}")):
        desk = desks()
        desk.landing.mkdir(parents=True)
        outside = desk.landing / f"outside-{number}.wav"
        outside.write_bytes(SECRET)
        file = pattern.format(outside if pattern == "{}" else outside.name)
        desk.deliver([NEIGHBOURS[0]])
        cells = Call("a", content=TONE, row={"file": file}).cells(NOW)
        write_manifest(desk.landing / "drop-1", [cells, NEIGHBOURS[0].cells(NOW)])

        report = desk.take_in()

        assert totals(report, "ingested", "quarantined:path-escape") == (1, 1)
        (held,) = desk.quarantined()
        assert (held.reason, held.media, held.row) == (Reason.PATH_ESCAPE, None, cells)
        assert outside.read_bytes() == SECRET
        assert lying(desk.landing) == [outside.name]
        desk.check()
        outside.unlink()


def test_an_empty_file_outside_is_not_looked_at(desk: Desk) -> None:
    """The gate is not shown the size of what lies outside the drop."""
    (desk.landing / "drop-1").mkdir(parents=True)
    (desk.landing / "empty.wav").write_bytes(b"")
    write_manifest(desk.landing / "drop-1", [Call("a", file="../empty.wav").cells(NOW)])
    gates = PassingGates()
    desk.take_in(gates)
    assert [len(frame) for _, frame in gates.seen] == [0, 0]
    (desk.landing / "empty.wav").unlink()


@pytest.mark.parametrize("listed", [True, False])
def test_a_linked_file(desk: Desk, tmp_path: Path, *, listed: bool) -> None:
    """The link goes, its target is neither read nor removed."""
    target = tmp_path / "target.wav"
    target.write_bytes(TONE)
    folder = desk.deliver(NEIGHBOURS)
    (folder / "a.wav").symlink_to(target)
    if listed:
        write_manifest(folder, [Call("a").cells(NOW), *(one.cells(NOW) for one in NEIGHBOURS)])

    report = desk.take_in()

    assert totals(report) == (3, 2, 0, 1)
    reason = Reason.PATH_ESCAPE if listed else Reason.NOT_IN_MANIFEST
    assert desk.refused() == [(reason, None)]
    assert target.read_bytes() == TONE
    assert lying(desk.landing) == []
    desk.check()


def test_a_linked_folder(desk: Desk, tmp_path: Path) -> None:
    """Nothing is read, found or removed behind a link to a folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.wav").write_bytes(TONE)
    (tmp_path / "elsewhere" / "unlisted.wav").write_bytes(TONE)
    folder = desk.deliver(NEIGHBOURS)
    (folder / "sub").symlink_to(tmp_path / "elsewhere")
    call = Call("a", file="sub/a.wav", content=TONE)
    write_manifest(folder, [call.cells(NOW), *(one.cells(NOW) for one in NEIGHBOURS)])

    report = desk.take_in()

    assert totals(report) == (4, 2, 0, 2)  # the row, and the link that no row names
    assert desk.refused() == [(Reason.NOT_IN_MANIFEST, None), (Reason.PATH_ESCAPE, None)]
    assert lying(tmp_path / "elsewhere") == ["a.wav", "unlisted.wav"]
    assert lying(desk.landing) == []
    desk.check()


def test_a_pipe(desk: Desk) -> None:
    """A pipe keeps nobody waiting and is removed."""
    folder = desk.deliver(NEIGHBOURS)
    os.mkfifo(folder / "a.wav")
    write_manifest(folder, [Call("a").cells(NOW), *(one.cells(NOW) for one in NEIGHBOURS)])

    assert totals(desk.take_in()) == (3, 2, 0, 1)

    assert desk.refused() == [(Reason.NOT_REGULAR, None)]
    assert lying(desk.landing) == []


def test_a_folder_where_a_file_should_be(desk: Desk) -> None:
    """A row may name a folder; the files in it are nobody's, and kept."""
    folder = desk.deliver([])
    (folder / "a.wav").mkdir()
    (folder / "a.wav" / "b.wav").write_bytes(TONE)
    write_manifest(folder, [Call("a").cells(NOW)])
    assert totals(desk.take_in()) == (2, 0, 0, 2)
    assert desk.refused() == [(Reason.NOT_IN_MANIFEST, TONE), (Reason.NOT_REGULAR, None)]
    assert lying(desk.landing) == []


def test_a_missing_file(desk: Desk) -> None:
    """A row without its file is kept as a row."""
    folder = desk.deliver(NEIGHBOURS)
    cells = Call("a").cells(NOW)
    write_manifest(folder, [cells, *(one.cells(NOW) for one in NEIGHBOURS)])
    assert totals(desk.take_in()) == (3, 2, 0, 1)
    (held,) = desk.quarantined()
    assert (held.reason, held.media, held.row) == (Reason.FILE_MISSING, None, cells)
    desk.check()


def test_files_that_no_row_names(desk: Desk) -> None:
    """They are kept with their names, even those that are not UTF-8, wherever they lie."""
    folder = desk.deliver(NEIGHBOURS)
    (folder / "sub").mkdir()
    names = ["extra.wav", "sub/manifest.csv", os.fsdecode(b"caf\xe9.wav")]
    for number, name in enumerate(names):
        (folder / name).write_bytes(tone(pitch=800 + number))

    assert totals(desk.take_in()) == (5, 2, 0, 3)

    held = {one.name: (one.reason, one.media, one.row) for one in desk.quarantined()}
    for number, name in enumerate(names):
        assert held[name] == (Reason.NOT_IN_MANIFEST, tone(pitch=800 + number), None)
    assert lying(desk.landing) == []
    desk.check()


def test_a_second_row_for_the_same_file(desk: Desk) -> None:
    """The file is the first row's; the second row is kept alone."""
    again = Call("a", content=TONE, file="a.wav", agent="somebody.else")
    held = refuse(desk, Call("a", content=TONE), again)
    assert (held.reason, held.media, held.row) == (
        Reason.DUPLICATE_ROW,
        None,
        again.cells(NOW),
    )
    assert TONE in desk.recordings()


def test_a_second_row_for_the_same_id(desk: Desk) -> None:
    """With a file of its own, that file is kept too."""
    held = refuse(desk, Call("a", content=TONE), Call("a", content=tone(), file="other.wav"))
    assert (held.reason, held.media, held.kind) == (Reason.DUPLICATE_ROW, tone(), "recording")
    assert TONE in desk.recordings()


def test_a_short_row_does_not_take_another_rows_file(desk: Desk) -> None:
    """A bad row that comes first and names a good row's file is kept without it."""
    folder = desk.deliver([Call("a", content=TONE)])
    header, good = (folder / "manifest.csv").read_text().splitlines()
    (folder / "manifest.csv").write_text(f"{header}\na.wav,b\n{good}\n")
    assert totals(desk.take_in()) == (2, 1, 0, 1)
    (held,) = desk.quarantined()
    assert (held.reason, held.media) == (Reason.ROW_MALFORMED, None)
    assert held.row == {"file": "a.wav", "external_id": "b"}
    assert desk.recordings() == [TONE]
    desk.check()


@pytest.mark.parametrize(
    "manifest", [b"", b"file,external_id\n", b"\xff\xfe", b'file,"a\n', b"a\0b"], ids=repr
)
def test_an_unreadable_manifest(desk: Desk, manifest: bytes) -> None:
    """Every file of the drop is kept, the manifest among them; another drop is not touched."""
    folder = desk.deliver([Call("a", content=TONE)])
    (folder / "manifest.csv").write_bytes(manifest)
    desk.deliver(NEIGHBOURS, drop="drop-2")

    assert totals(desk.take_in()) == (4, 2, 0, 2)

    held = {one.name: (one.reason, one.media) for one in desk.quarantined()}
    assert held == {
        "a.wav": (Reason.MANIFEST_UNREADABLE, TONE),
        "manifest.csv": (Reason.MANIFEST_UNREADABLE, manifest),
    }
    assert lying(desk.landing) == []
    desk.check()


def test_a_manifest_that_lists_itself(desk: Desk) -> None:
    """It is kept as a file that is no media, and stays until the drop is done."""
    desk = desk.sized(1)
    folder = desk.deliver([Call("a", content=TONE)])
    own = Call("m", file="manifest.csv", row={"sha256": ""}).cells(NOW)
    write_manifest(folder, [own, Call("a", content=TONE).cells(NOW)])
    manifest = (folder / "manifest.csv").read_bytes()

    report = desk.take_in(StopsAt(2))
    assert totals(report) == (1, 0, 0, 1)
    assert lying(folder) == ["a.wav", "manifest.csv"]

    assert totals(desk.take_in()) == (1, 1, 0, 0)
    assert desk.refused() == [(Reason.NOT_MEDIA, manifest)]
    assert lying(desk.landing) == []
    desk.check()


class StopsAt(PassingGates):
    """Stops the batch of that number at its entry."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def check(self, suite: str, frame: Any) -> Any:
        """Count the entries."""
        entries = sum(each == "ingest_entry" for each, _ in self.seen)
        at = suite == "ingest_entry" and entries + 1 == self.number
        self.stop = suite if at else ""
        return super().check(suite, frame)


def test_an_unknown_controller(instance: Instance) -> None:
    """Whoever it is for, it is kept, and equal drops of two strangers are two drops."""
    instruct(instance)
    instance = quick(instance)
    for stranger in ("stranger", "stranger-2"):
        deliver(instance, [Call("a", content=TONE)], controller=stranger)
    deliver(instance, NEIGHBOURS)

    report = run_stage(instance, "ingest")

    assert report.failures == []
    assert report.counts[UNKNOWN] == {
        "files": 2,
        "quarantined": 2,
        "quarantined:unknown-controller": 2,
    }
    assert report.counts["acorn"]["ingested"] == 2
    strangers = Desk(quick(instance), UNKNOWN)
    assert strangers.refused() == [(Reason.UNKNOWN_CONTROLLER, TONE)] * 2
    assert lying(instance.settings.landing) == ["acorn", "stranger", "stranger-2"]
    strangers.check()
    Desk(quick(instance), "acorn").check()
    for one in strangers.quarantined():
        with pytest.raises(ReleaseRefusedError):
            release(instance, one.id)


def test_a_stranger_with_another_fault(instance: Instance) -> None:
    """A releasable fault does not let a stranger's call in."""
    deliver(instance, [Call("a", row={"started_at": FUTURE})], controller="stranger")
    run_stage(quick(instance), "ingest")
    strangers = Desk(quick(instance), UNKNOWN)
    (held,) = strangers.quarantined()
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment = NOW + timedelta(days=3)
    before = snapshot(instance)
    with pytest.raises(ReleaseRefusedError, match="no controller"):
        release(instance, held.id)
    assert snapshot(instance) == before


def test_other_content_under_a_known_id(desks: Callable[[], Desk]) -> None:
    """In the same batch, the same night or later: the first stays, the other waits."""
    for size, nights in ((10, 1), (1, 1), (10, 2)):
        desk = desks().sized(size)
        desk.deliver([Call("a", content=TONE)])
        if nights == 2:
            desk.take_in()
        desk.deliver([Call("a", content=tone())], drop="drop-2")

        report = desk.take_in()

        assert totals(report, "quarantined:content-conflict") == (1,)
        assert desk.refused() == [(Reason.CONTENT_CONFLICT, tone())]
        assert desk.recordings() == [TONE]
        assert lying(desk.landing) == []
        desk.check()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("crashed", Reason.DECODER_CRASHED), ("timeout", Reason.DECODER_TIMEOUT)],
)
def test_a_file_that_kills_its_decoder(desk: Desk, fault: Any, reason: Reason) -> None:
    """It is kept without being looked at again."""
    desk.pool.faults["a.wav"] = [fault]
    held = refuse(desk, Call("a", content=TONE))
    assert (held.reason, held.media) == (reason, TONE)
    (media,) = (one for one in desk.rows(t.objects) if one["id"] == held.media_id)
    assert media["facts"] is None


def test_a_file_that_cannot_even_be_kept(desk: Desk) -> None:
    """A worker that dies twice leaves the file for the next night, and the night says so."""
    desk.pool.faults["a.wav"] = ["crashed", "crashed"]
    folder = desk.deliver([Call("a", content=TONE), *NEIGHBOURS])

    report = desk.take_in()

    assert totals(report) == (2, 2, 0, 0)
    assert len(report.failures) == 1
    assert lying(folder) == ["a.wav", "manifest.csv"]
    assert desk.refused() == []
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    assert not folder.exists()
    desk.check()


def test_a_file_gone_when_it_is_tried_again(desk: Desk) -> None:
    """A crash, and no file at the second try: it is missing."""
    folder = desk.deliver([Call("a", content=TONE)])
    desk.pool.faults["a.wav"] = ["crashed"]
    desk.pool.before = lambda _task: (folder / "a.wav").unlink()
    assert totals(desk.take_in()) == (1, 0, 0, 1)
    assert desk.refused() == [(Reason.FILE_MISSING, None)]


def test_a_file_that_changes_while_it_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is kept, what is there now is not removed but taken in the next night."""
    folder = desk.deliver([Call("a", content=TONE, row={"sha256": ""}), *NEIGHBOURS])
    put = ObjectStore.put_whole

    def written_to(store: ObjectStore, path: str, buffer: memoryview, length: int) -> None:
        put(store, path, buffer, length)
        if (folder / "a.wav").read_bytes() == TONE:
            (folder / "a.wav").write_bytes(tone(seconds=0.7))

    monkeypatch.setattr(ObjectStore, "put_whole", written_to)

    report = desk.take_in()

    assert totals(report) == (3, 2, 0, 1)
    assert len(report.failures) == 1
    assert desk.refused() == [(Reason.CHANGED_WHILE_READ, TONE)]
    assert (folder / "a.wav").read_bytes() == tone(seconds=0.7)

    report = desk.take_in()

    assert totals(report) == (1, 1, 0, 0)
    assert report.failures == []
    assert tone(seconds=0.7) in desk.recordings()
    assert not folder.exists()
    assert [row["files"] for row in desk.rows(t.drops)] == [4]
    desk.check()


def test_a_file_replaced_after_it_was_read(desk: Desk) -> None:
    """Only what was sealed is removed: the newcomer is judged on its own."""
    folder = desk.deliver([Call("a", content=TONE, row={"sha256": ""})])

    def replaced(_task: SealTask) -> None:
        (folder / "new").write_bytes(tone())
        (folder / "new").rename(folder / "a.wav")

    desk.pool.after = replaced
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    assert (folder / "a.wav").read_bytes() == tone()
    assert desk.recordings() == [TONE]

    desk.pool.after = lambda _task: None
    assert totals(desk.take_in()) == (1, 0, 0, 1)
    assert desk.refused() == [(Reason.CONTENT_CONFLICT, tone())]
    assert not folder.exists()
    desk.check()


def test_a_file_that_cannot_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not removed, because it is not kept; once it can be read it is taken in."""
    folder = desk.deliver([Call("a", content=TONE), *NEIGHBOURS])

    def refusing(drop: Path, name: str) -> int:
        if name == "a.wav":
            raise Refusal(Reason.UNREADABLE)
        return open_inside(drop, name)

    with monkeypatch.context() as patch:
        patch.setattr(seal, "open_inside", refusing)
        for night in range(2):
            report = desk.take_in()
            assert totals(report) == ((3, 2, 0, 1) if night == 0 else (0, 0, 0, 0))
            assert len(report.failures) == 1
            assert desk.refused() == [(Reason.UNREADABLE, None)]
            assert (folder / "a.wav").read_bytes() == TONE

    assert totals(desk.take_in()) == (1, 1, 0, 0)
    assert TONE in desk.recordings()
    assert not folder.exists()
    desk.check()


def test_a_missing_file_that_comes_late(desk: Desk) -> None:
    """If the drop is still there it is taken in as well."""
    folder = desk.deliver([Call("a", content=TONE), Call("b", content=tone())])
    (folder / "a.wav").unlink()
    desk.pool.faults["b.wav"] = ["crashed", "crashed"]
    assert totals(desk.take_in()) == (1, 0, 0, 1)
    (folder / "a.wav").write_bytes(TONE)
    assert totals(desk.take_in()) == (2, 2, 0, 0)
    assert desk.recordings() == sorted([TONE, tone()])
    assert desk.refused() == [(Reason.FILE_MISSING, None)]
    assert not folder.exists()
    desk.check()


@pytest.mark.parametrize("suite", ["ingest_entry", "ingest_exit"])
def test_a_row_that_fails_a_gate(desk: Desk, suite: str) -> None:
    """It is kept with its content; its neighbours go on."""
    desk.deliver([Call("a", content=TONE), *NEIGHBOURS])
    report = desk.take_in(FailsFirstRow(suite))
    assert totals(report, "ingested", "quarantined:gate") == (2, 1)
    assert desk.refused() == [(Reason.GATE, TONE)]
    assert desk.recordings() == sorted(one.media for one in NEIGHBOURS)
    desk.check()


class FailsFirstRow(PassingGates):
    """Fails the first row it is shown of one suite."""

    def __init__(self, suite: str) -> None:
        super().__init__()
        self.suite = suite

    def check(self, suite: str, frame: Any) -> Any:
        """Fail the first."""
        self.fail_rows = {frame["id"].iloc[0]: "some-check"} if suite == self.suite else {}
        return super().check(suite, frame)


# Decisions


def hold_one(desk: Desk, reason: Reason) -> Held:
    """Have one call refused for a releasable reason."""
    if reason is Reason.GATE:
        desk.deliver([Call("a", content=TONE)])
        desk.take_in(FailsFirstRow("ingest_entry"))
    elif reason is Reason.CONTENT_CONFLICT:
        desk.deliver([Call("a", content=tone())])
        desk.take_in()
        desk.deliver([Call("a", content=TONE)])
        desk.take_in()
    else:
        desk.deliver(
            {
                Reason.DIGEST_MISMATCH: [Call("a", content=TONE, row={"sha256": "0" * 64})],
                Reason.FUTURE_START: [
                    Call("a", content=TONE, row={"started_at": FUTURE, "ended_at": FUTURE})
                ],
                Reason.TRUNCATED: [Call("a", content=tone(seconds=4)[:9000])],
            }[reason]
        )
        desk.take_in()
    (held,) = desk.quarantined()
    assert held.reason == reason
    return held


@pytest.mark.parametrize("reason", sorted(RELEASABLE))
def test_release(desk: Desk, reason: Reason) -> None:
    """What can be waived is catalogued as if it had been taken in: content, details, people."""
    held = hold_one(desk, reason)
    if reason is Reason.FUTURE_START:
        assert isinstance(desk.instance.clock, FixedClock)
        desk.instance.clock.moment = NOW + timedelta(days=3)
    others = len(desk.rows(t.interactions))

    object_id = release(desk.instance, held.id)

    assert object_id == held.media_id
    (media,) = (one for one in desk.rows(t.objects) if one["id"] == object_id)
    assert (media["state"], media["kind"]) == ("live", "recording")
    assert media["facts"]["codec"] == "pcm_s16le"
    assert desk.open(object_id) == held.media
    interactions = {one["id"]: one for one in desk.rows(t.interactions)}
    assert len(interactions) == others + 1
    interaction = interactions[media["interaction_id"]]
    day = date(2026, 11, 22) if reason is Reason.FUTURE_START else date(2026, 11, 19)
    assert interaction["ended_at"].date() == day
    assert (media["anchor_day"], media["due_day"]) == (day, day + timedelta(days=45))
    (details,) = (
        desk.document(one["id"])
        for one in desk.rows(t.objects)
        if one["kind"] == "details" and one["interaction_id"] == media["interaction_id"]
    )
    assert details["row"] == held.row
    people = [r for r in desk.rows(t.people) if r["interaction_id"] == media["interaction_id"]]
    assert {row["role"] for row in people} == {"caller", "called", "agent"}
    assert desk.quarantined() == []
    assert [one.id for one in desk.quarantined("released")] == [held.id]
    desk.check()
    with pytest.raises(NotFoundError):
        release(desk.instance, held.id)
    with pytest.raises(NotFoundError):
        reject(desk.instance, held.id)


def test_a_call_of_the_future_waits_for_its_time(desk: Desk) -> None:
    """Until then its release is refused."""
    held = hold_one(desk, Reason.FUTURE_START)
    refuse_release(desk, held, "future-start")


def test_a_released_call_is_known(desk: Desk) -> None:
    """Delivered again it is a duplicate; with other content a conflict."""
    held = hold_one(desk, Reason.DIGEST_MISMATCH)
    release(desk.instance, held.id)
    desk.deliver([Call("a", content=TONE)])
    assert totals(desk.take_in()) == (1, 0, 1, 0)
    desk.deliver([Call("a", content=tone())])
    assert totals(desk.take_in(), "quarantined:content-conflict") == (1,)


def refuse_release(desk: Desk, held: Held, match: str) -> None:
    """A release must be refused and change nothing."""
    before = desk.snapshot()
    with pytest.raises(ReleaseRefusedError, match=match):
        release(desk.instance, held.id)
    assert desk.snapshot() == before
    desk.check()


def test_a_waiver_waives_one_reason(desks: Callable[[], Desk]) -> None:
    """What is wrong beside the reason given still stands in the way."""
    desk = desks()
    whole = tone(seconds=4)
    promised = {"sha256": hashlib.sha256(whole).hexdigest()}
    desk.deliver([Call("a", content=whole[:9000], row=promised)])
    desk.take_in()
    (held,) = desk.quarantined()
    assert held.reason == Reason.TRUNCATED
    refuse_release(desk, held, "digest-mismatch")

    for content, row, match in (
        (whole[:9000], {"sha256": ""}, "truncated"),
        (TONE, {"sha256": "0" * 64}, "digest-mismatch"),
        (b"no audio", {}, "not-media"),
    ):
        desk = desks()
        desk.deliver([Call("a", content=content, row=row)])
        desk.take_in(FailsFirstRow("ingest_entry"))
        (held,) = desk.quarantined()
        assert held.reason == Reason.GATE
        refuse_release(desk, held, match)


def test_release_of_what_is_known_meanwhile(desk: Desk) -> None:
    """A repaired delivery came in between: two recordings of one call are not wanted."""
    held = hold_one(desk, Reason.DIGEST_MISMATCH)
    desk.deliver([Call("a", content=TONE)])
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    refuse_release(desk, held, "catalogued already")


def test_what_cannot_be_waived(desk: Desk) -> None:
    """Every other reason stays."""
    calls = [
        Call("not-media", content=b"no audio"),
        Call("empty", content=b""),
        Call("backwards", row={"ended_at": "2026-01-01T00:00:00Z"}),
        Call("time", row={"ended_at": "yesterday"}),
        Call("kind", kind="telex"),
        Call("direction", row={"direction": "up"}),
        Call("digest", row={"sha256": "abc"}),
        Call("row", row={"direction": ""}),
        Call("crash"),
        Call("late"),
        Call("twice"),
        Call("twice", file="other.wav"),
    ]
    desk.pool.faults = {"crash.wav": ["crashed"], "late.wav": ["timeout"]}
    folder = desk.deliver(calls)
    (folder / "unlisted.wav").write_bytes(TONE)
    rows = [Call("gone").cells(NOW), Call("up", file="../up.wav").cells(NOW)]
    write_manifest(folder, [*(call.cells(NOW) for call in calls), *rows])
    desk.deliver([Call("m")], drop="drop-2").joinpath("manifest.csv").write_bytes(b"?")
    desk.take_in()

    held = desk.quarantined()

    assert {one.reason for one in held} == {
        "not-media",
        "empty",
        "ended-before-start",
        "time-malformed",
        "unsupported-kind",
        "unsupported-direction",
        "digest-malformed",
        "row-malformed",
        "decoder-crashed",
        "decoder-timeout",
        "duplicate-row",
        "not-in-manifest",
        "file-missing",
        "path-escape",
        "manifest-unreadable",
    }
    before = desk.snapshot()
    for one in held:
        with pytest.raises(ReleaseRefusedError, match=one.reason):
            release(desk.instance, one.id)
    assert desk.snapshot() == before


def test_reject_leaves_nothing(desk: Desk) -> None:
    """Keys, payloads and ciphertext are gone, everywhere; what else there is stays."""
    desk.deliver([Call("a", content=b"no audio"), *NEIGHBOURS])
    desk.take_in()
    (held,) = desk.quarantined()
    (path,) = (one["store_key"] for one in desk.rows(t.objects) if one["id"] == held.media_id)
    assert path in desk.stored()

    reject(desk.instance, held.id)

    assert path not in desk.stored()
    assert desk.quarantined() == []
    assert [one["state"] for one in desk.rows(t.quarantine)] == ["rejected"]
    gone = {held.media_id, held.row_id}
    assert {one["id"] for one in desk.rows(t.objects) if one["state"] == "shredded"} == gone
    assert not gone & {one["object_id"] for one in desk.rows(t.object_keys)}
    assert not gone & {one["object_id"] for one in desk.rows(t.payloads)}
    with desk.instance.unit() as connection:
        for one in gone:
            with pytest.raises(ShreddedError):
                b"".join(desk.instance.vault.open(connection, str(one)))
    (item,) = (one for one in desk.rows(t.drop_items) if one["outcome"] == "quarantined")
    assert item["content_digest"] is None
    assert desk.recordings() == sorted(one.media for one in NEIGHBOURS)
    desk.check()
    with pytest.raises(NotFoundError):
        release(desk.instance, held.id)


def test_reject_of_a_row_alone(desk: Desk) -> None:
    """Where there was no file the row goes, and pages without keys with it."""
    desk.deliver([])
    write_manifest(desk.deliver([]), [Call("gone").cells(NOW)])
    desk.take_in()
    (held,) = desk.quarantined()
    reject(desk.instance, held.id)
    (note,) = (one["id"] for one in desk.rows(t.objects) if one["kind"] == "erasure-reason")
    assert [one["retention_class"] for one in desk.rows(t.pages)] == ["administration"]
    assert [one["object_id"] for one in desk.rows(t.payloads)] == [note]
    desk.check()


def test_reject_cut_short(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ciphertext that could not be deleted is deleted by the next night, and certified."""
    desk.deliver([Call("a", content=b"no audio")])
    before = desk.stored()
    desk.take_in()
    (held,) = desk.quarantined()

    def failing(_store: ObjectStore, _paths: object) -> None:
        raise OSError("no store")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "delete", failing)
        assert len(reject(desk.instance, held.id).failures) == 1
    assert desk.stored() != before
    assert [one["state"] for one in desk.rows(t.quarantine)] == ["rejected"]

    certificates = len(desk.rows(t.certificates))
    assert run_stage(desk.instance, "retention", controller=desk.controller).failures == []
    assert desk.stored() == before
    assert len(desk.rows(t.certificates)) == certificates + 1
    desk.check()


def test_a_held_item_is_not_rejected(desk: Desk) -> None:
    """A legal hold of the controller's keeps what is in quarantine, too."""
    held = hold_one(desk, Reason.DIGEST_MISMATCH)
    review = date(2027, 1, 1)
    place_hold(desk.instance, desk.controller, "controller", None, "a claim", review)
    before = desk.snapshot()
    with pytest.raises(CallwardError, match="hold"):
        reject(desk.instance, held.id)
    assert desk.snapshot() == before
    assert desk.refused() == [(Reason.DIGEST_MISMATCH, TONE)]


def test_what_a_sweep_has_marked_is_not_decided_about(desk: Desk) -> None:
    """Neither release nor reject takes it out of the sweep's hands."""
    held = hold_one(desk, Reason.DIGEST_MISMATCH)
    with desk.instance.unit() as connection:
        connection.execute(
            t.objects.update().where(t.objects.c.id == held.media_id).values(state="marked")
        )
    before = desk.snapshot()
    for decide in (release, reject):
        with pytest.raises(CallwardError, match="sweep"):
            decide(desk.instance, held.id)
        assert desk.snapshot() == before


def test_listing(desk: Desk) -> None:
    """Held items, or all; ids, codes and times only."""
    held = hold_one(desk, Reason.DIGEST_MISMATCH)
    with desk.instance.unit() as connection:
        mine = [one for one in list_quarantine(connection) if one.controller == desk.controller]
    assert [one.as_json() for one in mine] == [
        {
            "id": held.id,
            "controller": desk.controller,
            "reason": "digest-mismatch",
            "state": "held",
            "drop_id": desk.rows(t.drops)[0]["id"],
            "created_at": NOW.isoformat(),
        }
    ]
    reject(desk.instance, held.id)
    with desk.instance.unit() as connection:
        assert held.id not in {one.id for one in list_quarantine(connection)}
        everything = list_quarantine(connection, state=None)
    assert {one.id: one.state for one in everything}[held.id] == "rejected"


@pytest.mark.parametrize("decide", [release, reject])
def test_nothing_under_the_id(desk: Desk, decide: Callable[[Instance, str], object]) -> None:
    """An id that is not known is an error that says so."""
    with pytest.raises(NotFoundError, match="deadbeef"):
        decide(desk.instance, "deadbeef")

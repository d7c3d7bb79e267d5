"""Finding and finishing drops, whatever state their folders are in."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from callward.catalogue import tables as t
from callward.intake import leaving, plan
from callward.intake.files import MAX_DEPTH, list_drop
from callward.intake.reasons import Reason, Refusal
from callward.intake.seal import SealTask
from tests.intake.support import Desk, lying, totals
from tests.support import NOW, Call, tone, write_manifest

TONE = tone(pitch=777)


def test_a_drop_too_deep_stops_no_other(desks: Callable[[], Desk]) -> None:
    """It is reported by its id and left as it is; the drops around it are taken in."""
    desk = desks()
    deep = desk.deliver([Call("a")], drop="b-secret-name")
    bottom = deep.joinpath(*["down"] * (MAX_DEPTH + 1))
    bottom.mkdir(parents=True)
    desk.deliver([Call("b")], drop="a-drop")
    desk.deliver([Call("c")], drop="c-drop")

    for night in range(2):
        report = desk.take_in()
        assert totals(report) == ((2, 2, 0, 0) if night == 0 else (0, 0, 0, 0))
        assert len(report.failures) == 1
        assert "too-large" in report.failures[0]
        assert "secret" not in report.failures[0]
    assert (deep / "a.wav").exists()
    assert bottom.exists()

    for folder in (bottom, *bottom.parents[: MAX_DEPTH + 1]):
        if folder != deep:
            folder.rmdir()
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    desk.check()


def test_an_open_drop_stays_open_while_it_cannot_be_listed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to be seen is not to be gone."""
    desk.pool.faults["b.wav"] = ["crashed", "crashed"]
    desk.deliver([Call("a"), Call("b")])
    desk.take_in()
    assert [row["state"] for row in desk.rows(t.drops)] == ["open"]

    def unreadable(_drop: Path) -> list[str]:
        raise Refusal(Reason.UNREADABLE)

    with monkeypatch.context() as patch:
        patch.setattr(plan, "list_drop", unreadable)
        assert len(desk.take_in().failures) == 1
    assert [row["state"] for row in desk.rows(t.drops)] == ["open"]
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    assert [row["state"] for row in desk.rows(t.drops)] == ["complete"]


def test_a_drop_that_cannot_be_listed_at_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the batch are finished, and it the next night."""
    folder = desk.deliver([Call("a")])
    desk.deliver([Call("b")], drop="drop-2")

    def unreadable(drop: Path) -> list[str]:
        if drop == folder:
            raise Refusal(Reason.UNREADABLE)
        return list_drop(drop)

    with monkeypatch.context() as patch:
        patch.setattr(leaving, "list_drop", unreadable)
        report = desk.take_in()
    assert totals(report) == (2, 2, 0, 0)
    assert len(report.failures) == 1
    assert lying(desk.landing) == ["drop-1", "drop-1/manifest.csv"]

    report = desk.take_in()
    assert (totals(report), report.failures) == ((0, 0, 0, 0), [])
    assert lying(desk.landing) == []
    desk.check()


def test_a_manifest_that_cannot_be_removed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is recorded once; the drop is finished when the manifest can go."""
    desk.deliver([Call("a")])

    def stubborn(drop: Path, name: str, **_: object) -> bool:
        if name == "manifest.csv":
            raise Refusal(Reason.UNREADABLE)
        (drop / name).unlink()
        return True

    with monkeypatch.context() as patch:
        patch.setattr(leaving, "remove_inside", stubborn)
        for _ in range(2):
            assert len(desk.take_in().failures) == 1
            assert lying(desk.landing) == ["drop-1", "drop-1/manifest.csv"]
    before = desk.picture()
    assert before["counts"]["files"] == 1

    assert desk.take_in().failures == []
    assert desk.picture() == {**before, "drops": [("complete", 1)]}
    assert lying(desk.landing) == []


def test_a_folder_that_cannot_be_removed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the manifest has gone the drop is complete; an empty folder is no drop."""
    desk.deliver([Call("a")])

    def busy(_drop: Path) -> bool:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(leaving, "remove_drop", busy)
        assert desk.take_in().failures == []
    assert lying(desk.landing) == ["drop-1"]
    assert [row["state"] for row in desk.rows(t.drops)] == ["complete"]
    assert desk.take_in().outcome == "NothingNew"


def test_a_linked_manifest(desk: Desk, tmp_path: Path) -> None:
    """It is not followed: the drop's files are kept as those of an unreadable one."""
    desk.deliver([Call("a", content=TONE)])
    manifest = desk.landing / "drop-1" / "manifest.csv"
    manifest.rename(tmp_path / "manifest.csv")
    manifest.symlink_to(tmp_path / "manifest.csv")
    there = (tmp_path / "manifest.csv").read_bytes()

    report = desk.take_in()

    assert totals(report) == (2, 0, 0, 2)
    assert report.failures == []
    assert sorted(desk.refused(), key=repr) == [
        (Reason.MANIFEST_UNREADABLE, None),
        (Reason.MANIFEST_UNREADABLE, TONE),
    ]
    assert (tmp_path / "manifest.csv").read_bytes() == there
    assert lying(desk.landing) == []
    desk.check()


def test_a_pipe_for_a_manifest(desk: Desk) -> None:
    """Nobody waits for a writer."""
    desk.deliver([Call("a", content=TONE)])
    manifest = desk.landing / "drop-1" / "manifest.csv"
    manifest.unlink()
    os.mkfifo(manifest)
    assert totals(desk.take_in()) == (2, 0, 0, 2)
    assert lying(desk.landing) == []


def test_a_manifest_that_cannot_be_read_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not kept is not removed: the drop is not finished until it has been read."""
    folder = desk.deliver([Call("a", content=TONE)])
    with monkeypatch.context() as patch:
        for module in (plan, leaving):
            patch.setattr(module, "read_manifest_file", lambda _path: None)
        report = desk.take_in()
    assert totals(report) == (2, 0, 0, 2)
    assert len(report.failures) == 1
    assert lying(folder) == ["manifest.csv"]


def test_a_folder_for_a_manifest(desk: Desk) -> None:
    """That is no manifest, so the drop waits."""
    folder = desk.deliver([Call("a", content=TONE)])
    (folder / "manifest.csv").unlink()
    (folder / "manifest.csv").mkdir()
    assert desk.take_in().outcome == "NothingNew"
    assert lying(folder) == ["a.wav", "manifest.csv"]


def test_a_linked_drop_is_none(desk: Desk, tmp_path: Path) -> None:
    """A link in the landing zone is neither followed nor removed."""
    desk.deliver([Call("a", content=TONE)], drop="away")
    (desk.landing / "away").rename(tmp_path / "away")
    (desk.landing / "drop-1").symlink_to(tmp_path / "away")
    assert desk.take_in().outcome == "NothingNew"
    assert lying(tmp_path / "away") == ["a.wav", "manifest.csv"]
    assert (desk.landing / "drop-1").is_symlink()
    (desk.landing / "drop-1").unlink()


def test_a_file_that_comes_during_the_run(desk: Desk) -> None:
    """It is not removed; the drop stays open for it, and the next run takes it in."""
    folder = desk.deliver([Call("a")])

    def arrive(_task: SealTask) -> None:
        (folder / "late.wav").write_bytes(TONE)

    desk.pool.before = arrive
    report = desk.take_in()
    assert totals(report) == (1, 1, 0, 0)
    assert len(report.failures) == 1
    assert (folder / "late.wav").read_bytes() == TONE

    desk.pool.before = lambda _task: None
    report = desk.take_in()
    assert totals(report) == (1, 0, 0, 1)
    assert report.failures == []
    assert desk.refused() == [(Reason.NOT_IN_MANIFEST, TONE)]
    assert [row["files"] for row in desk.rows(t.drops)] == [2]
    desk.check()


def test_a_manifest_replaced_during_the_run(desk: Desk) -> None:
    """The new one is not removed unread: it makes a drop of its own."""
    folder = desk.deliver([Call("a")])
    late = Call("late", content=TONE)

    def arrive(_task: SealTask) -> None:
        write_manifest(folder, [late.cells(NOW)])

    desk.pool.before = arrive
    report = desk.take_in()
    assert totals(report) == (1, 1, 0, 0)
    assert len(report.failures) == 1
    assert lying(folder) == ["manifest.csv"]

    desk.pool.before = lambda _task: None
    (folder / late.name).write_bytes(TONE)
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    assert TONE in desk.recordings()
    assert [row["state"] for row in desk.rows(t.drops)] == ["complete", "complete"]
    assert lying(desk.landing) == []
    desk.check()


def test_a_drop_that_vanishes(desk: Desk) -> None:
    """A drop taken away half-way is closed; what was taken in of it stays."""
    desk.pool.faults["b.wav"] = ["crashed", "crashed"]
    folder = desk.deliver([Call("a"), Call("b")])
    desk.take_in()
    for name in ("b.wav", "manifest.csv"):
        (folder / name).unlink()
    folder.rmdir()
    report = desk.take_in()
    assert (report.outcome, report.failures) == ("NothingNew", [])
    assert [row["state"] for row in desk.rows(t.drops)] == ["complete"]
    assert desk.recordings() == [Call("a").media]
    desk.check()


def test_stray_files_in_the_landing_zone(desk: Desk) -> None:
    """What lies beside the drops is nobody's and stays."""
    desk.deliver([Call("a")])
    (desk.landing / "readme.txt").write_text("hello")
    (desk.instance.settings.landing / "readme.txt").write_text("hello")
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    assert lying(desk.landing) == ["readme.txt"]
    (desk.instance.settings.landing / "readme.txt").unlink()


def test_a_folder_name_that_is_not_utf8(desk: Desk) -> None:
    """A drop may be called anything."""
    desk.deliver([Call("a")], drop=os.fsdecode(b"caf\xe9"))
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    assert lying(desk.landing) == []
    desk.check()

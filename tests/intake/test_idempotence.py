"""The same again changes nothing; cut short anywhere and run again, the end is the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.intake import batches, leaving, stage
from callward.intake.stage import reconcile
from callward.vault.stores import ObjectStore
from tests.intake.support import Desk, lying, totals
from tests.support import NOW, Call, PassingGates, tone

TONE = tone(pitch=777)


def test_nothing_new(desk: Desk) -> None:
    """A second run finds nothing and says so."""
    desk.deliver([Call("a")])
    desk.take_in()
    before = desk.snapshot()
    report = desk.take_in()
    assert (report.outcome, report.counts, report.failures) == ("NothingNew", {}, [])
    assert desk.snapshot() == before


def test_the_same_content_again(desks: Callable[[], Desk]) -> None:
    """In the same drop's next delivery, another drop, the same batch or another: a duplicate."""
    for size, nights, drop in ((10, 2, "drop-1"), (10, 2, "drop-2"), (10, 1, "x"), (1, 1, "x")):
        desk = desks().sized(size)
        desk.deliver([Call("a")])
        report = desk.take_in() if nights == 2 else None
        desk.deliver([Call("a", file="renamed.wav", agent="another name")], drop=drop)

        report = desk.take_in()

        assert totals(report, "duplicate", "quarantined") == (1, 0)
        assert desk.recordings() == [Call("a").media]
        assert len(desk.rows(t.interactions)) == 1
        assert len(desk.rows(t.people)) == 3
        assert lying(desk.landing) == []
        desk.check()


def test_another_kind_is_another_interaction(desk: Desk) -> None:
    """A voicemail may bear the id of a recording."""
    voicemail = Call("a", kind="voicemail", file="b.wav")
    desk.deliver([Call("a"), voicemail])
    assert totals(desk.take_in()) == (2, 2, 0, 0)


def test_another_controllers_call_is_another(desks: Callable[[], Desk]) -> None:
    """The same id and content of two controllers are two interactions."""
    one, other = desks(), desks()
    for desk in (one, other):
        desk.deliver([Call("a", content=TONE)])
    assert totals(one.take_in()) == totals(other.take_in()) == (1, 1, 0, 0)
    assert not {row["content_digest"] for row in one.rows(t.interactions)} & {
        row["content_digest"] for row in other.rows(t.interactions)
    }


def test_a_folder_name_used_again(desk: Desk) -> None:
    """Next month's delivery under the same folder name is a drop of its own."""
    for month in range(3):
        assert isinstance(desk.instance.clock, FixedClock)
        desk.instance.clock.moment = NOW + timedelta(days=30 * month)
        desk.deliver([Call(f"call-{month}")])
        assert totals(desk.take_in()) == (1, 1, 0, 0)
    desk.deliver([Call("call-2")])  # to the letter as before
    assert totals(desk.take_in()) == (1, 0, 1, 0)
    assert [row["state"] for row in desk.rows(t.drops)] == ["complete"] * 4
    desk.check()


def test_a_quarantined_call_delivered_properly(desk: Desk) -> None:
    """What was refused is not known: the good delivery is taken in."""
    desk.deliver([Call("a", content=TONE[:100])])
    assert totals(desk.take_in(), "quarantined") == (1,)
    desk.deliver([Call("a", content=TONE)])
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    desk.check()


class Cut(BaseException):
    """The end of the process, as far as the code in it can tell."""


class Wire:
    """Counts the steps of a run and trips at one of them."""

    def __init__(self, at: int = 0, error: type[BaseException] = Cut) -> None:
        self.at = at
        self.error = error
        self.steps = 0

    def step(self) -> None:
        """One more thing is about to be done, or has been done."""
        self.steps += 1
        if self.steps == self.at:
            raise self.error

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a step before and one after."""

        def stepping(*args: Any, **kwargs: Any) -> Any:
            self.step()
            result = function(*args, **kwargs)
            self.step()
            return result

        return stepping

    @contextmanager
    def laid(self, monkeypatch: pytest.MonkeyPatch, engine: sa.Engine) -> Iterator[None]:
        """Every effect of ingest is a step: files, objects, commits, gates."""
        with monkeypatch.context() as patch:
            for module, name in (
                (stage, "seal_file"),
                (stage, "record_batch"),
                (leaving, "remove_inside"),
                (leaving, "remove_drop"),
                (leaving, "list_drop"),
                (leaving, "complete_drops"),
                (batches, "complete_drops"),
                (ObjectStore, "put_whole"),
                (ObjectStore, "settle"),
                (ObjectStore, "delete"),
            ):
                patch.setattr(module, name, self.around(getattr(module, name)))
            sa.event.listen(engine, "commit", self._commit)
            try:
                yield
            finally:
                sa.event.remove(engine, "commit", self._commit)

    def _commit(self, _connection: sa.Connection) -> None:
        self.step()


def deliver_two(desk: Desk) -> None:
    """A bit of everything: new, duplicate, refused, unlisted, missing, in two batches."""
    first = desk.deliver([Call("a", content=TONE), Call("b", content=b"no audio"), Call("gone")])
    (first / "gone.wav").unlink()
    (first / "unlisted.wav").write_bytes(tone(pitch=888))
    (first / "link").symlink_to("nowhere")
    desk.deliver([Call("a", content=TONE), Call("c", content=tone(pitch=555))], drop="drop-2")


def test_cut_anywhere(desks: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure at any step, one more run ends where an undisturbed one does."""
    undisturbed = desks().sized(4)
    deliver_two(undisturbed)
    wire = Wire()
    with wire.laid(monkeypatch, undisturbed.instance.engine):
        undisturbed.take_in()
    undisturbed.check()
    expected, steps = undisturbed.picture(), wire.steps
    assert steps > 60
    # A share of the steps, each with the other error; PostgreSQL's commits are slower.
    stride = 3 if undisturbed.instance.engine.dialect.name == "sqlite" else 7
    for at in range(1, steps + 1, stride):
        desk = desks().sized(4)
        deliver_two(desk)
        wire = Wire(at, Cut if at % 2 else RuntimeError)
        with wire.laid(monkeypatch, desk.instance.engine), suppress(wire.error):
            report = desk.take_in()
            assert report.failures != [], f"nobody was told of step {at}"
        assert wire.steps >= at
        desk.take_in()
        assert desk.picture() == expected, f"cut at step {at}"
        desk.check()
        assert [name for name in lying(desk.landing) if "/" in name] == []
        desk.forget()


def test_a_stream_cut_short_leaves_nothing(desk: Desk) -> None:
    """The part of a ciphertext that a killed worker had written goes with its intent."""
    folder = Path(unquote(urlsplit(desk.instance.vault.store.url).path)) / "abcdef"
    folder.mkdir(parents=True)
    (folder / "000000#1").write_bytes(b"part of a ciphertext")
    (folder / "000001").write_bytes(b"a ciphertext")
    with desk.instance.unit() as connection:
        connection.execute(t.intents.insert().values(id="abcdef", kind="seal", created_at=NOW))
    assert reconcile(desk.instance) == 1
    assert lying(folder) == []
    desk.check()


def test_a_cut_between_two_batches_of_a_drop(desk: Desk) -> None:
    """The first half is not taken in again, nor does its absence count against the drop."""
    desk = desk.sized(2)
    folder = desk.deliver([Call(name) for name in "abcd"])
    (folder / "unlisted.wav").write_bytes(TONE)

    class CutsSecond(PassingGates):
        """Ends the run at the second batch."""

        def check(self, suite: str, frame: Any) -> Any:
            """Cut at the third check."""
            if len(self.seen) == 2:
                raise Cut
            return super().check(suite, frame)

    with pytest.raises(Cut):
        desk.take_in(CutsSecond())
    assert lying(folder) == ["c.wav", "d.wav", "manifest.csv", "unlisted.wav"]

    report = desk.take_in()

    assert totals(report) == (3, 2, 0, 1)
    assert report.failures == []
    assert [row["files"] for row in desk.rows(t.drops)] == [5]
    assert not folder.exists()
    desk.check()

"""Where final packs lie, and what does not void a decision; on both databases."""

from typing import Any

import pytest

from callward.catalogue.guard import BusyError, exclusive
from callward.evidence.verify import verify_pack
from callward.instance import Instance
from callward.review import book, stage
from callward.review.deciding import ReviewState
from callward.run import StageReport
from callward.vault.cells import CellError
from tests.review.setting import (
    Sky,
    approved,
    comment,
    decide,
    later,
    pack_file,
    packs,
    previous,
    publish,
    start,
    work_of,
)
from tests.support import snapshot


def test_only_what_was_published_is_in_evidence(
    noticed: Instance, sky: Sky, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A final pack whose review was not entered stays among the drafts, and none follows it."""
    review = approved(noticed)
    with monkeypatch.context() as patch:
        patch.setattr(book, "publish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(noticed, review)
    sky.clouds = 2
    review = comment(noticed, start(noticed).review)
    assert decide(noticed, review, ReviewState.REJECTED).pack is None
    assert packs(noticed) == ["draft", "annual", "draft"]
    assert list(noticed.settings.evidence.glob("*.zip")) == []
    later(noticed, days=365)
    assert previous(noticed, start(noticed).review) is None


def test_killed_behind_publishing_the_next_run_moves_the_pack(
    noticed: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is entered as published is in evidence from then on, and a pack never entered is not."""
    review = approved(noticed)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "settle", lambda _: None)
        done = publish(noticed, review)
    assert not pack_file(noticed, done.pack).exists()
    work, run = work_of(noticed)
    assert stage.take_up(noticed, work, run, StageReport("r"), begin=False) is None
    assert verify_pack(pack_file(noticed, done.pack), expected_key=noticed.signer.verifier).passed


def test_withdrawing_waits_for_whoever_publishes(noticed: Instance) -> None:
    """Or a signed pack would be out of a review that is over."""
    review = approved(noticed)
    with exclusive(noticed.engine), pytest.raises(BusyError):
        book.withdraw(noticed, review.id)
    assert book.withdraw(noticed, review.id).state is ReviewState.WITHDRAWN


def test_a_key_cell_that_is_away_voids_nothing(
    noticed: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence tells of cells as they are now; what the board has decided waits for the cell."""
    review = approved(noticed)
    before = snapshot(noticed)

    def away(_: Any) -> Any:
        raise CellError("canary")

    with monkeypatch.context() as patch:
        patch.setattr(type(noticed.vault.cells[0]), "generations", away)
        for act in (lambda: publish(noticed, review), lambda: start(noticed)):
            with pytest.raises(CellError, match="is as it was"):
                act()
    after = snapshot(noticed)
    assert [after[name] for name in ("reviews", "packs")] == [
        before[name] for name in ("reviews", "packs")
    ]
    assert publish(noticed, review).state is ReviewState.PUBLISHED

"""Which version of a record is the newest, whatever order they come in."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callward.instructions.model import Retention
from callward.intake.judging import Days, Judged, Known, Outcome, judge
from callward.intake.reasons import Reason
from callward.intake.take import Taken, TakenPart
from callward.vault.sealing import Sealed

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
DAYS = Days(Retention(), NOW)


def taken(
    number: int,
    *,
    ended: int = 0,
    revision: int | None = None,
    kind: str = "call",
    reason: Reason | None = None,
    active: bool = False,
) -> Taken:
    """A record that ended so many minutes into the day before, revised so many after that."""
    at = NOW - timedelta(days=1) + timedelta(minutes=ended)
    part = TakenPart(f"{number:032x}", kind, Sealed(b"", 1, f"{number:064x}", None, b""))
    return Taken(
        kind,
        (part,),
        0,
        external_id="x",
        started_at=at,
        ended_at=at,
        revision=None if revision is None else at + timedelta(minutes=revision),
        reason=reason,
        active=active,
    )


def judged(
    records: Sequence[Taken], contents: Sequence[str], known: dict[str, Known] | None = None
) -> list[Judged]:
    """All of them as versions of one record."""
    same = ["i"] * len(records)
    return list(judge([("r", one) for one in records], same, contents, known or {}, DAYS, {}))


def test_what_is_not_known_is_new() -> None:
    """The first version of a record."""
    (one,) = judged([taken(1)], ["a"])
    assert one.outcome is Outcome.NEW


def test_the_same_content_again_is_a_duplicate_of_any_version() -> None:
    """Also where a newer version has come between."""
    found = judged([taken(1), taken(2, ended=1), taken(3)], ["a", "b", "a"])
    assert [one.outcome for one in found] == [Outcome.NEW, Outcome.NEWER, Outcome.DUPLICATE]


def test_the_suppliers_word_beats_the_time_it_ended() -> None:
    """A revision that is older stays older, however late the call ended by it."""
    known = {"i": Known(NOW, NOW - timedelta(days=9), "a", {"a"})}
    found = judged([taken(1, ended=60, revision=0)], ["b"], known)
    assert found[0].outcome is Outcome.OLDER


def test_of_two_that_are_as_old_the_later_delivered_wins() -> None:
    """There is nothing else to go by."""
    found = judged([taken(1), taken(2)], ["a", "b"])
    assert [one.outcome for one in found] == [Outcome.NEW, Outcome.NEWER]


@given(st.permutations(range(5)), st.booleans())
def test_the_newest_wins_in_every_order(order: Sequence[int], revised: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever order five versions come in, the same one is the newest at the end."""
    records = [taken(n, ended=0 if revised else n, revision=n if revised else None) for n in order]
    known: dict[str, Known] = {}
    newest = None
    for one, n in zip(records, order, strict=True):
        (found,) = judged([one], [str(n)], known)
        if found.outcome is not Outcome.OLDER:
            newest = n
        before = known.get("i")
        contents = (before.contents if before else set()) | {str(n)}
        if found.outcome is Outcome.OLDER and before is not None:
            known["i"] = Known(before.revision, before.ended_at, before.content, contents)
        else:
            assert one.ended_at is not None
            known["i"] = Known(one.revision, one.ended_at, str(n), contents)
    assert newest == max(order)


def test_one_batch_or_many_is_all_the_same() -> None:
    """Versions in one batch are judged as they would be in batches of their own."""
    for order in itertools.permutations(range(3)):
        records = [taken(n, ended=n) for n in order]
        whole = [one.outcome for one in judged(records, [str(n) for n in order])]
        assert whole[0] is Outcome.NEW
        for place, n in enumerate(order[1:], start=1):
            newer = n > max(order[:place])
            assert whole[place] is (Outcome.NEWER if newer else Outcome.OLDER)


def test_what_was_refused_says_nothing_of_versions() -> None:
    """A refused record is neither new nor does it make the next one a version."""
    found = judged([taken(1, reason=Reason.NOT_MEDIA), taken(2)], ["a", "b"])
    assert [one.outcome for one in found] == [Outcome.REFUSED, Outcome.NEW]


def test_an_account_in_use_is_not_due() -> None:
    """And once it is left it is due as its class says."""
    used, left = judged(
        [taken(1, kind="agent-account", active=True), taken(2, kind="agent-account")], ["a", "b"]
    )
    assert (used.due, left.due) == (None, left.anchor)

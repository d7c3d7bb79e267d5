"""Facts held against facts, and lines made of what differs."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callward.material.comparing import by_kind, compare, overview, told
from callward.material.model import About, Change, Kind, Noted
from callward.material.values import MOST, code, codes, digest

AT = datetime(2026, 11, 20, 1, tzinfo=UTC)

ABOUTS = st.builds(About, st.sampled_from(Kind), st.sampled_from(["a", "b", "c/x", "c/y"]))
FACTS = st.dictionaries(ABOUTS, st.sampled_from(["1", "2", "3"]), max_size=12)


def noted(number: int, kind: Kind = Kind.LAW, days: int = 0) -> Noted:
    """A change that was found so many days after ``AT``."""
    change = Change(About(kind, f"s{number}"), "1", None)
    return Noted(f"id-{number}", change, AT + timedelta(days=days))


def applied(facts: Mapping[About, str], changes: list[Change]) -> dict[About, str]:
    """The facts after the changes, each of which must find what it says was there."""
    after = dict(facts)
    for one in changes:
        assert after.pop(one.about, None) == one.before
        if one.after is not None:
            after[one.about] = one.after
    return after


@given(FACTS, FACTS)
def test_changes_lead_from_one_to_the_other(
    before: dict[About, str], now: dict[About, str]
) -> None:
    """Nothing is left out, nothing told twice, nothing told that is as it was."""
    changes = compare(before, now)
    assert applied(before, changes) == now
    assert all(one.before != one.after for one in changes)
    assert len({one.about for one in changes}) == len(changes)


@given(FACTS, FACTS)
def test_there_and_back(before: dict[About, str], now: dict[About, str]) -> None:
    """A change that goes back is the same the other way round, in the same order."""
    back = [Change(one.about, one.after, one.before) for one in compare(before, now)]
    assert back == compare(now, before)


@given(FACTS)
def test_order_does_not_matter(facts: dict[About, str]) -> None:
    """Facts read in another order have not changed."""
    assert compare(facts, dict(reversed(facts.items()))) == []


@given(st.text(max_size=200))
def test_values_are_opaque_and_short(text: str) -> None:
    """Whatever is not made of ids and codes is told as its digest."""
    value = code(text)
    assert 0 < len(value) <= MOST
    assert value == text.replace(" ", "-") or value == digest(text)
    assert all(one.isascii() and (one.isalnum() or one in "._:/+-") for one in value)


def test_several_codes() -> None:
    """In the order given, and a word for none."""
    assert codes(["GB", "IE"]) == "GB+IE"
    assert codes([]) == "none"
    assert codes([f"C{number}" for number in range(60)]) == digest(
        "+".join(f"C{number}" for number in range(60))
    )


def test_nothing_is_told_of_nothing() -> None:
    """No line, and an overview that says so."""
    assert told([]) == []
    assert overview([]) == {"waiting": 0, "by_kind": {}, "oldest": None}


def test_a_line_for_all_then_the_newest_first() -> None:
    """How many of which kinds and since when; then each, what it was and became."""
    lines = told([noted(1), noted(2, Kind.ENGINE, days=3)])
    waiting = "2 (engine 1, law 1), the oldest seen 2026-11-20"
    assert lines == [
        f"[review-needed] material changes that no review has dealt with: {waiting}",
        "engine s2: 1 became nothing (seen 2026-11-23)",
        "law s1: 1 became nothing (seen 2026-11-20)",
    ]


def test_many_are_not_all_told() -> None:
    """Ten are; the rest is counted, with where they are listed."""
    lines = told([noted(number) for number in range(13)])
    assert len(lines) == 12
    assert lines[-1] == "and 3 more: `callward changes list`"
    assert by_kind([noted(number) for number in range(13)]) == {"law": 13}

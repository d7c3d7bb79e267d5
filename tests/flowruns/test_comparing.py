"""What does not fit: told apart, with ids, and what cannot be told is said to be so."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from callward.flowruns.comparing import Compared, Nights, Ours, compare
from tests.support import NOW

KEEPS = timedelta(days=90)
SOUND = Ours("a", NOW, None, sound=True)
NOTHING = Compared(asked=True, runs=1)


def compared(ours: list[Ours], **told: object) -> Compared:
    """Compare, with parties that agree unless told otherwise."""
    ids = {one.id for one in ours}
    values: dict[str, object] = {
        "there": {one.id for one in ours if one.missing_since is None},
        "before": ids,
        "lost": (),
        "nights": Nights(),
        "keeps": KEEPS,
    }
    return compare(ours=ours, **(values | told))  # type: ignore[arg-type]  # as told


def test_where_all_agree_there_is_nothing_to_say() -> None:
    """No line, no count."""
    found = compared([SOUND])
    assert found == NOTHING
    assert set(found.counts().values()) == {0}
    assert list(found.lines()) == []


def test_a_run_that_was_not_with_us_is_named() -> None:
    """Until now."""
    assert compared([SOUND], before=()) == replace(NOTHING, unknown=("a",))


def test_what_prefect_would_have_kept_was_deleted() -> None:
    """What is old enough may have been forgotten: which, cannot be told."""
    young = replace(SOUND, missing_since=NOW + KEEPS - timedelta(seconds=1))
    old = replace(SOUND, id="b", missing_since=NOW + KEEPS)
    timeless = replace(SOUND, id="c", last=None, missing_since=NOW)
    found = compared([young, old, timeless])
    assert (found.deleted, found.gone) == (("a",), ("b", "c"))
    said = "\n".join(found.lines())
    assert "sooner than it would forget them: 1 (a)" in said
    assert "forgotten or deleted, which cannot be told: 2 (b, c)" in said


def test_what_began_at_another_time_is_only_looked_at() -> None:
    """Altered, it is named; missing, it is another period's."""
    young = replace(SOUND, id="b", missing_since=NOW, of_period=False)
    found = compared([SOUND, young, replace(SOUND, id="c", sound=False, of_period=False)])
    assert found == replace(NOTHING, tampered=("c",))


def test_what_the_ledger_contradicts_is_named() -> None:
    """Altered, altered until it was read again, or taken away."""
    found = compared([replace(SOUND, sound=False)], healed={"b"}, lost={"c"})
    assert (found.tampered, found.lost) == (("a", "b"), ("c",))


def test_nights_without_a_run_and_runs_without_a_night() -> None:
    """A night by the command line is said; a nightly run that died at once, too."""
    nights = Nights(
        of_period={"n1", "n2"},
        with_runs={"n1", "n0"},
        of_runs={"r1": {"n1"}, "r2": {"n9"}, "r3": ()},
        catalogued={"n1", "n2"},
    )
    found = compared([SOUND], nights=nights)
    assert (found.plain, found.nightless) == (("n2",), ("r2", "r3"))
    assert "run with --plain, or by another command: 1 (n2)" in "\n".join(found.lines())


def test_nobody_asked_is_said_and_nothing_concluded() -> None:
    """Without Prefect only what is with us is looked at."""
    found = compared([replace(SOUND, sound=False)], there=None)
    assert found == Compared(asked=False, runs=1, tampered=("a",))
    assert "Prefect was not asked" in next(iter(found.lines()))


def test_many_ids_are_cut() -> None:
    """Twenty, and how many more there are; the pack has them all."""
    found = compared([], lost={f"{number:03}" for number in range(25)})
    (line,) = found.lines()
    assert line.endswith("019 and 5 more)")
    assert len(found.lost) == 25


_OURS = st.lists(
    st.builds(
        Ours,
        id=st.integers(0, 9).map(str),
        last=st.none() | st.just(NOW),
        missing_since=st.none() | st.integers(0, 200).map(lambda days: NOW + timedelta(days=days)),
        sound=st.booleans(),
    ),
    unique_by=lambda one: one.id,
)


@given(_OURS, st.sets(st.integers(0, 12).map(str)))
def test_every_run_is_told_of_once(ours: list[Ours], there: set[str]) -> None:
    """Missing ones are either deleted or gone, all others neither; lists are sorted."""
    found = compared(ours, there=there)
    missing = {one.id for one in ours if one.missing_since is not None}
    assert sorted([*found.deleted, *found.gone]) == sorted(missing)
    assert set(found.unknown) == there - {one.id for one in ours}
    assert set(found.tampered) == {one.id for one in ours if not one.sound}
    assert list(found.unknown) == sorted(found.unknown)

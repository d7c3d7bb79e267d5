"""Loops are found wherever they stand, and people who repeat themselves are left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.speech.loops import LONGEST_PHRASE, Loop, longest_loop, looped_share

WORDS = st.lists(st.sampled_from(["a", "b", "c", "no", "Yes.", "*", "five"]), max_size=200)
DISTINCT = st.lists(st.text("bcdfg", min_size=1, max_size=8), unique=True, max_size=60)


@given(WORDS)
def test_a_share_is_a_share(words: list[str]) -> None:
    """Any words give a share of 0 to 1, and the longest loop covers no more than all loops."""
    share, loop = looped_share(words), longest_loop(words)
    assert 0 <= loop.share <= share <= 1
    assert (loop == Loop()) is (share == 0)


@given(DISTINCT)
def test_words_that_differ_are_no_loop(words: list[str]) -> None:
    """Nothing repeats where every word is another."""
    assert looped_share(words) == 0
    assert longest_loop(words) == Loop()


@given(
    DISTINCT,
    DISTINCT,
    st.integers(1, LONGEST_PHRASE),
    st.integers(8, 12),
    st.data(),
)
def test_a_loop_is_found_wherever_it_stands(
    before: list[str], after: list[str], phrase: int, repeats: int, data: st.DataObject
) -> None:
    """A phrase repeated between other words is found with its length, repeats and share."""
    looped = [f"x{number}" for number in range(phrase)] * repeats
    cut_off = looped[: data.draw(st.integers(0, phrase - 1))]
    words = [*before, *looped, *cut_off, *after]
    share = (len(looped) + len(cut_off)) / len(words)
    assert longest_loop(words) == Loop(phrase, repeats, share)
    assert looped_share(words) == pytest.approx(share)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "no no no",
        "No, no, no, no, no!",
        "five five five five",
        "the sort code is 0 0 0 0 0 0 and thank you thank you thank you",
        "yes yes yes yes yes yes yes",
        "I said no I said no I said no and that is it",
        "* * * * * * * * * * * * * * * *",
        "... - ... - ... - ... - ... -",
    ],
)
def test_people_may_repeat_themselves(said: str) -> None:
    """What callers say, and masks and dashes, are no loop."""
    assert looped_share(said.split()) == 0
    assert longest_loop(said.split()) == Loop()


@pytest.mark.parametrize(
    ("said", "phrase", "repeats"),
    [
        ("Thank you. thank YOU, Thank you! Thank - you.", 2, 4),
        ("you You you, you. you you you you", 1, 8),
        ("a b c A b c, a B c a - b c a.", 3, 4),
        ("हाँ जी हाँ जी हाँ जी हाँ, जी।", 2, 4),
    ],
)
def test_case_and_punctuation_do_not_count(said: str, phrase: int, repeats: int) -> None:
    """A loop stays one however its words are written."""
    found = longest_loop(said.split())
    assert (found.phrase, found.repeats) == (phrase, repeats)


def test_several_loops_add_up() -> None:
    """The share is of all loops, the longest is one of them."""
    words = ["you"] * 8 + ["we", "can", "hear", "that", "now"] + ["thank", "you"] * 10 + ["right"]
    assert looped_share(words) == pytest.approx(28 / 34)
    assert longest_loop(words) == Loop(2, 10, 20 / 34)


def test_a_phrase_that_is_too_long_is_no_loop() -> None:
    """One word more than a phrase may have, and it is a text read twice."""
    phrase = [f"x{number}" for number in range(LONGEST_PHRASE + 1)]
    assert looped_share(phrase * 10) == 0


@pytest.mark.parametrize(
    "words",
    [["you"] * 100_000, ["a", "b"] * 50_000, [f"word{number}" for number in range(100_000)]],
    ids=["one word", "two words", "all different"],
)
def test_many_words_take_little_time(words: list[str]) -> None:
    """A hundred thousand words take less than a second of processor time."""
    started = time.process_time()
    looped_share(words)
    longest_loop(words)
    assert time.process_time() - started < 2  # of two functions

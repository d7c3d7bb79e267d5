"""Merging channels into turns."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from callward.speech.engine import Word
from callward.speech.merge import TURN_PAUSE, Turn, merge


def channel(number: int) -> st.SearchStrategy[list[Word]]:
    """One channel's words, ordered, each with a text of its own."""
    steps = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 100)), max_size=30)

    def build(gaps: list[tuple[int, int]]) -> list[Word]:
        words, now = [], 0
        for index, (gap, length) in enumerate(gaps):
            start, now = now + gap, now + gap + length
            words.append(Word(f"{number}-{index}", start / 100, now / 100, 0.5))
        return words

    return steps.map(build)


CHANNELS = st.lists(st.just(0), max_size=3).flatmap(
    lambda slots: st.tuples(*(channel(number) for number, _ in enumerate(slots, start=1)))
)


@given(CHANNELS)
def test_each_channel_keeps_its_words_in_order(channels: tuple[list[Word], ...]) -> None:
    """No word is lost, repeated, reordered or given to the other speaker."""
    turns = merge(channels)
    for number, words in enumerate(channels, start=1):
        said = [
            word for turn in turns if turn.speaker == f"channel-{number}" for word in turn.words
        ]
        assert said == words
    assert sum(len(turn.words) for turn in turns) == sum(map(len, channels))


@given(CHANNELS)
def test_turns_follow_each_other(channels: tuple[list[Word], ...]) -> None:
    """Turns start in order, and one speaker's turns are apart by another's or a long pause."""
    turns = merge(channels)
    assert [turn.start for turn in turns] == sorted(turn.start for turn in turns)
    for earlier, later in pairwise(turns):
        assert earlier.speaker != later.speaker or later.start - earlier.end > TURN_PAUSE


def test_question_and_answer_become_turns() -> None:
    """Words close together make a turn; the other channel's answer makes the next."""
    question = [Word("any", 0.0, 0.3, 1), Word("questions", 0.4, 1.0, 1)]
    more = [Word("goodbye", 3.0, 3.5, 1)]
    answer = [Word("no", 1.5, 1.8, 1)]
    assert merge([[*question, *more], answer]) == (
        Turn("channel-1", tuple(question)),
        Turn("channel-2", tuple(answer)),
        Turn("channel-1", tuple(more)),
    )


def test_talking_at_once_leaves_phrases_whole() -> None:
    """An interjection does not tear the phrase it falls into."""
    phrase = [Word("let", 0.0, 0.3, 1), Word("me", 0.3, 0.6, 1), Word("see", 0.6, 1.0, 1)]
    turns = merge([phrase, [Word("yes", 0.4, 0.5, 1)]])
    assert [turn.text for turn in turns] == ["let me see", "yes"]

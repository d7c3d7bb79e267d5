"""Card numbers said in audio: the decision, the muting, and calls of recorded digits."""

import io
import os
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.cards.extent import extent
from callward.cards.grammar import RATE, Sound
from callward.cards.listen import Stretch, numbers
from callward.cards.mute import JOIN, MARGIN, silenced, wav, wav_header, with_margin
from callward.cardscan.hearing import heard, listen
from tests.benchmarks.digits import beside, covers, muted
from tests.cards.spoken import Voices, has_flite


def _say(words: str, *, start: float = 10.0, each: float = 0.3, gap: float = 0.1) -> list[Sound]:
    """Words one after the other; ``-`` is a sound of other speech, ``_`` half a second's pause."""
    said = []
    for word in words.split():
        if word == "_":
            start += 0.5
            continue
        said.append(Sound("" if word == "-" else word, start, start + each))
        start += each + gap
    return said


CARD = "four five three nine _ one two three four _ five six seven eight _ nine one two six"
PHONE = "oh seven seven _ one two three _ four five six _ seven eight"


def test_sixteen_digits_are_a_number() -> None:
    """From the first to the last of them."""
    said = _say(CARD)
    assert numbers(said) == [Stretch(said[0].start, said[-1].end)]


@pytest.mark.parametrize(
    "words", ["one two three", PHONE, "- - - - - - - -", "", "- one - - two - - three - - " * 8]
)
def test_other_things_are_not(words: str) -> None:
    """A telephone number, an order's number, ordinary speech with a digit now and then."""
    assert numbers(_say(words)) == []


def test_some_digits_are_heard_wrong() -> None:
    """A number with gaps is still one, and what is missing at its ends goes with it."""
    said = _say("- five three nine _ - two three four _ five - seven eight _ nine one two -")
    assert numbers(said) == [Stretch(said[0].start, said[-1].end)]


def test_short_sounds_are_no_digits() -> None:
    """Ordinary speech is full of them."""
    assert numbers(_say(CARD, each=0.07, gap=0.02)) == []


def test_a_long_pause_ends_a_number() -> None:
    """Seven digits now and seven later are two things."""
    first = "one two three four five six seven"
    assert numbers([*_say(first), *_say(first, start=60.0)]) == []


def test_speech_after_a_pause_is_no_part_of_a_number() -> None:
    """Nor before one: a number begins and ends where bursts of speech do."""
    number = _say(CARD)
    before = _say("- - - - - - -", start=6.0)
    after = _say("- - two - - - - -", start=number[-1].end + 0.8)
    assert numbers([*before, *number, *after]) == [Stretch(number[0].start, number[-1].end)]


@pytest.mark.parametrize("pause", [0.4, 1.0, 1.9])
def test_a_number_said_slowly_is_one(pause: float) -> None:
    """In groups, with time to look at the card between them."""
    said: list[Sound] = []
    for group in CARD.split("_"):
        said += _say(group, start=said[-1].end + pause if said else 1.0)
    assert numbers(said) == [Stretch(said[0].start, said[-1].end)]


def test_a_number_in_the_midst_of_a_sentence_is_found() -> None:
    """Without a pause before it or after; what else of the sentence goes is no matter here."""
    words = "- " * 20 + CARD.replace("_ ", "") + " -" * 20
    said = _say(words, gap=0.02)
    (found,) = numbers(said)
    assert found.start <= said[20].start
    assert found.end >= said[-21].end


def test_a_group_heard_wrong_does_not_part_a_number() -> None:
    """Two parts that are none for themselves are one, with what is between them."""
    said = _say("four five three nine _ one two _ - - - - - - _ five six seven eight _ nine one")
    assert numbers(said) == [Stretch(said[0].start, said[-1].end)]


def test_two_telephone_numbers_are_no_card_number() -> None:
    """However little there is between them."""
    said = _say("oh seven seven one two three four _ - - - - - - _ oh two six seven eight nine one")
    assert numbers(said) == []


def test_a_zero_behind_another_digit_makes_no_telephone_number() -> None:
    """A card's second digit may well be one."""
    number = "three zero four five _ one two three four _ five six seven eight"
    said = _say(number, each=0.35)
    assert numbers(said) == [Stretch(said[0].start, said[-1].end)]


def test_a_number_goes_as_far_as_it_is_heard_again() -> None:
    """What was heard wrong at first, and right the second time, belongs to it."""
    again = _say(CARD)
    said = [*_say("- - - - _" + CARD[CARD.index("_") + 1 :])[:4], *again[4:]]
    found = Stretch(again[4].start, again[-1].end)
    assert extent(said, again, found) == Stretch(again[0].start, again[-1].end)


def test_speech_that_is_heard_as_digits_the_second_time_is_no_part_of_a_number() -> None:
    """It is as long as a card's number already, and there was a pause."""
    number = _say(CARD)
    after = _say("- two - - - - -", start=number[-1].end + 0.9)
    again = [*number, *_say("one two - - oh - -", start=number[-1].end + 0.9)]
    found = Stretch(number[0].start, after[-1].end)
    assert extent([*number, *after], again, found) == Stretch(number[0].start, number[-1].end)


@given(st.lists(st.tuples(st.sampled_from(["", "one", "oh"]), st.floats(0.02, 3)), min_size=1))
def test_an_extent_begins_and_ends_where_something_was_heard(
    said: list[tuple[str, float]],
) -> None:
    """Whatever was found and heard again; it overlaps what was found."""
    heard_ = [Sound(word, 3.0 * n, 3.0 * n + long) for n, (word, long) in enumerate(said)]
    found = Stretch(heard_[0].start, heard_[len(heard_) // 2].end)
    reach = extent(heard_, heard_[::2], found)
    assert reach.start in {one.start for one in heard_}
    assert reach.end in {one.end for one in heard_}
    assert reach.start < found.end
    assert reach.end > found.start


_STRETCHES = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0.1, 9)).map(lambda at: Stretch(at[0], at[0] + at[1])),
    max_size=6,
)


@given(_STRETCHES)
def test_margins(found: list[Stretch]) -> None:
    """Everything found is inside something muted, apart, in order, within the recording."""
    told = with_margin(found, 40.0)
    for one in found:
        if one.start < 40:
            low, high = max(0, one.start - MARGIN), min(40, one.end + MARGIN)
            assert any(each.start <= low and each.end >= high for each in told)
    assert all(0 <= one.start < one.end <= 40 for one in told)
    gaps = [after.start - one.end for one, after in pairwise(told)]
    assert all(gap > JOIN for gap in gaps)


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=8), st.integers(1, 3), _STRETCHES)
def test_a_muted_file_is_the_same_but_for_silence(
    sizes: list[int], channels: int, found: list[Stretch]
) -> None:
    """However it is cut into pieces: a WAV of the same samples, zero in all channels in places."""
    rate, total = 8, sum(sizes)
    whole = np.arange(1, total * channels + 1, dtype=np.int16).reshape(-1, channels)
    pieces = np.split(whole, np.cumsum(sizes)[:-1]) if sizes else []
    content = b"".join(wav(silenced(pieces, rate, found), rate, channels, total))
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (rate, channels)
        data = np.frombuffer(file.readframes(total + 1), "<i2").reshape(-1, channels)
    quiet = np.zeros(total, bool)
    for one in found:
        quiet[int(one.start * rate) : -int(-one.end * rate // 1)] = True
    assert (data == np.where(quiet[:, np.newaxis], 0, whole)).all()


def test_missing_samples_are_silence() -> None:
    """The file is as long as it was catalogued to be."""
    content = b"".join(wav([np.ones((3, 1), np.int16)], 8, 1, 5))
    assert content[44:] == b"\1\0" * 3 + b"\0" * 4
    assert b"".join(wav([np.ones((9, 1), np.int16)], 8, 1, 2))[44:] == b"\1\0" * 2


def test_a_file_too_long_for_wav_is_refused() -> None:
    """Four gibibytes are what its header can count."""
    with pytest.raises(ValueError, match="too long"):
        wav_header(48_000, 2, 1 << 31)


def test_silence_is_not_listened_to() -> None:
    """An hour of a quiet line takes no recogniser."""
    noise = np.random.default_rng(1).normal(0, 3, 60 * RATE).astype(np.int16)
    assert list(heard(noise)) == []


@pytest.fixture(scope="module")
def voices() -> Voices:
    """Recorded digits, or a skip where there are none."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("CALLWARD_REAL_DATA", default)) / "1_speech"
    if not folder.is_dir():
        pytest.skip("no real data: CALLWARD_REAL_DATA names no folder with 1_speech")
    return Voices(folder, seed=3)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_recorded_numbers(voices: Voices, rate: int) -> None:
    """A clear speaker's number is muted, in calls at both rates; see the benchmark for shares."""
    number = [4, 5, 3, 9, 1, 4, 8, 8, 0, 3, 4, 3, 1, 7, 8, 9]
    voices.digits = {"jackson": voices.digits["jackson"]}
    call = voices.call(voices.recorded(number), rate, stereo=True)
    found = muted(call)
    assert covers(call, found)
    # Speech that follows can be taken for more of it: docs/measured.md says how often.


@pytest.mark.skipif(not has_flite(), reason="flite is not installed")
@pytest.mark.parametrize(
    ("rate", "voice"), [(8000, "awb"), (8000, "rms"), (16000, "kal16"), (16000, "slt")]
)
def test_spoken_numbers(voices: Voices, rate: int, voice: str) -> None:
    """The whole number is muted, little or nothing beside it; a telephone number survives."""
    number = [5, 4, 3, 9, 1, 4, 8, 8, 0, 3, 4, 3, 6, 4, 6, 7]
    call = voices.call(voices.made(number, voice, oh=False), rate)
    found = muted(call)
    assert covers(call, found)
    assert beside(call, found) <= 1.0
    phone = voices.made([0, 7, 7, 0, 0, 9, 0, 0, 1, 2, 3], voice, oh=True)
    assert listen(phone[np.newaxis, ::2]) == []

"""Transcripts to export: one to read, and any that an engine could come up with."""

from typing import Final

from hypothesis import strategies as st

from callward.speech.engine import Word
from callward.speech.merge import Turn
from callward.speech.transcript import Transcript

TRANSCRIPT: Final = Transcript(
    engine="sphinx-5.1",
    language="en-GB",
    seconds=3700.5,
    turns=(
        Turn("channel-1", (Word("good", 0.4, 0.75, 0.9), Word("morning", 0.8, 1.25, 0.8))),
        Turn(
            "channel-2",
            (
                Word("Fish", 2.0, 2.25, 1.0),
                Word("&", 2.25, 2.3, 0.5),
                Word("Chips", 2.3, 2.75, 0.9),
                Word("<please>", 2.75, 3.0, 0.25),
            ),
        ),
        Turn("channel-1", (Word("café", 3661.0, 3661.5, 0.9), Word("你好", 3661.5, 3662.0, 0.9))),
    ),
)
_NASTY: Final = (
    *("-->", "a --> b", "--", ">", "<v x>", "</v>", "&amp;", "&", "WEBVTT", "NOTE", "STYLE"),
    *(
        "\n\n00:00:00.000 --> 00:00:01.000\nx",
        "\r",
        "\x00",
        "\u2028",
        "\x1b[31m",
        "",
        " ",
        "\ud83d",
    ),
    *(
        "x" * 100,
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
    ),
)
TEXTS: Final = st.one_of(st.text(max_size=60), st.sampled_from(_NASTY))
"""Any Unicode, NUL and a lone surrogate among it, and what could pass for WebVTT."""
_SECONDS: Final = st.one_of(
    st.floats(0, 100),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 9).map(float),
)


@st.composite
def transcripts(draw: st.DrawFn, *, odd_times: bool = True) -> Transcript:
    """Turns of words, whatever they are; times in no order, unless they are not to be odd."""
    speakers = st.one_of(st.sampled_from(("channel-1", "channel-2")), TEXTS)
    turns, clock = [], 0.0
    for _ in range(draw(st.integers(0, 4))):
        words = []
        for text in draw(st.lists(TEXTS, min_size=1, max_size=30)):
            if odd_times:
                start, end = draw(_SECONDS), draw(_SECONDS)
            else:
                start = clock + draw(st.integers(0, 3)) / 2
                end = clock = start + draw(st.integers(0, 40)) / 16
            words.append(Word(text, start, end, draw(st.floats(0, 1))))
        turns.append(Turn(draw(speakers), tuple(words)))
    return Transcript(draw(TEXTS), "en-GB", draw(_SECONDS), tuple(turns))

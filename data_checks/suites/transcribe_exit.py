"""Behind transcription: whether what came out can be a transcript of that recording.

Confidence and times are missing where nothing was said. What real speech comes to, by
pocketsphinx (38 files: calls, telephone prompts, digits, reading, two speakers, other
languages): 105 to 231 words a minute of speech found, single digits 62; words in all of
the speech (0.98 or more where there are 10 s of it); no loop at all; mean confidence 0.36
to 0.78 where there are 10 s, anything down to 0 on single words; thunder and silence: no
speech found, no word.
"""

from typing import Final

import pandas as pd

from callward.gates import CRITICAL, WARNING
from data_checks.declare import FEW, Derived, Kind, Suite, between, not_before, true

MEASURES: Final = ["mean_confidence", "first_start", "last_end"]
# Decoders pad the last frame, and resampling rounds.
TAIL_SECONDS: Final = 1.0
# A word or two in a fragment makes any pace; below this the pace is not judged.
PACE_FROM_SECONDS: Final = 10.0
# Fast speech is 250 a minute, times the channels. More is an engine in a loop.
FASTEST: Final = 2000.0
# Seconds of speech found; below this what was made of it is not judged.
SPEECH_FROM_SECONDS: Final = 10.0
# Words a minute of speech found, pauses left out: auctioneers reach 400.
FASTEST_SPEECH: Final = 600.0
# Slower is no reading of digits even: the engine leaves most of it out.
SLOWEST_SPEECH: Final = 40.0
# Of the words: in phrases said over and over, as models do that have lost the thread. Some
# of it is honest: a queue's announcement that comes again and again.
LOOPED_SHARE: Final = 0.3
# In more than one transcript of twenty: then it is the engine, and not a queue.
LOOPED_OFTEN: Final = 0.05
# Seconds of speech found, the longest stretch: below this it may be music, or a cough.
COVERED_FROM_SECONDS: Final = 30.0
# Of the speech found: stretches in which any word was heard. A person looks at what has
# less, and rejects what was music: a call without its words would look like a silent one.
COVERED_SHARE: Final = 0.1
# Below it an engine guesses, or hears another language; what it guesses is told, not stopped.
UNSURE: Final = 0.3


def _of_speech(
    frame: pd.DataFrame, figure: "pd.Series[float]", seconds: float, else_: float
) -> "pd.Series[float]":
    """A figure where there are so many seconds of speech, so that it can be judged."""
    return figure.where(frame["speech"] >= seconds, else_)


def _coverage(frame: pd.DataFrame, seconds: float) -> "pd.Series[float]":
    return _of_speech(frame, frame["covered"] / frame["speech"], seconds, 1.0)


def _spoken_pace(frame: pd.DataFrame, else_: float) -> "pd.Series[float]":
    pace = frame["words"] * 60 / frame["speech"]
    return _of_speech(frame, pace, SPEECH_FROM_SECONDS, else_)


def _sureness(frame: pd.DataFrame) -> "pd.Series[float]":
    return _of_speech(frame, frame["mean_confidence"].fillna(1.0), SPEECH_FROM_SECONDS, 1.0)


def _answered(frame: pd.DataFrame) -> "pd.Series[float]":
    return _of_speech(frame, frame["words"].astype("float64"), SPEECH_FROM_SECONDS, 1.0)


def _measured(frame: pd.DataFrame) -> "pd.Series[bool]":
    return (frame["words"] == 0) | frame[MEASURES].notna().all(axis=1)


SUITE: Final = Suite(
    name="transcribe_exit",
    columns={
        "id": Kind.TEXT,
        "words": Kind.WHOLE,
        "mean_confidence": Kind.NUMBER,
        "words_per_minute": Kind.NUMBER,
        "first_start": Kind.NUMBER,
        "last_end": Kind.NUMBER,
        "seconds": Kind.NUMBER,
        "speech": Kind.NUMBER,
        "covered": Kind.NUMBER,
        "looped": Kind.NUMBER,
        "monotonic": Kind.TRUTH,
        "same_due_day": Kind.TRUTH,
    },
    nullable=frozenset(MEASURES),
    derived=(
        Derived("measured", Kind.TRUTH, _measured),
        Derived("past_end", Kind.NUMBER, lambda f: f["last_end"] - f["seconds"]),
        Derived("coverage", Kind.NUMBER, lambda f: _coverage(f, SPEECH_FROM_SECONDS)),
        Derived("long_coverage", Kind.NUMBER, lambda f: _coverage(f, COVERED_FROM_SECONDS)),
        Derived("spoken_pace", Kind.NUMBER, lambda f: _spoken_pace(f, SLOWEST_SPEECH)),
        Derived("sureness", Kind.NUMBER, _sureness),
        Derived("answered", Kind.NUMBER, _answered),
        Derived(
            "pace",
            Kind.NUMBER,
            lambda f: f["words_per_minute"].where(f["seconds"] >= PACE_FROM_SECONDS, 0.0),
        ),
    ),
    expects=(
        # Our own code copies the day; one that differs would outlive its recording.
        true("due-with-recording", "same_due_day", "N4", severity=CRITICAL),
        between("words-counted", "words", "N4", low=0),
        true("words-measured", "measured", "N4"),
        between("confidence-is-a-share", "mean_confidence", "N4", low=0, high=1),
        between("pace-counted", "words_per_minute", "N4", low=0),
        between("pace-human", "pace", "N4", high=FASTEST),
        between("starts-in-recording", "first_start", "N4", low=0),
        not_before("end-not-before-start", "last_end", "first_start", "N4"),
        between("ends-with-recording", "past_end", "N4", high=TAIL_SECONDS),
        between("seconds-possible", "seconds", "N1", above=0, high=30 * 86_400),
        true("in-order", "monotonic", "N4"),
        between("speech-counted", "speech", "N4", low=0),
        between("pace-of-speech", "spoken_pace", "N4", high=FASTEST_SPEECH),
        between("not-looping", "looped", "N4", low=0, high=LOOPED_SHARE),
        between("speech-covered", "long_coverage", "N4", low=COVERED_SHARE, high=1.001),
        # From here on of batches.
        # An engine that is not sure of most of what it writes does not fit these calls.
        between(
            "sure-of-words",
            "sureness",
            "N4",
            low=UNSURE,
            severity=WARNING,
            mostly=0.5,
            from_rows=FEW,
        ),
        between(
            "speech-heard",
            "coverage",
            "N4",
            low=0.5,
            severity=WARNING,
            mostly=0.8,
            from_rows=FEW,
        ),
        between(
            "speech-paced",
            "spoken_pace",
            "N4",
            low=SLOWEST_SPEECH,
            severity=WARNING,
            mostly=0.8,
            from_rows=FEW,
        ),
        between(
            "loops-rare",
            "looped",
            "N4",
            high=LOOPED_OFTEN,
            severity=WARNING,
            mostly=0.95,
            from_rows=FEW,
        ),
        # Silent channels, a telephone system that records the wrong side, or calls hung up on.
        between(
            "speech-found",
            "speech",
            "N4",
            above=0,
            severity=WARNING,
            mostly=0.5,
            from_rows=FEW,
        ),
        # Speech, and hardly a word in the whole batch: the engine or its model is broken.
        between(
            "words-share",
            "answered",
            "N3",
            low=1,
            severity=CRITICAL,
            mostly=0.1,
            from_rows=FEW,
        ),
    ),
)

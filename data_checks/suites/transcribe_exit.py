"""Behind transcription: whether what came out can be a transcript of that recording.

Confidence and times are missing where nothing was said.
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
# Seconds of speech found; below this what was made of it is not judged.
SPEECH_FROM_SECONDS: Final = 10.0
# Of the words: in phrases said over and over, as models do that have lost the thread.
LOOPED_SHARE: Final = 0.5
# Of the speech found: stretches in which any word was heard. Music and noise are found, too.
COVERED_SHARE: Final = 0.1
# Posterior or probability. Below it an engine guesses; what it guesses is told, not stopped.
UNSURE: Final = 0.2
# Fast speech is 250 a minute, times the channels. More is an engine in a loop.
FASTEST: Final = 2000.0


def _coverage(frame: pd.DataFrame) -> "pd.Series[float]":
    share = frame["covered"] / frame["speech"]
    return share.where(frame["speech"] >= SPEECH_FROM_SECONDS, 1.0)


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
        Derived("coverage", Kind.NUMBER, _coverage),
        Derived("sureness", Kind.NUMBER, lambda f: f["mean_confidence"].fillna(1.0)),
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
        between("not-looping", "looped", "N4", low=0, high=LOOPED_SHARE),
        between("speech-covered", "coverage", "N4", low=COVERED_SHARE, high=1.001),
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
        # Hardly a word in the whole batch: the engine or its model is broken.
        between(
            "words-share",
            "words",
            "N3",
            low=1,
            severity=CRITICAL,
            mostly=0.05,
            from_rows=FEW,
        ),
    ),
)

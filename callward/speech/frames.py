"""What the gates in front of and behind transcription are shown: metadata only, ids opaque."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from callward.instructions.registry import VersionedInstruction
from callward.run import Run
from callward.speech.decision import Candidate
from callward.speech.work import Spoken


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording and what came of it."""

    recording: Candidate
    result: Spoken | str
    """The transcript, or why there is none (a code)."""


def entry(batch: Sequence[Candidate], version: VersionedInstruction, run: Run) -> pd.DataFrame:
    """Recordings about to be transcribed."""
    transcription = version.instruction.transcription
    return pd.DataFrame(
        {
            "id": pd.Series([one.id for one in batch], dtype="str"),
            "controller": pd.Series([one.controller for one in batch], dtype="str"),
            "enabled": transcription.enabled,
            "language": pd.Series([transcription.language for _ in batch], dtype="str"),
            "seconds": pd.Series([one.seconds for one in batch], dtype="float64"),
            "channels": pd.Series([one.channels for one in batch], dtype="int64"),
            "due_day": pd.Series([one.due_day for one in batch], dtype="datetime64[us]"),
            "as_of": pd.Series([run.as_of for _ in batch], dtype="datetime64[us]"),
            "held": pd.Series([one.held for one in batch], dtype="bool"),
        }
    )


_NUMBERS = (
    "mean_confidence",
    "words_per_minute",
    "first_start",
    "last_end",
    "seconds",
    "speech",
    "covered",
    "looped",
)


def exit_(heard: Sequence[Heard], due: Mapping[str, date | None]) -> pd.DataFrame:
    """Transcripts as they came; ``due``: the recordings' due days as they stand now."""
    spoken = [(one.recording, one.result) for one in heard if isinstance(one.result, Spoken)]
    return pd.DataFrame(
        {
            "id": pd.Series([recording.id for recording, _ in spoken], dtype="str"),
            "words": pd.Series([result.words for _, result in spoken], dtype="int64"),
            **{
                name: pd.Series([_gauge(result, name) for _, result in spoken], dtype="float64")
                for name in _NUMBERS
            },
            "monotonic": pd.Series([result.monotonic for _, result in spoken], dtype="bool"),
            "same_due_day": pd.Series(
                [recording.due_day == due.get(recording.id) for recording, _ in spoken],
                dtype="bool",
            ),
        }
    )


def _gauge(spoken: Spoken, name: str) -> float | None:
    """A figure for the gate; confidence and times are missing where nothing was said."""
    if not spoken.words and name == "mean_confidence":
        return None
    value: float | None = getattr(spoken, name)
    return value

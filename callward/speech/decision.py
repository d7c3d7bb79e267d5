"""May this recording be transcribed now? A pure decision with a code for every no."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from callward.instructions.model import Instruction


class Refused(StrEnum):
    """Why a recording is not transcribed."""

    NO_INSTRUCTION = "no-instruction"  # the controller has not enabled it (DESIGN rule 7)
    LANGUAGE = "language-unsupported"  # the engine does not know the instruction's language
    ERASURE = "erasure-instructed"  # its erasure before the due day was instructed
    HELD = "held"  # a hold or restriction stops processing
    DUE = "due"  # it is to be destroyed, not processed
    CARDS = "card-scan-pending"  # it has not been listened to for card numbers
    NO_AUDIO = "no-audio"  # its facts say that there is nothing to hear


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording that has no transcript yet; ``seconds`` of audio, London days."""

    id: str
    controller: str
    interaction_id: str | None
    kind: str
    anchor_day: date
    due_day: date | None
    held: bool
    seconds: float
    channels: int
    store_key: str
    early: bool = False
    scanned: bool = True
    """It was listened to for card numbers, and what was found is muted."""


def decide(
    candidate: Candidate, instruction: Instruction | None, languages: Collection[str], as_of: date
) -> Refused | None:
    """Return why not, or None for yes; the gravest reason first."""
    if instruction is None or not instruction.transcription.enabled:
        return Refused.NO_INSTRUCTION
    due = candidate.due_day is not None and candidate.due_day <= as_of
    language = instruction.transcription.language.split("-")[0].lower()
    against = (
        (Refused.ERASURE, candidate.early),
        (Refused.HELD, candidate.held),
        (Refused.DUE, due),
        (Refused.CARDS, instruction.card_data == "scan" and not candidate.scanned),
        (Refused.LANGUAGE, language not in languages),
        (Refused.NO_AUDIO, candidate.seconds <= 0 or candidate.channels < 1),
    )
    return next((code for code, applies in against if applies), None)

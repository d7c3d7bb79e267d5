"""May this recording go to this engine now? A pure decision with a code for every no."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from callward.enginesettings import Place
from callward.instructions.model import Instruction
from callward.regions import Region, region_of
from callward.subprocessors.checking import Unreadable, may_go_to
from callward.subprocessors.model import SubProcessor


class Refused(StrEnum):
    """Why a recording is not transcribed; what the register says has codes of its own."""

    NO_INSTRUCTION = "no-instruction"  # the controller has not enabled it (DESIGN rule 7)
    ERASURE = "erasure-instructed"  # its erasure before the due day was instructed
    HELD = "held"  # a hold or restriction stops processing
    DUE = "due"  # it is to be destroyed, not processed
    CARDS = "card-scan-pending"  # it has not been listened to for card numbers
    NOT_INSTRUCTED = "engine-not-instructed"  # the instruction does not name the engine
    UNKNOWN_ENGINE = "engine-unknown"  # the settings do not
    LANGUAGE = "language-unsupported"  # the engine does not know the instruction's language
    NOT_AUTHORISED = "sub-processor-not-authorised"  # the controller has not agreed to it
    REGION = "region-outside-uk-eea"  # an engine of our own stands there (promise N9)
    NO_AUDIO = "no-audio"  # its facts say that there is nothing to hear


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording that has no transcript yet; ``seconds`` of audio, London days.

    ``redo``: the engine that a person wants it to be transcribed by, once more.
    """

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
    redo: str = ""

    @property
    def work(self) -> float:
        """Seconds of audio to listen to, every channel counted."""
        return self.seconds * self.channels


@dataclass(frozen=True, slots=True)
class Option:
    """An engine that may be asked, by its name in the settings, and whose it is.

    ``languages``: none named, any. ``known``: what the register has of its sub-processor.
    ``fault``: why it cannot be had at all (a code), or empty.
    """

    name: str
    languages: frozenset[str]
    place: Place
    known: SubProcessor | Unreadable | None = None
    fault: str = ""


def decide(
    candidate: Candidate, instruction: Instruction | None, option: Option | None, as_of: date
) -> str | None:
    """Return why not, or None for yes; the gravest reason first.

    ``option``: None if the settings have no such engine.
    """
    if instruction is None or not instruction.transcription.enabled:
        return Refused.NO_INSTRUCTION
    due = candidate.due_day is not None and candidate.due_day <= as_of
    against = (
        (Refused.ERASURE, candidate.early),
        (Refused.HELD, candidate.held),
        (Refused.DUE, due),
        (Refused.CARDS, instruction.card_data == "scan" and not candidate.scanned),
    )
    code: str | None = next((code for code, applies in against if applies), None)
    code = code or _against_engine(instruction, option, as_of)
    silent = candidate.seconds <= 0 or candidate.channels < 1
    return code or (Refused.NO_AUDIO if silent else None)


def choose(
    candidate: Candidate,
    instruction: Instruction | None,
    options: Sequence[Option | None],
    as_of: date,
) -> tuple[Option | None, str | None]:
    """The first engine that it may go to; else none, and why it may not go to the first."""
    first: str | None = Refused.UNKNOWN_ENGINE
    for number, option in enumerate(options):
        code = decide(candidate, instruction, option, as_of)
        if code is None:
            return option, None
        if number == 0:
            first = code
    return None, first if options else decide(candidate, instruction, None, as_of)


def _against_engine(instruction: Instruction, option: Option | None, as_of: date) -> str | None:
    said = instruction.transcription
    if option is None:
        return Refused.UNKNOWN_ENGINE
    if option.name not in said.engines:
        return Refused.NOT_INSTRUCTED
    language = said.language.split("-", 1)[0].lower()
    if option.languages and language not in option.languages:
        return Refused.LANGUAGE
    return _against_place(instruction, option, as_of) or option.fault or None


def _against_place(instruction: Instruction, option: Option, as_of: date) -> str | None:
    place, said = option.place, instruction.transcription
    if not place.sub_processor:
        ours = region_of(place.country) is not Region.THIRD
        return None if ours else Refused.REGION
    if place.sub_processor not in said.sub_processors:
        return Refused.NOT_AUTHORISED
    return may_go_to(option.known, place.country, as_of, said.transfers)

"""May this recording be transcribed: every combination of what matters."""

from datetime import date, timedelta
from itertools import product

import pytest

from callward.instructions.model import Instruction, Transcription
from callward.speech.decision import Candidate, Refused, decide

AS_OF = date(2026, 11, 20)
BASE = Instruction(
    controller="acorn",
    name="Acorn Ltd",
    effective_from=date(2020, 1, 1),
    approved_by="Head of Data Protection",
    reference="REF/1",
    lawful_basis="contract",
)


def _instruction(*, enabled: bool, language: str) -> Instruction:
    transcription = Transcription(enabled=enabled, language=language)
    return BASE.model_copy(update={"transcription": transcription})


def _candidate(
    due_day: date | None, seconds: float, channels: int, *, held: bool, scanned: bool = True
) -> Candidate:
    return Candidate(
        id="0" * 32,
        controller="acorn",
        interaction_id=None,
        kind="recording",
        anchor_day=AS_OF,
        due_day=due_day,
        held=held,
        seconds=seconds,
        channels=channels,
        store_key="0/0",
        scanned=scanned,
    )


INSTRUCTIONS: list[tuple[Instruction | None, Refused | None]] = [
    (None, Refused.NO_INSTRUCTION),
    (_instruction(enabled=False, language="en-GB"), Refused.NO_INSTRUCTION),
    (_instruction(enabled=False, language="cy"), Refused.NO_INSTRUCTION),
    (_instruction(enabled=True, language="cy"), Refused.LANGUAGE),
    (_instruction(enabled=True, language="en"), None),
    (_instruction(enabled=True, language="en-GB"), None),
]
HELD = {True: Refused.HELD, False: None}
DUE = {
    AS_OF - timedelta(days=400): Refused.DUE,
    AS_OF: Refused.DUE,
    AS_OF + timedelta(days=1): None,
    None: None,
}
SCANNED = {True: None, False: Refused.CARDS}
AUDIO = {
    (0.0, 1): Refused.NO_AUDIO,
    (-1.0, 2): Refused.NO_AUDIO,
    (3.0, 0): Refused.NO_AUDIO,
    (0.1, 1): None,
    (3.0, 2): None,
}
GRAVITY = (
    Refused.NO_INSTRUCTION,
    Refused.HELD,
    Refused.DUE,
    Refused.CARDS,
    Refused.LANGUAGE,
    Refused.NO_AUDIO,
    None,
)


@pytest.mark.parametrize(("instruction", "verdict"), INSTRUCTIONS)
def test_every_combination(instruction: Instruction | None, verdict: Refused | None) -> None:
    """The gravest reason is given; only where there is none at all is the answer yes."""
    for held, due, scanned, audio in product(HELD, DUE, SCANNED, AUDIO):
        reasons = {verdict, HELD[held], DUE[due], SCANNED[scanned], AUDIO[audio]}
        gravest = next(one for one in GRAVITY if one in reasons)
        candidate = _candidate(due, *audio, held=held, scanned=scanned)
        assert decide(candidate, instruction, {"en"}, AS_OF) == gravest


def test_an_engine_without_languages_hears_nobody() -> None:
    """What no engine understands is refused, whatever the instruction."""
    instruction = _instruction(enabled=True, language="en-GB")
    candidate = _candidate(None, 3.0, 2, held=False)
    assert decide(candidate, instruction, (), AS_OF) == Refused.LANGUAGE


def test_a_controller_that_pauses_its_recordings_has_nothing_scanned() -> None:
    """Then nothing is waited for."""
    instruction = _instruction(enabled=True, language="en-GB").model_copy(
        update={"card_data": "pause_and_resume"}
    )
    candidate = _candidate(None, 3.0, 2, held=False, scanned=False)
    assert decide(candidate, instruction, {"en"}, AS_OF) is None

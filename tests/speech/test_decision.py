"""May this recording go to this engine now: every combination of what matters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest

from callward.enginesettings import Place
from callward.instructions.model import Instruction
from callward.instructions.transcription import Transcription, Transfer
from callward.speech.decision import Candidate, Option, Refused, choose, decide
from callward.subprocessors.checking import Unreadable
from callward.subprocessors.model import SubProcessor
from tests.subprocessors.entries import DAY, agreement, certificate, entry, safeguard

HERE = Option("whisper", frozenset(), Place("GB"))
AWAY = Option("acme", frozenset(), Place("GB"), None)
BASE = Instruction(
    controller="acorn",
    name="Acorn Ltd",
    effective_from=date(2020, 1, 1),
    approved_by="Head of Data Protection",
    reference="REF/1",
    lawful_basis="contract",
    transcription=Transcription(
        enabled=True,
        engines=("whisper", "acme"),
        sub_processors=("northwind",),
        transfers=(
            Transfer(
                sub_processor="northwind", country="US", safeguard="IDTA", reference="ACORN/T/1"
            ),
        ),
    ),
)
RECORDING = Candidate(
    id="0" * 32,
    controller="acorn",
    interaction_id=None,
    kind="recording",
    anchor_day=DAY,
    due_day=DAY + timedelta(days=1),
    held=False,
    seconds=3.0,
    channels=2,
    store_key="0/0",
)


@dataclass(frozen=True)
class Case:
    """What is asked; all of it may be changed."""

    recording: Candidate = RECORDING
    instruction: Instruction | None = BASE
    option: Option | None = HERE
    day: date = DAY

    def decided(self) -> str | None:
        """The answer."""
        return decide(self.recording, self.instruction, self.option, self.day)


def said(instruction: Instruction, **changed: Any) -> Instruction:
    """The instruction with something else said of transcription."""
    transcription = Transcription(**{**instruction.transcription.model_dump(), **changed})
    return instruction.model_copy(update={"transcription": transcription})


def northwind(country: str = "GB", **changed: Any) -> Option:
    """An engine at the sub-processor of that name."""
    return Option("acme", frozenset({"en"}), Place(country, "northwind"), entry(**changed))


OURS = Case()
THEIRS = Case(option=northwind())
ABROAD = Case(
    option=northwind(
        "US", regions=["GB", "US"], safeguards=[safeguard(kind="IDTA", countries=["US"])]
    )
)
"""What may go: to an engine of our own, to a sub-processor, and outside the UK and EEA."""


def _recording(**changed: Any) -> Callable[[Case], Case]:
    return lambda case: replace(case, recording=replace(case.recording, **changed))


def _said(**changed: Any) -> Callable[[Case], Case]:
    def change(case: Case) -> Case:
        assert case.instruction is not None
        return replace(case, instruction=said(case.instruction, **changed))

    return change


def _option(**changed: Any) -> Callable[[Case], Case]:
    def change(case: Case) -> Case:
        assert case.option is not None
        return replace(case, option=replace(case.option, **changed))

    return change


def _known(**changed: Any) -> Callable[[Case], Case]:
    def change(case: Case) -> Case:
        assert case.option is not None
        assert isinstance(case.option.known, SubProcessor)
        known = SubProcessor.model_validate(
            {**case.option.known.model_dump(), **changed}, strict=False
        )
        return replace(case, option=replace(case.option, known=known))

    return change


YESTERDAY = DAY - timedelta(days=1)
ANYWHERE: Mapping[str, tuple[str, Callable[[Case], Case]]] = {
    "nobody instructs": ("no-instruction", lambda case: replace(case, instruction=None)),
    "not enabled": ("no-instruction", _said(enabled=False)),
    "erasure": ("erasure-instructed", _recording(early=True)),
    "hold": ("held", _recording(held=True)),
    "due today": ("due", _recording(due_day=DAY)),
    "due before": ("due", _recording(due_day=YESTERDAY)),
    "not scanned": ("card-scan-pending", _recording(scanned=False)),
    "no such engine": ("engine-unknown", lambda case: replace(case, option=None)),
    "engine not named": ("engine-not-instructed", _said(engines=("pocketsphinx",))),
    "another language": ("language-unsupported", _option(languages=frozenset({"cy"}))),
    "no model": ("engine-model-missing", _option(fault="engine-model-missing")),
    "no sound": ("no-audio", _recording(seconds=0.0)),
    "less than none": ("no-audio", _recording(seconds=-1.0)),
    "no channel": ("no-audio", _recording(channels=0)),
}
OWN: Mapping[str, tuple[str, Callable[[Case], Case]]] = {
    "our engine abroad": ("region-outside-uk-eea", _option(place=Place("US"))),
}
SENT: Mapping[str, tuple[str, Callable[[Case], Case]]] = {
    "not agreed to": ("sub-processor-not-authorised", _said(sub_processors=(), transfers=())),
    "not in the register": ("sub-processor-unknown", _option(known=None)),
    "cannot be read": (
        "sub-processor-register-unreadable",
        _option(known=Unreadable("northwind")),
    ),
    "ended": ("sub-processor-ended", _known(status="ended")),
    "nobody approved": ("sub-processor-not-approved", _known(approved_by=None)),
    "no agreement": ("sub-processor-dpa-missing", _known(agreement=None)),
    "agreement over": (
        "sub-processor-dpa-expired",
        _known(agreement=agreement(expires=YESTERDAY)),
    ),
    "not looked into": ("sub-processor-due-diligence-missing", _known(due_diligence=None)),
    "review overdue": ("sub-processor-review-overdue", _known(next_review=YESTERDAY)),
    "trains": (
        "sub-processor-training-not-excluded",
        _known(commitments={"no_training": False, "no_onward_use": True}),
    ),
    "uses": (
        "sub-processor-onward-use-not-excluded",
        _known(commitments={"no_training": True, "no_onward_use": False}),
    ),
    "no certificate": ("sub-processor-certificate-missing", _known(certificates=[])),
    "certificate over": (
        "sub-processor-certificate-expired",
        _known(certificates=[certificate(expires=YESTERDAY)]),
    ),
    "elsewhere": ("region-not-registered", _option(place=Place("FR", "northwind"))),
}
TRANSFER: Mapping[str, tuple[str, Callable[[Case], Case]]] = {
    "not instructed": ("transfer-not-instructed", _said(transfers=())),
    "no safeguard": ("transfer-without-safeguard", _known(safeguards=[])),
    "safeguard over": (
        "transfer-without-safeguard",
        _known(safeguards=[safeguard(kind="IDTA", countries=["US"], expires=YESTERDAY)]),
    ),
    "EU clauses alone": (
        "transfer-without-safeguard",
        _known(safeguards=[safeguard(kind="SCCs", countries=["US"])]),
    ),
}
ROWS = [
    *((OURS, *row) for row in [*ANYWHERE.values(), *OWN.values()]),
    *((THEIRS, *row) for row in [*ANYWHERE.values(), *SENT.values()]),
    *((ABROAD, *row) for row in [*ANYWHERE.values(), *SENT.values(), *TRANSFER.values()]),
]


@pytest.mark.parametrize("case", [OURS, THEIRS, ABROAD])
def test_what_is_in_order_may_go(case: Case) -> None:
    """To an engine of our own, to a sub-processor here, and abroad as instructed."""
    assert case.decided() is None


@pytest.mark.parametrize(("case", "code", "change"), ROWS)
def test_any_single_thing_that_is_wrong_refuses(
    case: Case, code: str, change: Callable[[Case], Case]
) -> None:
    """One input changed of a case that may go: it may not, and the code says why."""
    assert change(case).decided() == code


@pytest.mark.parametrize("case", [OURS, THEIRS, ABROAD])
def test_of_two_reasons_one_is_given(case: Case) -> None:
    """Any two things wrong refuse as well, whatever their order, for one of the two reasons."""
    rows = [*ANYWHERE.values(), *(SENT.values() if case is not OURS else OWN.values())]
    for (one, first), (other, second) in product(rows, rows):
        try:
            changed = second(first(case))
        except AssertionError:
            continue  # what is to be changed was taken away
        assert changed.decided() in (one, other)


def test_the_recordings_own_reasons_come_first() -> None:
    """What is held or due is not looked at further: no engine's state matters to it."""
    for name in ("erasure", "hold", "due today", "not scanned"):
        code, change = ANYWHERE[name]
        assert replace(change(OURS), option=None).decided() == code


@pytest.mark.parametrize("country", ["GB", "IE", "DE", "NO"])
def test_the_uk_and_the_eea_need_no_transfer(country: str) -> None:
    """An instruction without transfers is enough there."""
    case = Case(instruction=said(BASE, transfers=()), option=northwind(country, regions=[country]))
    assert case.decided() is None
    assert Case(option=replace(HERE, place=Place(country))).decided() is None


@pytest.mark.parametrize("language", ["en", "en-GB", "en-US"])
def test_a_language_is_known_by_its_primary_subtag(language: str) -> None:
    """Any English is English; an engine that names no language takes any."""
    english = replace(HERE, languages=frozenset({"en"}))
    assert Case(instruction=said(BASE, language=language), option=english).decided() is None
    assert Case(instruction=said(BASE, language="cy-GB"), option=HERE).decided() is None


def test_a_controller_that_pauses_its_recordings_has_nothing_scanned() -> None:
    """Then nothing is waited for."""
    paused = BASE.model_copy(update={"card_data": "pause_and_resume"})
    case = Case(replace(RECORDING, scanned=False), paused)
    assert case.decided() is None


def test_a_recording_without_a_due_day_is_not_due() -> None:
    """What is kept while an account is in use may be transcribed."""
    assert Case(replace(RECORDING, due_day=None)).decided() is None


def test_the_first_engine_that_may_be_asked_is_chosen() -> None:
    """In the instruction's order; one that may not is passed over."""
    away = northwind()
    assert choose(RECORDING, BASE, [HERE, away], DAY) == (HERE, None)
    broken = replace(HERE, fault="engine-model-missing")
    assert choose(RECORDING, BASE, [broken, away], DAY) == (away, None)
    assert choose(RECORDING, BASE, [None, away], DAY) == (away, None)


def test_if_none_may_be_asked_the_preferred_ones_reason_is_given() -> None:
    """That is what somebody would have to mend."""
    broken = replace(HERE, fault="engine-model-missing")
    unknown = replace(northwind(), known=None)
    assert choose(RECORDING, BASE, [broken, unknown], DAY) == (None, "engine-model-missing")
    assert choose(RECORDING, BASE, [None, broken], DAY) == (None, Refused.UNKNOWN_ENGINE)
    assert choose(RECORDING, None, [], DAY) == (None, Refused.NO_INSTRUCTION)

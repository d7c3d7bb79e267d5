"""What one instruction says: the validated form of a controller's YAML file."""

import hashlib
from datetime import date
from functools import cache
from typing import Annotated, Any, Final, Literal, Self, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from callward.instructions.classes import RETENTION_CLASSES, RetentionClass
from callward.instructions.mapping import MAPPING_EXPECTED, ColumnMapping
from callward.instructions.periods import AT_ONCE, CEILING, Period, within_ceiling
from callward.instructions.strict import Line, Name, Office, Reference, Strict
from callward.instructions.transcription import TRANSCRIPTION_EXPECTED, Transcription

__all__ = ["EXPECTED", "Instruction", "LawfulBasis", "Retention", "Transcription"]

LawfulBasis = Literal[
    "consent",
    "contract",
    "legal-obligation",
    "vital-interests",
    "public-task",
    "legitimate-interests",
]
_NONE = "none"

EXPECTED: Final[dict[str, str]] = {
    "": "keys and values, as in 'name: Acorn Insurance Ltd'",
    "controller": "a short name of 1 to 40 characters from a-z, 0-9 and '-', no '-' in front",
    "name": "the organisation's name, on one line of at most 200 characters",
    "effective_from": "a day such as 2026-01-01",
    "approved_by": "an office rather than a person, without '@' and without numbers of 5 digits",
    "reference": "the controller's reference, on one line of at most 200 characters, without '@'",
    "lawful_basis": "one of " + ", ".join(get_args(LawfulBasis)),
    "retention": "the classes " + ", ".join(RETENTION_CLASSES) + ", each with a period",
    "retention.recordings": "a period such as '45 days', at most 3 years",
    "retention.voicemail": "a period such as '45 days', at most 3 years",
    "retention.messages": "a period such as '3 years', at most 3 years",
    "retention.interactions": "a period such as '3 years', at most 3 years",
    "retention.agent-accounts": "'none', or a period such as '30 days', at most 3 years",
    **TRANSCRIPTION_EXPECTED,
    "card_data": "one of scan, pause_and_resume",
    "time_zone": "a time zone such as Europe/London",
    **MAPPING_EXPECTED,
}
"""What each key must hold, for error messages."""
_MOST_MAPPINGS: Final = 100


def _parse_period(value: Any) -> Any:
    return Period.parse(value) if isinstance(value, str) else value


def _parse_none(value: Any) -> Any:
    return AT_ONCE if value == _NONE else value


def _hold_to_ceiling(period: Period) -> Period:
    if not within_ceiling(period):
        raise ValueError("longer than 3 years")
    return period


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("not a time zone")
    return name


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


RetentionPeriod = Annotated[
    Period,
    BeforeValidator(_parse_period),
    AfterValidator(_hold_to_ceiling),
    PlainSerializer(str, return_type=str),
]
PeriodOrNone = Annotated[
    Period,
    BeforeValidator(_parse_period),
    BeforeValidator(_parse_none),
    AfterValidator(_hold_to_ceiling),
    PlainSerializer(lambda period: str(period) or _NONE, return_type=str),
]


class Retention(Strict):
    """How long each class is kept: after the interaction ended, or the account was left.

    Voicemail is kept as long as recordings unless it is spoken of: who asked for 30
    days for what callers said meant what they said into a machine as well.
    """

    recordings: RetentionPeriod = Period(days=45)
    voicemail: RetentionPeriod | None = None
    messages: RetentionPeriod = CEILING
    interactions: RetentionPeriod = CEILING
    agent_accounts: Annotated[PeriodOrNone, Field(alias="agent-accounts")] = AT_ONCE

    @model_validator(mode="after")
    def _voicemail_as_recordings(self) -> Self:
        if self.voicemail is None:
            self.__dict__["voicemail"] = self.recordings  # frozen, and not given out yet
        return self

    def of(self, retention_class: RetentionClass) -> Period:
        """Return the period of one class."""
        found: Period = getattr(self, retention_class.replace("-", "_"))
        return found

    @property
    def key(self) -> str:
        """A short digest (16 hex digits) of all periods: whose due days agree, has the same."""
        text = "/".join(f"{name}={self.of(name)}" for name in RETENTION_CLASSES)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Instruction(Strict):
    """A controller's documented, dated decision (UK GDPR Art 28(3)(a)).

    ``time_zone``: of times that are delivered without an offset. ``card_data``: who keeps
    card numbers out of its audio, our scan or a pause while they are said.
    """

    controller: Name
    name: Line
    effective_from: date
    approved_by: Office
    reference: Reference
    lawful_basis: LawfulBasis
    retention: Retention = Retention()
    transcription: Transcription = Transcription()
    card_data: Literal["scan", "pause_and_resume"] = "scan"
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "Europe/London"
    mappings: Annotated[dict[Name, ColumnMapping], Field(max_length=_MOST_MAPPINGS)] = Field(
        default_factory=dict
    )

"""What a clause promises, what proves it, and how it was judged: plain values.

Pure and without imports but the standard library's, for packs carry their verifier along
(``callward.evidence.standalone``). Nothing here holds personal data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

Facts = Mapping[str, Any]
"""Figures, codes, days (ISO 8601) and ids by name: plain JSON values."""


class State(StrEnum):
    """What becomes of a clause, the gravest first."""

    GAP = "gap"
    PARTLY = "partly"
    MET = "met"
    NOT_APPLICABLE = "not applicable"


class Weight(StrEnum):
    """What a finding does to its clause. A note only tells."""

    GAP = "gap"
    PARTLY = "partly"
    NOT_APPLICABLE = "not-applicable"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Need:
    """An evidence item that a clause rests on.

    ``kind``: which collector brings it; ``fresh_days``: how many days before the period's
    end the newest thing in it may lie (None: it does not age); ``judge``: the name of the
    pure function that reads it, with what it is to be told (``options``).
    """

    kind: str
    fresh_days: int | None
    judge: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clause:
    """One duty out of a promise; ``owner`` is an office, not a person."""

    id: str
    promise: str
    title: str
    duty: str
    legal_basis: tuple[str, ...]
    iso27001: tuple[str, ...]
    ico: tuple[str, ...]
    owner: str
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """The London days a pack covers, both included."""

    from_day: date
    to_day: date


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of evidence: what was found, when, from what, and where it lies in the pack.

    ``newest``: the moment of the newest thing in it; None if there is nothing in it.
    ``digest``: SHA-256 (hex) of the pack's ``file``.
    """

    id: str
    kind: str
    period: Period
    collected_at: datetime
    source: str
    newest: datetime | None
    file: str
    digest: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Context:
    """What a judge may know beside the facts.

    ``day``: the last London day that counts, the period's end or the day of collecting;
    ``options``: what the map tells it.
    """

    period: Period
    day: date
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a clause is judged as it is: a stable code, how many, and ids of what it is about."""

    weight: Weight
    code: str
    count: int = 0
    about: tuple[str, ...] = ()
    kind: str = ""
    """Of which evidence item; set by whoever asks the judge."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a clause, and why, the gravest finding first."""

    clause: str
    state: State
    findings: tuple[Finding, ...] = ()

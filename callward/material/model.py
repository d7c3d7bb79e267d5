"""Facts that a material change would change, and such changes: plain values, nothing personal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a fact is about; N16 promises a review when one of these changes."""

    NOTICE = "notice"
    LAW = "law"
    INSTRUCTION = "instruction"
    SUB_PROCESSOR = "sub-processor"
    ENGINE = "engine"
    REGION = "region"
    ASSURANCE = "assurance"
    DEPENDENCY = "dependency"


class About(NamedTuple):
    """Which fact: its kind, and ids and codes such as ``acorn/retention``."""

    kind: Kind
    subject: str


Facts = Mapping[About, str]
"""A version, code or digest by what it is about: at most ``MOST`` characters, opaque."""


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that is not what it was; ``before`` is None for a new one, ``after`` for one gone."""

    about: About
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A change as it was entered: when it was found (UTC), and which review dealt with it when."""

    id: str
    change: Change
    found_at: datetime
    review: str | None = None
    dealt_at: datetime | None = None

"""What a run of the night is told, and what its stages answer."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import Clock, today
from callward.errors import FutureAsOfError
from callward.gates import Gates

UNKNOWN = "unknown.controller"
"""Stands for all without an instruction in force; no instruction can claim the name."""
EVERYBODY = "-"
"""Stands where counts are of no controller in particular."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its id, the London day it works for, and whose data (None: everyone's)."""

    night: str
    as_of: date
    controller: str | None = None
    dry_run: bool = False
    approve: str | None = None
    """Hash of the sweep plan that a person has approved."""
    unclear: frozenset[str] = frozenset()
    """Controllers whose newest instruction cannot be read: nothing of theirs is
    transcribed or destroyed."""
    unclear_register: frozenset[str] = frozenset()
    """Sub-processors of which the register cannot be read: nothing goes to them."""
    only: frozenset[str] | None = None
    """Objects that a sweep is limited to (None: all that are due): an erasure at once."""


Progress = Callable[[int, int], None]
"""Called with items done and items known so far."""


def no_progress(done: int, known: int) -> None:
    """For runs that nobody watches."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a stage is given beside the instance: gates and somebody to tell."""

    gates: Gates
    progress: Progress = no_progress


UNITS: Mapping[str, str] = {"transcribe": "seconds of audio"}
"""What the progress of a stage counts, where it is not items."""


def unit_of(stage: str) -> str:
    """What the progress of a stage counts."""
    return UNITS.get(stage, "items")


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """What an engine did for a controller: counts as reported, seconds of audio and of waiting.

    Told to those who watch, and kept nowhere.
    """

    controller: str
    engine: str
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    wall: float = 0.0


@dataclass(slots=True)
class StageReport:
    """Counts of one stage per controller, and what could not be done (codes, no content)."""

    stage: str
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    outcome: str = ""
    """A named outcome other than plain success: ``NothingNew``, ``NothingDue``, …"""
    figures: list[EngineFigures] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What people should know and nobody must mend (codes and ids, no content)."""

    def add(self, controller: str, counts: Mapping[str, int]) -> None:
        """Add counts for one controller."""
        self.counts.setdefault(controller, Counter()).update(counts)

    def merge(self, other: "StageReport") -> None:
        """Add another part of the same stage."""
        for controller, counts in other.counts.items():
            self.add(controller, counts)
        self.failures.extend(other.failures)
        self.figures.extend(other.figures)
        self.notes.extend(other.notes)

    def total(self, name: str) -> int:
        """One count over all controllers."""
        return sum(counts[name] for counts in self.counts.values())


def check_as_of(run: Run, clock: Clock) -> None:
    """Refuse a day that has not come yet, unless nothing will be changed (DESIGN rule 3)."""
    if run.as_of > today(clock) and not run.dry_run:
        raise FutureAsOfError(f"{run.as_of} has not come yet; use --dry-run to look ahead")


def record_counts(
    connection: sa.Connection,
    run: Run,
    stage: str,
    controller: str,
    counts: Mapping[str, int],
    *,
    at: datetime,
) -> None:
    """Keep a stage's counts for the evidence, in the transaction that made them true."""
    connection.execute(
        t.stage_counts.insert().values(
            night=run.night,
            stage=stage,
            controller=controller,
            counts=dict(counts),
            at=at,
        )
    )

"""Which records are new, which are known, and which version of a record is the newest: pure.

Deliveries repeat and come out of order. A record is the same again by reader, kind and
external id; its newest version is by the supplier's own word, else the one that ended
later, else the one delivered later. Earlier versions are kept until they are due.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache

from callward.clock import london_day
from callward.instructions.classes import RetentionClass, class_of
from callward.instructions.model import Retention
from callward.instructions.periods import due_day
from callward.intake.categories import KINDS
from callward.intake.reasons import Reason
from callward.intake.take import Taken
from callward.vault.blind import Blinder

_NEVER = datetime.min.replace(tzinfo=UTC)
ACCOUNT = "agent-account"


class Outcome(StrEnum):
    """What becomes of a record."""

    NEW = "new"
    NEWER = "newer"  # takes the place of the version known
    OLDER = "older"  # comes after a newer one did
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(slots=True)
class Known:
    """What is known of a record: its newest version, and the contents of all of them."""

    revision: datetime | None
    ended_at: datetime
    content: str
    contents: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, repr=False)
class Judged:
    """A record, which it is, and what becomes of it; its days are London days."""

    taken: Taken
    source: str
    interaction: str
    content: str
    outcome: Outcome
    reason: Reason | None
    anchor: date
    due: date | None


class Days:
    """Anchor and due days under one controller's periods; asked thousands of times a night."""

    def __init__(self, retention: Retention, now: datetime) -> None:
        self._retention, self._now = retention, now
        self._dues: dict[tuple[RetentionClass, date], date] = {}

    def anchor(self, taken: Taken) -> date:
        """The day retention counts from: when it ended, or when a refused one came."""
        ended = taken.ended_at
        return london_day(ended if ended is not None and ended < self._now else self._now)

    def due(self, retention_class: RetentionClass, anchor: date) -> date:
        """The day on which something of this class must go."""
        key = (retention_class, anchor)
        if key not in self._dues:
            self._dues[key] = due_day(anchor, self._retention.of(retention_class))
        return self._dues[key]

    def of(self, taken: Taken, anchor: date) -> date | None:
        """When a record's own document is due; an account in use is not."""
        return None if taken.active else self.due(main_class(taken.kind), anchor)


@cache
def main_class(kind: str) -> RetentionClass:
    """The class of a record's document; a recording's details are interactions."""
    category = KINDS.get(kind)
    if category is None:
        return class_of("record")
    return class_of("details") if category.media else category.retention_class


def interaction_of(blinder: Blinder, source: str, taken: Taken) -> str:
    """What makes it the same record again: controller's key, reader, external id, kind."""
    return blinder.object_id("interaction", source, taken.external_id, taken.kind)


def judge(
    records: Iterable[tuple[str, Taken]],
    interactions: Sequence[str],
    contents: Sequence[str],
    known: Mapping[str, Known],
    days: Days,
    failed: Mapping[str, str],
) -> Iterator[Judged]:
    """Say of each record, in the order delivered, what becomes of it.

    ``known`` is what the catalogue knows, and is not changed; ``failed`` are ids of
    documents that a gate has refused.
    """
    seen: dict[str, Known] = {}
    for (source, taken), interaction, content in zip(records, interactions, contents, strict=True):
        anchor = days.anchor(taken)
        reason = taken.reason or (Reason.GATE if taken.id in failed else None)
        if reason is None:
            before = seen.get(interaction) or known.get(interaction)
            outcome, now = _outcome(taken, content, before)
            seen[interaction] = now
        else:
            outcome = Outcome.REFUSED
        due = days.of(taken, anchor)
        yield Judged(taken, source, interaction, content, outcome, reason, anchor, due)


def _outcome(taken: Taken, content: str, before: Known | None) -> tuple[Outcome, Known]:
    ended = taken.ended_at or _NEVER
    if before is None:
        return Outcome.NEW, Known(taken.revision, ended, content, {content})
    if content in before.contents:
        return Outcome.DUPLICATE, before
    contents = before.contents | {content}
    if _age(taken.revision, ended) >= _age(before.revision, before.ended_at):
        return Outcome.NEWER, Known(taken.revision, ended, content, contents)
    return Outcome.OLDER, Known(before.revision, before.ended_at, before.content, contents)


def _age(revision: datetime | None, ended: datetime) -> tuple[datetime, datetime]:
    # One that says how new it is beats one that does not.
    return (revision or _NEVER, ended)

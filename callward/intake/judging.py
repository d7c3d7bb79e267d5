"""Which records are new, which are known, and which version of a record is the newest: pure.

Deliveries repeat and come out of order. A record is the same again by reader, kind and
external id; its newest version is by the supplier's own word, else the one that ended
later, else the one delivered later. Earlier versions are kept until they are due.

Agent accounts come and go: of those without a word for it the one delivered later is the
newest, also if it says what an earlier one said.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache

from callward.clock import london_day
from callward.instructions.classes import WHILE_ACTIVE, RetentionClass, class_of
from callward.instructions.model import Retention
from callward.instructions.periods import due_day
from callward.intake.categories import CATEGORIES, KINDS
from callward.intake.readers.registry import READERS
from callward.intake.reasons import Reason
from callward.intake.take import REFUSED_KIND, Taken
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
    """A record, which it is, and what becomes of it; its days are London days.

    ``main``: the class of its document, of which ``due`` is the due day.
    """

    taken: Taken
    source: str
    interaction: str
    content: str
    outcome: Outcome
    reason: Reason | None
    anchor: date
    main: RetentionClass
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

    def main(self, source: str, taken: Taken, anchor: date) -> RetentionClass:
        """The class of a record's document; of one that was not read, the shortest it may have."""
        if not taken.parts or taken.parts[0].kind != REFUSED_KIND:
            return main_class(taken.kind)
        return min(unread_classes(source, taken.kind), key=lambda one: self.due(one, anchor))


@cache
def main_class(kind: str) -> RetentionClass:
    """The class of a record's document; a recording's details are interactions."""
    category = KINDS.get(kind)
    if category is None:
        return class_of("record")
    return class_of("details") if category.media else category.retention_class


@cache
def unread_classes(source: str, kind: str) -> tuple[RetentionClass, ...]:
    """The classes that a record, or a file of them, may be of that a reader could not read.

    What it would have been, where that is known: all of it is in one object, sound too.
    Else whatever its reader makes, and of a format nobody knows whatever there is.
    """
    if kind in KINDS:
        found = {KINDS[kind].retention_class}
    elif source in READERS:
        found = {KINDS[one].retention_class for one in READERS[source].kinds}
    else:
        found = {category.retention_class for category in CATEGORIES}
    # An account's class may be due at once: nobody could have looked at it.
    return tuple(sorted(found - {WHILE_ACTIVE})) or ("recordings",)


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
        main = days.main(source, taken, anchor)
        due = None if taken.active else days.due(main, anchor)
        yield Judged(taken, source, interaction, content, outcome, reason, anchor, main, due)


def _outcome(taken: Taken, content: str, before: Known | None) -> tuple[Outcome, Known]:
    ended = taken.ended_at or _NEVER
    if before is None:
        return Outcome.NEW, Known(taken.revision, ended, content, {content})
    comes_and_goes = taken.kind == ACCOUNT and taken.revision is None and before.revision is None
    if content == before.content or (content in before.contents and not comes_and_goes):
        return Outcome.DUPLICATE, before
    contents = before.contents | {content}
    if comes_and_goes or _age(taken.revision, ended) >= _age(before.revision, before.ended_at):
        return Outcome.NEWER, Known(taken.revision, ended, content, contents)
    return Outcome.OLDER, Known(before.revision, before.ended_at, before.content, contents)


def _age(revision: datetime | None, ended: datetime) -> tuple[datetime, datetime]:
    # One that says how new it is beats one that does not.
    return (revision or _NEVER, ended)

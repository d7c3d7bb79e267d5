"""What a run of a flow is: as it is told, and as it is kept.

Nothing here needs more than the standard library: a stranger checks digests with it.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias

from callward.ledger.canonical import Json, canonical

RECORDED: Final = "flow-runs-recorded"
"""The event of a leaf that enters runs; its items say ``sha256`` and ``state``,
and ``mended`` if our record had been altered."""
FINAL: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
"""Types of states in which a run has ended."""

Record: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """A run as the orchestrator has it: names, tags and parameters may say anything.

    ``parent`` is the run of whose flow it is a part; moments are aware.
    """

    id: str
    flow: str
    name: str
    state_type: str | None
    state: str | None
    expected: datetime | None
    started: datetime | None
    ended: datetime | None
    runs: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: Collection[str] = ()
    deployment: str | None = None
    parent: str | None = None
    pool: str | None = None


class Source(Protocol):
    """Who knows of runs, and tells them page by page.

    A run *begins* when it started or, not having started, when it was to.
    No run that is there from the first page to the last is left out; one may come twice.
    """

    @property
    def keeps(self) -> timedelta:
        """How long after its end a run is kept at least, unless somebody deletes it."""

    def begun(self, after: datetime | None, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that began within these moments, both included."""

    def ended(self, after: datetime, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that ended within these moments, both included."""

    def unfinished(self, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that began by then and have not ended."""

    def by_id(self, ids: Sequence[str]) -> Iterator[Sequence[Told]]:
        """Those of these runs that are still there."""


@dataclass(frozen=True, slots=True)
class Known:
    """What our catalogue knows: it may be kept of a run, as it is there already."""

    controllers: Collection[str] = frozenset()
    nights: Collection[str] = frozenset()


def digest_of(record: Record) -> str:
    """SHA-256 (hex) of a record's canonical JSON."""
    return hashlib.sha256(canonical(record)).hexdigest()


def moment_of(record: Record, *names: str) -> datetime | None:
    """The first of these moments that the record has."""
    for name in names:
        text = record.get(name)
        if isinstance(text, str):
            return datetime.fromisoformat(text)
    return None


def text_of(record: Record, name: str) -> str | None:
    """A member that is text, or nothing."""
    value = record.get(name)
    return value if isinstance(value, str) else None


def night_of(record: Record) -> str | None:
    """The night that a run belongs to, by its parameter or its tag."""
    parameters, tags = record.get("parameters"), record.get("tags")
    if isinstance(parameters, Mapping) and isinstance(parameters.get("night"), str):
        return str(parameters["night"])
    named = tags if isinstance(tags, list | tuple) else ()
    return next((str(tag)[len(NIGHT_TAG) :] for tag in named if _tags_night(tag)), None)


NIGHT_TAG: Final = "night:"


def _tags_night(tag: Json) -> bool:
    return isinstance(tag, str) and tag.startswith(NIGHT_TAG)

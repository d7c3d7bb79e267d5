"""What does not fit between the orchestrator, our records, the ledger and our own nights."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Final

NIGHTLY: Final = "nightly"


@dataclass(frozen=True, slots=True)
class Ours:
    """A run as we have it; ``sound`` if it is what the ledger last said of it."""

    id: str
    last: datetime | None
    """When it ended or, if it has not, when it began."""
    missing_since: datetime | None
    sound: bool
    of_period: bool = True
    """False if the ledger speaks of it since the period's start, and it began at another time."""


@dataclass(frozen=True, slots=True)
class Nights:
    """Our nights of a period, and those of them and of its runs that are known elsewhere."""

    of_period: Collection[str] = ()
    with_runs: Collection[str] = ()
    """Nights that any run belongs to, of whatever day."""
    of_runs: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Nightly runs of the period, each with the nights that its parts belong to."""
    catalogued: Collection[str] = ()
    """Of all these, those that left something in the catalogue, or are at it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found, as sorted ids; ``asked`` is false where there was nobody to ask."""

    asked: bool
    runs: int
    unknown: tuple[str, ...] = ()
    """There, and not with us until now."""
    deleted: tuple[str, ...] = ()
    """With us and no more there, sooner than the orchestrator forgets by itself."""
    gone: tuple[str, ...] = ()
    """With us and no more there: forgotten or deleted, which cannot be told."""
    tampered: tuple[str, ...] = ()
    """With us, and not what the ledger last said."""
    lost: tuple[str, ...] = ()
    """In the ledger, and not with us."""
    plain: tuple[str, ...] = ()
    """Nights without a run: not run by the orchestrator."""
    nightless: tuple[str, ...] = ()
    """Runs of the whole night that left nothing in the catalogue."""

    def counts(self) -> dict[str, int]:
        """How many of each, by name."""
        lists = (one.name for one in fields(self) if one.name not in {"asked", "runs"})
        return {name: len(getattr(self, name)) for name in lists}

    def lines(self) -> Iterator[str]:
        """What there is to say, for people: counts and ids."""
        if not self.asked:
            yield "Prefect was not asked for flow runs; those stored are shown"
        for name, sentence in _SAID.items():
            ids: tuple[str, ...] = getattr(self, name)
            if ids:
                more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
                yield f"{sentence}: {len(ids)} ({', '.join(ids[:_SHOWN])}{more})"


_SHOWN: Final = 20
_SAID: Final = {
    "unknown": "flow runs in Prefect, and not with us until now",
    "deleted": "flow runs not in Prefect any more, sooner than it would forget them",
    "gone": "flow runs not in Prefect any more, forgotten or deleted, which cannot be told",
    "tampered": "flow runs that are not what the ledger says of them",
    "lost": "flow runs in the ledger, and not with us",
    "plain": "nights without a flow run: run with --plain, or by another command",
    "nightless": "nightly flow runs that left no night in the catalogue",
}


def compare(
    *,
    there: Collection[str] | None,
    before: Collection[str],
    ours: Sequence[Ours],
    lost: Collection[str],
    nights: Nights,
    keeps: timedelta,
    healed: Collection[str] = (),
) -> Compared:
    """Say what does not fit in a period.

    ``there``: runs that the orchestrator has of it, None if it was not asked; ``before``:
    those that we had; ``lost``: runs of the ledger that we have not; ``keeps``: how long
    after its end the orchestrator keeps a run; ``healed``: runs that were not what the
    ledger said until they were read again.
    """
    mine = [one for one in ours if one.of_period]
    missing = [one for one in mine if one.missing_since is not None]
    early = {one.id for one in missing if _too_young(one, keeps)}
    return Compared(
        asked=there is not None,
        runs=len(mine),
        unknown=_sorted(set(there or ()) - set(before)),
        deleted=_sorted(early),
        gone=_sorted({one.id for one in missing} - early),
        tampered=_sorted({one.id for one in ours if not one.sound} | set(healed)),
        lost=_sorted(set(lost)),
        plain=_sorted(set(nights.of_period) - set(nights.with_runs)),
        nightless=_sorted(
            {run for run, own in nights.of_runs.items() if not set(own) & set(nights.catalogued)}
        ),
    )


def _too_young(run: Ours, keeps: timedelta) -> bool:
    """Of a run without any moment nothing can be told."""
    since = run.missing_since
    return run.last is not None and since is not None and since < run.last + keeps


def _sorted(ids: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(ids))

"""Nights of the year through a real Prefect server, whose clock is the machine's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callward.flowruns.model import FINAL, Source, Told, night_of
from callward.instance import Instance
from callward.run import Run
from tasks.history import flow_runs
from tests.support import PassingGates

_MARGIN = timedelta(days=1)


@dataclass
class Moved:
    """The server's runs at the moments of the year: each night's are moved as far as it was.

    Runs of other people's nights, who use the same server, are left out.
    """

    by: dict[str, timedelta] = field(default_factory=dict)

    @contextmanager
    def history(self) -> Iterator[Source]:
        """``callward.flowruns.stage.History``."""
        with flow_runs() as source:
            yield _MovedRuns(source, self.by)


@dataclass
class _MovedRuns:
    source: Source
    by: dict[str, timedelta]

    @property
    def keeps(self) -> timedelta:
        """As long as the server does."""
        return self.source.keeps

    def begun(self, after: datetime | None, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that began within these moments of the year."""
        yield self._those(lambda one: _within(one.started or one.expected, after, before))

    def ended(self, after: datetime, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that ended within these moments of the year."""
        yield self._those(lambda one: _within(one.ended, after, before))

    def unfinished(self, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that began by then and have not ended."""
        yield self._those(
            lambda one: (
                one.state_type not in FINAL and _within(one.started or one.expected, None, before)
            )
        )

    def by_id(self, ids: Sequence[str]) -> Iterator[Sequence[Told]]:
        """Those that are still there."""
        yield self._those(lambda one: one.id in ids)

    def _those(self, wanted: Callable[[Told], bool]) -> list[Told]:
        pages = self.source.begun(None, datetime.now(UTC) + _MARGIN)
        told = {one.id: one for page in pages for one in page}
        moved = (self._moved(one) for one in told.values())
        return [one for one in moved if one is not None and wanted(one)]

    def _moved(self, run: Told) -> Told | None:
        night = night_of({"parameters": {**run.parameters}, "tags": [*run.tags]})
        by = self.by.get(night or "")
        if by is None:
            return None
        moments = {name: getattr(run, name) for name in ("expected", "started", "ended")}
        return replace(run, **{name: at and at + by for name, at in moments.items()})


def run_night(instance: Instance, run: Run, moved: Moved) -> list[str]:
    """The nightly flow on the year's instance, at the moment its clock shows."""
    from flows.nightly import nightly  # noqa: PLC0415 - two seconds

    moved.by[run.night] = instance.clock.now() - datetime.now(UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.room.open_instance", lambda _home: instance)
        patch.setattr("tasks.evidence.flow_runs", moved.history)
        patch.setattr("data_checks.gate.GreatExpectationsGates", PassingGates)
        state: Any = nightly(as_of=run.as_of, night=run.night, return_state=True)
    return [] if state.is_completed() else [str(state.message)]


def _within(moment: datetime | None, after: datetime | None, before: datetime) -> bool:
    return moment is not None and (after is None or moment >= after) and moment <= before

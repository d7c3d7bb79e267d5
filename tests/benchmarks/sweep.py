"""The sweep of 10,000 due objects out of 100,000 catalogued."""

import hashlib
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from callward import night
from callward.clock import SystemClock, today
from callward.instance import Instance
from callward.vault.filing import NewObject, file_objects
from callward.vault.sealing import Sealed, context, new_key, seal_bytes
from data_checks.gate import GreatExpectationsGates
from tests.benchmarks.memory import PeakMemory
from tests.support import instruct, new_instance

OBJECTS = 100_000
DUE = 10_000
_BATCH = 5000
_FILES = 50  # ciphertexts to a folder of the store


def measure(objects: int = OBJECTS, due: int = DUE, database_url: str = "") -> dict[str, Any]:
    """Seal small recordings into the store, then sweep those that are due."""
    with tempfile.TemporaryDirectory(prefix="callward-bench-") as folder:
        instance = new_instance(
            Path(folder), database_url=database_url, clock=SystemClock(), brake_share=0.9
        )
        instruct(instance)
        fill(instance, objects, due)
        gates = GreatExpectationsGates()
        run = night.new_run(instance)
        with PeakMemory() as memory:
            start = time.perf_counter()
            report = night.retention(instance, night.work_for(instance, gates, run), run)
            seconds = time.perf_counter() - start
        instance.close()
    if report.failures or report.total("shredded") != due:
        raise SystemExit(f"the benchmark's sweep failed: {report.failures}")
    return {
        "objects": objects,
        "due": due,
        "seconds": round(seconds, 2),
        "objects_per_second": round(due / seconds),
        "peak_megabytes": memory.megabytes,
    }


def fill(instance: Instance, objects: int, due: int, *, first: int = 0) -> None:
    """Catalogue objects ``first`` to ``objects``, of which those below ``due`` are due."""
    now = instance.clock.now()
    with instance.unit() as connection:
        instance.vault.blinder(connection, "acorn", now)
    for start in range(first, objects, _BATCH):
        numbers = range(start, min(start + _BATCH, objects))
        with instance.unit() as connection:
            file_objects(connection, instance.vault, list(_batch(instance, numbers, due)), now)


def _batch(instance: Instance, numbers: range, due: int) -> Iterator[NewObject]:
    """Objects with days of 1 to 44 ago, the first ``due`` of them 50."""
    day = today(instance.clock)
    for number in numbers:
        object_id = f"{number:032x}"
        anchor = day - timedelta(days=50 if number < due else 1 + number % 44)
        key = new_key()
        sealed = seal_bytes(key, context("acorn", object_id, "recording"), b"talk")
        store_key = f"{number // _FILES:08x}/{number}"
        # Only what is swept needs a ciphertext in the store; writing is not measured here.
        if number < due:
            instance.vault.store.put_whole(store_key, memoryview(sealed), len(sealed))
        yield NewObject(
            id=object_id,
            controller="acorn",
            kind="recording",
            retention_class="recordings",
            anchor_day=anchor,
            due_day=anchor + timedelta(days=45),
            sealed=Sealed(key, 4, hashlib.sha256(sealed).hexdigest(), store_key, None),
        )

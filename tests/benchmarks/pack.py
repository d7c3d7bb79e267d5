"""A pack over a million leaves and a hundred thousand certificates: made, checked, made again."""

import gc
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.evidence.certificate import build_certificate
from callward.evidence.collect import collect
from callward.evidence.model import Period
from callward.evidence.pack import build_pack
from callward.evidence.predicate import SWEPT
from callward.evidence.verify import verify_pack
from callward.instance import Instance
from callward.ledger import log, proofs
from callward.ledger.leaves import Item, rfc3339
from callward.ledger.nodes import Tiles
from tests.benchmarks.memory import PeakMemory
from tests.evidence.packs import TinyLog, make_predicate
from tests.ledger.bulk import fill
from tests.support import new_instance

LEAVES = 1_000_000
SWEEPS = 365
CONTROLLERS = 274
_FIRST = datetime(2026, 1, 1, 1, tzinfo=UTC)
_PERIOD = Period(date(2026, 1, 1), date(2026, 12, 31))


def measure(
    leaves: int = LEAVES, sweeps: int = SWEEPS, controllers: int = CONTROLLERS
) -> dict[str, Any]:
    """Make the instance, which is not measured, and then all that is."""
    folder = Path(tempfile.mkdtemp(prefix="callward-bench-"))
    try:
        clock = FixedClock(_FIRST + timedelta(days=sweeps + 1))
        instance = new_instance(folder / "home", clock=clock)
        _fill(instance, leaves, sweeps, controllers)
        found = _measure(instance, folder)
        instance.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"leaves": leaves, "certificates": sweeps * controllers, **found}


def _fill(instance: Instance, leaves: int, sweeps: int, controllers: int) -> None:
    """Sweeps with their certificates, and as many other leaves in between as are wanted."""
    with instance.unit() as connection:
        before = log.head(connection).size
    each, rest = divmod(leaves - before - 3 * sweeps, sweeps)
    for number in range(sweeps):
        with instance.unit() as connection:
            fill(connection, each + (rest if number == 0 else 0), _FIRST)
            _sweep(connection, instance, number, controllers)


def _sweep(connection: sa.Connection, instance: Instance, number: int, controllers: int) -> None:
    sweep = f"{number:032x}"
    owned = [_objects(number, one) for one in range(controllers)]
    names = sorted(name for some in owned for name, _ in some)
    at, ids = _FIRST + timedelta(seconds=log.head(connection).size), {"sweep": sweep}
    items = [Item(name) for name in names]
    intent = log.append(connection, "sweep-intent", items, at=at, ids=ids)
    gone = log.append(connection, "keys-destroyed", items, at=at, ids=ids)
    predicate = _predicate(connection, instance, sweep, (intent, gone), at)
    entered, certificates = [], []
    for one, objects in enumerate(owned):
        name = f"{number:04}-c{one:03}"
        said = {**predicate, "id": name, "controller": f"c{one:03}"}
        body = build_certificate(instance.signer, said, objects)
        digest = hashlib.sha256(body.encode()).hexdigest()
        entered.append(Item(name, {"sha256": digest, "objects": len(objects)}))
        certificates.append(
            {
                "id": name,
                "sweep_id": sweep,
                "controller": f"c{one:03}",
                "objects": len(objects),
                "body": body,
                "issued_at": at,
            }
        )
    connection.execute(sa.insert(t.certificates), certificates)
    log.append(connection, SWEPT, entered, at=at, ids=ids)


def _objects(number: int, controller: int) -> list[tuple[str, str]]:
    names = [f"{number:04}{controller:04}{n}" for n in range(2)]
    return [(name, hashlib.sha256(name.encode()).hexdigest()) for name in names]


def _predicate(
    connection: sa.Connection,
    instance: Instance,
    sweep: str,
    positions: tuple[int, int],
    at: datetime,
) -> dict[str, Any]:
    """What all certificates of a sweep say, but whose they are."""
    small = TinyLog(instance.signer)
    said: dict[str, Any] = make_predicate(small, 0, sweep, small.sweep(sweep, ["a", "b", "c"]))
    size = log.head(connection).size
    bodies = log.slice_of(connection, *(positions[0], positions[1] + 1))
    tiles = Tiles(connection)
    intent, gone = (
        proofs.part(body, position, tiles.inclusion(position, size))
        for body, position in zip(bodies, positions, strict=True)
    )
    said["issued_at"] = rfc3339(at)
    said["ledger"] = {
        "checkpoint": log.checkpoint(connection, instance.signer, at),
        "intent": intent,
        "keys_destroyed": gone,
        "exactly": False,
        "complete": size,
    }
    return said


def _measure(instance: Instance, folder: Path) -> dict[str, Any]:
    gc.collect()
    first, build = _timed(lambda: _build(instance, folder / "one"))
    _, verify = _timed(lambda: _verify(instance, first))
    again = _build(instance, folder / "other")
    return {
        "pack_megabytes": round(first.stat().st_size / 1e6),
        "build": build,
        "verify": verify,
        "verify_standalone_seconds": _standalone(instance, first, folder),
        "identical": _digest(first) == _digest(again),
    }


def _build(instance: Instance, folder: Path) -> Path:
    contents = collect(instance, _PERIOD, kind="annual")
    return build_pack(contents, instance.signer, folder)


def _verify(instance: Instance, path: Path) -> None:
    found = verify_pack(path, expected_key=instance.signer.verifier)
    if not found.passed:
        raise SystemExit(f"the benchmark's pack does not verify: {found.checks}")


def _standalone(instance: Instance, path: Path, folder: Path) -> float:
    """Seconds of ``verify.py`` in a process of its own."""
    from callward.evidence.standalone import verifier_source  # noqa: PLC0415 - made as it is asked

    script = folder / "verify.py"
    script.write_text(verifier_source(), encoding="utf-8")
    command = [sys.executable, str(script), str(path), "--key", instance.signer.verifier]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, env={})
    return round(time.perf_counter() - start, 2)


def _timed(act: Any) -> tuple[Any, dict[str, float]]:
    with PeakMemory() as memory:
        wall, processor = time.perf_counter(), _processor()
        found = act()
        seconds, used = time.perf_counter() - wall, _processor() - processor
    return found, {
        "seconds": round(seconds, 2),
        "processor_seconds": round(used, 2),
        "peak_megabytes": memory.megabytes,
    }


def _processor() -> float:
    """Seconds that this process and its ended children have used of processors."""
    import resource  # noqa: PLC0415 - not on every system

    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, kinds))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

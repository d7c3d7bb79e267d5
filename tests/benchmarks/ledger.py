"""Verifying a ledger of a million leaves, and one proof made and checked, on both databases."""

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.catalogue.engine import open_engine, reading
from callward.catalogue.tables import ledger_head, metadata
from callward.evidence.proof import build_proof, check_proof
from callward.ledger import log, nodes
from callward.ledger.leaves import Item, Leaf, Value, body_hash, rfc3339
from callward.ledger.merkle import Frontier, leaf_hash
from callward.ledger.proving import prove_events
from callward.ledger.signing import Signer
from tests.benchmarks.memory import PeakMemory
from tests.conftest import PostgresqlServer

LEAVES = 1_000_000
SIGNED_EVERY = 100  # leaves to a checkpoint: a night's
PROOFS = 50
_BATCH = 10_000
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def measure(leaves: int = LEAVES) -> dict[str, Any]:
    """Both databases in turn; every leaf has an item."""
    folder = Path(tempfile.mkdtemp(prefix="callward-bench-"))
    server: PostgresqlServer | None = None
    try:
        found = {"sqlite": _measure(f"sqlite:///{folder / 'c.sqlite'}", folder / "one", leaves)}
        server = PostgresqlServer(folder)
        url = server.create("bench")
        found["postgresql"] = _measure(url, folder / "other", leaves)
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return {"leaves": leaves, **found}


def _measure(url: str, keys: Path, leaves: int) -> dict[str, Any]:
    keys.mkdir()
    engine, signer = open_engine(url), Signer.create(keys / "signing.key", "bench/log")
    metadata.create_all(engine)
    with engine.begin() as connection:
        _fill(connection, signer, leaves)
    with PeakMemory() as memory, reading(engine) as connection:
        start = time.perf_counter()
        verified = log.verify(connection, [signer.verifier])
        seconds = time.perf_counter() - start
    if verified.items != leaves:
        raise SystemExit("the benchmark's ledger is not what was written")
    made, checked = _prove(engine, signer, leaves)
    engine.dispose()
    return {
        "verify_seconds": round(seconds, 2),
        "peak_megabytes": memory.megabytes,
        "checkpoints": verified.checkpoints,
        "proof_made_milliseconds": round(made * 1000, 2),
        "proof_checked_milliseconds": round(checked * 1000, 2),
    }


def _prove(engine: sa.Engine, signer: Signer, leaves: int) -> tuple[float, float]:
    """Median seconds to make a proof, and to check it."""
    made, checked = [], []
    for number in range(0, leaves, leaves // PROOFS):
        subject = f"{number:032x}"
        start = time.perf_counter()
        with reading(engine) as connection:
            events, note = prove_events(connection, subject)
        content = build_proof(subject, events, note, signer).encode()
        made.append(time.perf_counter() - start)
        start = time.perf_counter()
        found = check_proof(content, signer.verifier)
        checked.append(time.perf_counter() - start)
        if not found.passed:
            raise SystemExit("the benchmark's proof does not verify")
    return statistics.median(made), statistics.median(checked)


def _fill(connection: sa.Connection, signer: Signer, leaves: int) -> None:
    """What ``leaves`` times ``log.append`` would have written, in bulk."""
    log.init(connection)
    frontier = Frontier()
    for start in range(0, leaves, _BATCH):
        numbers = range(start, min(start + _BATCH, leaves))
        made = list(_made(numbers))
        items = ((number, 0, f"{number:032x}", item) for number, (item, _) in made)
        bodies = [(number, "ingested", leaf, _at(number)) for number, (_, leaf) in made]
        _copy(connection, "ledger_items", "leaf, position, subject, body", items)
        _copy(connection, "ledger_leaves", "position, event, body, at", bodies)
        signed = []
        for cut in range(start, numbers.stop, SIGNED_EVERY):
            part = [body_hash(row[2]) for row in bodies[cut - start :][:SIGNED_EVERY]]
            frontier, whole = frontier.grow(part)
            nodes.store(connection, whole)
            note = signer.sign_checkpoint(frontier.size, frontier.root)
            signed.append((frontier.size, note, _at(frontier.size)))
        _copy(connection, "ledger_checkpoints", "size, note, at", signed)
    head = {"size": leaves, "frontier": [one.hex() for one in frontier.hashes]}
    connection.execute(sa.update(ledger_head).values(**head))


def _made(numbers: Iterable[int]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Item and leaf of each number: one of each is encoded, the others are made after it."""
    subject, at = "5" * 32, "2026-01-01T00:00:00.000000Z"
    facts: dict[str, Value] = {
        "bytes": 81234,
        "ciphertext_sha256": "a" * 64,
        "due": "2026-02-15",
        "kind": "note",
    }
    item = Item(subject, facts).encoded()
    ids = {"controller": "acorn", "drop": "b" * 32, "night": "c" * 32}
    counts = {"duplicate": 0, "files": 1, "ingested": 1}
    leaf = Leaf("ingested", at, 1, b"\xdd" * 32, counts, ids).encoded()
    for number in numbers:
        own = item.replace(subject, f"{number:032x}")
        root = leaf_hash(own.encode()).hex()
        yield number, (own, leaf.replace("d" * 64, root).replace(at, rfc3339(_at(number))))


def _at(number: int) -> datetime:
    return _FIRST + timedelta(seconds=number)


def _copy(
    connection: sa.Connection, table: str, columns: str, rows: Iterable[tuple[Any, ...]]
) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    if connection.dialect.name == "postgresql":
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns.split(",")))
    texts = ([_sqlite(value) for value in row] for row in rows)
    statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
    driver.executemany(statement, texts)


def _sqlite(value: Any) -> Any:
    """A moment as SQLAlchemy writes it there."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    return value

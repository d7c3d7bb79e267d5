"""The journal: what an older backup of the catalogue lacks, written at every turn of the root.

A folder per generation holds today's wraps of the page keys, the survivors whose wrap
changed, what was destroyed, and the ledger since the journal before. Wraps open
nothing without the root, which is never here; so the journal may be copied anywhere,
and the newest one is all that makes an older backup useful again. Its head is signed, and
names every file's digest.
"""

import base64
import binascii
import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.durable import sync_folder
from callward.errors import IntegrityError, KeyMissingError
from callward.ledger.canonical import Json, canonical
from callward.ledger.leaves import rfc3339
from callward.ledger.signing import Signer, verify_signature

HEAD = "head.json"
PAGES = "pages.jsonl"
DOMAIN = "journal"
"""Of what the head's signature is over: its canonical JSON without it."""
FILES = frozenset(f"{one}.jsonl" for one in ("pages", "controllers", "moved", "erased", "ledger"))
_PARTIAL = ".partial-"
_AT_ONCE = 5_000
_LEAVES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Journal:
    """One generation's journal as found; its files are read on demand."""

    generation: int
    folder: Path
    head: Mapping[str, Any]

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of one of its files (``pages``, ``moved``, ``erased``, …)."""
        try:
            with (self.folder / f"{name}.jsonl").open(encoding="utf-8") as file:
                for line in file:
                    yield json.loads(line)
        except FileNotFoundError:
            raise KeyMissingError(
                f"the journal of generation {self.generation} has no {name}"
            ) from None
        except ValueError:
            raise IntegrityError(
                f"the journal of generation {self.generation} is damaged in {name}"
            ) from None


def generations(folder: Path) -> list[int]:
    """The generations of which there is a whole journal, oldest first."""
    return sorted(int(path.name.removeprefix("g-")) for path in folder.glob("g-*"))


def read(folder: Path, generation: int) -> Journal:
    """The journal of one generation; KeyMissingError names one that is not there."""
    path = path_of(folder, generation)
    try:
        head = json.loads((path / HEAD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeyMissingError(f"there is no journal of generation {generation}") from None
    except ValueError:
        raise IntegrityError(f"the journal of generation {generation} is damaged") from None
    if not isinstance(head, dict) or head.get("generation") != generation:
        raise IntegrityError(f"the journal of generation {generation} says it is another")
    return Journal(generation, path, head)


def check(one: Journal) -> None:
    """Check a journal's files against its head, and that against its signature.

    Whether ``signed_by`` there is trusted is for the caller to ask. IntegrityError;
    KeyMissingError if a file is not there, but for the page keys, which only the
    newest journal has.
    """
    damaged = f"the journal of generation {one.generation} is not what was signed"
    head = dict(one.head)
    try:
        signature = base64.b64decode(head.pop("signature"), validate=True)
        signed_by, files = str(head["signed_by"]), dict(head["files"])
        size = head["ledger_size"]
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise IntegrityError(damaged) from None
    if files.keys() != FILES or type(size) is not int:
        raise IntegrityError(damaged)
    verify_signature(signed_by, DOMAIN, canonical(head), signature)
    for name, digest in sorted(files.items()):
        if name == PAGES and not (one.folder / PAGES).exists():
            continue
        if _digest(one, name) != digest:
            raise IntegrityError(f"{damaged}, in {name}")


def _digest(one: Journal, name: str) -> str:
    try:
        with (one.folder / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise KeyMissingError(f"the journal of generation {one.generation} has no {name}") from None


def write(
    connection: sa.Connection,
    folder: Path,
    generation: int,
    checkpoint: str,
    at: datetime,
    *,
    signer: Signer,
) -> None:
    """Write the journal of the current ``generation``, whole and durable or not at all.

    ``checkpoint`` is the signed note of the ledger's present head; ``signer`` has the key in
    force. Page keys of older
    journals, which no root opens any more, are removed afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{_PARTIAL}{generation:08d}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    before = generations(folder)
    since = int(read(folder, before[-1]).head["ledger_size"]) if before else 0
    files = {
        f"{name}.jsonl": _write_lines(draft / f"{name}.jsonl", rows)
        for name, rows in _files(connection, generation, since)
    }
    size = int(connection.scalar(sa.select(t.ledger_head.c.size)) or 0)
    head: dict[str, Json] = {
        "generation": generation,
        "created_at": rfc3339(at),
        "since": since,
        "ledger_size": size,
        "checkpoint": checkpoint,
        "files": files,
        "signed_by": signer.verifier,
    }
    signature = base64.b64encode(signer.sign(DOMAIN, canonical(head))).decode()
    _write_lines(draft / HEAD, [{**head, "signature": signature}])
    sync_folder(draft)
    draft.rename(path_of(folder, generation))
    sync_folder(folder)
    for old in before:
        (path_of(folder, old) / PAGES).unlink(missing_ok=True)


def _files(
    connection: sa.Connection, generation: int, since: int
) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    pages, keys, objects, sweeps = t.pages.c, t.object_keys.c, t.objects.c, t.sweeps.c
    yield (
        "pages",
        _rows(
            connection,
            sa.select(
                pages.id,
                pages.controller,
                pages.retention_class,
                pages.due_day,
                pages.wrapped_key,
                pages.filled,
            ).order_by(pages.id),
        ),
    )
    controllers = t.controllers.c
    yield (
        "controllers",
        _rows(
            connection, sa.select(controllers.id, controllers.wrapped_key).order_by(controllers.id)
        ),
    )
    yield (
        "moved",
        _rows(
            connection,
            sa.select(keys.object_id.label("object"), keys.page_id.label("page"), keys.wrapped_key)
            .join(t.pages, pages.id == keys.page_id)
            .where(pages.turned_in == generation)
            .order_by(keys.object_id),
        ),
    )
    yield (
        "erased",
        _rows(
            connection,
            sa.select(objects.id.label("object"))
            .join(t.sweeps, sweeps.id == objects.sweep_id)
            .where(sweeps.generation_after == generation, objects.state == "shredded")
            .order_by(objects.id),
        ),
    )
    yield "ledger", _ledger(connection, since)


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[dict[str, Any]]:
    streamed = connection.execute(query.execution_options(yield_per=_AT_ONCE))
    for row in streamed.mappings():
        yield {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if hasattr(value, "isoformat") else value


def _ledger(connection: sa.Connection, since: int) -> Iterator[dict[str, Any]]:
    """Yield leaves with their items from ``since`` on, some at a time."""
    size = int(connection.scalar(sa.select(t.ledger_head.c.size)) or 0)
    leaves, items = t.ledger_leaves.c, t.ledger_items.c
    for start in range(since, size, _LEAVES_AT_ONCE):
        last = min(start + _LEAVES_AT_ONCE, size) - 1
        bodies: dict[int, list[str]] = defaultdict(list)
        for row in connection.execute(
            sa.select(items.leaf, items.body)
            .where(items.leaf.between(start, last))
            .order_by(items.leaf, items.position)
        ):
            bodies[row.leaf].append(row.body)
        found = connection.execute(
            sa.select(leaves.position, leaves.event, leaves.at, leaves.body)
            .where(leaves.position.between(start, last))
            .order_by(leaves.position)
        )
        for leaf in found:
            yield {
                "position": leaf.position,
                "event": leaf.event,
                "at": rfc3339(leaf.at),
                "body": leaf.body,
                "items": bodies[leaf.position],
            }


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    """Write JSON lines, durably; their SHA-256, hex."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for row in rows:
            line = canonical(dict(row)) + b"\n"
            digest.update(line)
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def path_of(folder: Path, generation: int) -> Path:
    """Where the journal of a generation lies."""
    return folder / f"g-{generation:08d}"

"""The register's entries catalogued so far, version by version.

Every function works inside the caller's transaction on the connection it is given.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue.tables import sub_processors
from callward.ledger import log
from callward.strictyaml import Said
from callward.subprocessors.model import SubProcessor

LOADED_EVENT = "sub-processor-loaded"


@dataclass(frozen=True, slots=True)
class VersionedSubProcessor:
    """An entry as catalogued: version from 1, file digest (hex), when loaded (UTC)."""

    version: int
    digest: str
    loaded_at: datetime
    sub_processor: SubProcessor


def load(connection: sa.Connection, said: Said[SubProcessor], *, at: datetime) -> int | None:
    """Catalogue an entry as its sub-processor's next version and enter it in the ledger.

    Returns the new version's number, or None, with nothing written, if the
    newest version already has this digest. Earlier versions are left as they are.
    """
    entry = said.value
    before = versions(connection, entry.id)[-1:]
    if before and before[0].digest == said.digest:
        return None
    version = before[0].version + 1 if before else 1
    connection.execute(
        sub_processors.insert().values(
            id=entry.id,
            version=version,
            digest=said.digest,
            status=entry.status,
            body=entry.model_dump(mode="json"),
            loaded_at=at,
        )
    )
    ids = {"sub_processor": entry.id, "digest": said.digest}
    log.append(connection, LOADED_EVENT, [], at=at, ids=ids, counts={"version": version})
    return version


def newest(connection: sa.Connection) -> dict[str, VersionedSubProcessor]:
    """Return every sub-processor's newest version, by id, sorted."""
    chosen = (
        sa.select(sub_processors.c.id, sa.func.max(sub_processors.c.version).label("version"))
        .group_by(sub_processors.c.id)
        .subquery()
    )
    same = sa.and_(sub_processors.c.id == chosen.c.id, sub_processors.c.version == chosen.c.version)
    query = sa.select(sub_processors).join(chosen, same).order_by(sub_processors.c.id)
    return {row.id: _from_row(row) for row in connection.execute(query)}


def versions(connection: sa.Connection, sub_processor: str) -> list[VersionedSubProcessor]:
    """Return all versions of a sub-processor's entry, oldest first."""
    query = (
        sa.select(sub_processors)
        .where(sub_processors.c.id == sub_processor)
        .order_by(sub_processors.c.version)
    )
    return [_from_row(row) for row in connection.execute(query)]


def _from_row(row: sa.Row[*tuple[Any, ...]]) -> VersionedSubProcessor:
    # Through JSON: strict validation takes a day as text only from there.
    entry = SubProcessor.model_validate_json(json.dumps(row.body))
    return VersionedSubProcessor(row.version, row.digest, row.loaded_at, entry)

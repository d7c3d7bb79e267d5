"""The residual scan: what is left of a sweep's objects, asked of each store itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance


@dataclass(frozen=True, slots=True)
class Residue:
    """Ids of swept objects of which something is left, by what it is."""

    keys: frozenset[str]
    payloads: frozenset[str]
    ciphertexts: frozenset[str]
    transcripts: frozenset[str]

    def counts(self) -> Mapping[str, int]:
        """How many of each."""
        return {
            "keys": len(self.keys),
            "payloads": len(self.payloads),
            "ciphertexts": len(self.ciphertexts),
            "transcripts": len(self.transcripts),
        }


def scan(instance: Instance, gone: Sequence[tuple[str, str | None]]) -> Residue:
    """Look for what is left of ``gone``: pairs of object id and path in the store."""
    ids = {object_id for object_id, _ in gone}
    with instance.unit() as connection:
        keys = _still(connection, t.object_keys.c.object_id, ids)
        payloads = _still(connection, t.payloads.c.object_id, ids)
        kept = t.objects.c.state != "shredded"
        transcripts = _still(connection, t.objects.c.parent_id, ids, kept)
    return Residue(keys, payloads, _ciphertexts(instance, gone), transcripts)


def _ciphertexts(instance: Instance, gone: Sequence[tuple[str, str | None]]) -> frozenset[str]:
    by_path = {path: object_id for object_id, path in gone if path is not None}
    prefixes = {path.partition("/")[0] for path in by_path}
    found = {path for prefix in sorted(prefixes) for path in instance.vault.store.list(prefix)}
    return frozenset(by_path[path] for path in found & by_path.keys())


def _still(
    connection: sa.Connection,
    column: sa.Column[Any],
    ids: set[str],
    which: sa.ColumnElement[bool] | None = None,
) -> frozenset[str]:
    ordered = sorted(ids)
    found: set[str] = set()
    for start in range(0, len(ordered), 10_000):
        query = sa.select(column).where(column.in_(ordered[start : start + 10_000]))
        found.update(connection.scalars(query if which is None else query.where(which)))
    return frozenset(found)

"""The entries of a register catalogued so far, version by version.

Every method works inside the caller's transaction on the connection it is given.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from callward.instructions.strict import Name, Strict
from callward.ledger import log
from callward.strictyaml import Said


class Listed(Strict):
    """What a register lists, each under an id of its own."""

    id: Name


Entry = TypeVar("Entry", bound=Listed)


@dataclass(frozen=True, slots=True)
class Version(Generic[Entry]):
    """An entry as catalogued: version from 1, file digest (hex), when loaded (UTC)."""

    version: int
    digest: str
    loaded_at: datetime
    value: Entry


@dataclass(frozen=True, slots=True)
class Book(Generic[Entry]):
    """Where a register's entries are catalogued.

    ``event`` and ``about``: what the ledger calls a load, and the entry's id;
    ``columns``: which of its keys have a column of their own.
    """

    table: sa.Table
    model: type[Entry]
    event: str
    about: str
    columns: tuple[str, ...]

    def load(self, connection: sa.Connection, said: Said[Entry], *, at: datetime) -> int | None:
        """Catalogue an entry as its id's next version and enter it in the ledger.

        Returns the new version's number, or None, with nothing written, if the
        newest version already has this digest. Earlier versions are left as they are.
        """
        entry = said.value
        before = self.versions(connection, entry.id)[-1:]
        if before and before[0].digest == said.digest:
            return None
        version = before[0].version + 1 if before else 1
        body = entry.model_dump(mode="json")
        connection.execute(
            self.table.insert().values(
                id=entry.id,
                version=version,
                digest=said.digest,
                body=body,
                loaded_at=at,
                **{name: body[name] for name in self.columns},
            )
        )
        ids = {self.about: entry.id, "digest": said.digest}
        log.append(connection, self.event, [], at=at, ids=ids, counts={"version": version})
        return version

    def newest(self, connection: sa.Connection) -> dict[str, Version[Entry]]:
        """Every entry's newest version, by id, sorted."""
        table = self.table
        chosen = (
            sa.select(table.c.id, sa.func.max(table.c.version).label("version"))
            .group_by(table.c.id)
            .subquery()
        )
        same = sa.and_(table.c.id == chosen.c.id, table.c.version == chosen.c.version)
        query = sa.select(table).join(chosen, same).order_by(table.c.id)
        return {row.id: self._from_row(row) for row in connection.execute(query)}

    def versions(self, connection: sa.Connection, entry_id: str) -> list[Version[Entry]]:
        """All versions of an entry, oldest first."""
        table = self.table
        query = sa.select(table).where(table.c.id == entry_id).order_by(table.c.version)
        return [self._from_row(row) for row in connection.execute(query)]

    def known_before(
        self, connection: sa.Connection, moment: datetime
    ) -> dict[str, list[Version[Entry]]]:
        """Every entry's versions loaded before a moment (aware), oldest first, by id, sorted."""
        table, found = self.table, dict[str, list[Version[Entry]]]()
        query = sa.select(table).where(table.c.loaded_at < moment)
        for row in connection.execute(query.order_by(table.c.id, table.c.version)):
            found.setdefault(row.id, []).append(self._from_row(row))
        return dict(sorted(found.items()))

    def _from_row(self, row: sa.Row[*tuple[Any, ...]]) -> Version[Entry]:
        # Through JSON: strict validation takes a day as text only from there.
        entry = self.model.model_validate_json(json.dumps(row.body))
        return Version(row.version, row.digest, row.loaded_at, entry)

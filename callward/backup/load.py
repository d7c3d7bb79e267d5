"""Loading a backup's tables into an empty catalogue, marked so that nothing opens yet."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from callward.backup.archive import CIPHERTEXTS, Backup, check_files
from callward.backup.rows import read_table
from callward.catalogue import migrate
from callward.catalogue import tables as t
from callward.catalogue.engine import unit_of_work
from callward.catalogue.pending import is_pending, set_pending
from callward.errors import IntegrityError, OperatorError
from callward.ledger import keybook, log, notes


class NotEmptyError(OperatorError):
    """The catalogue to restore into holds something already."""

    code = "catalogue-not-empty"


def load(engine: sa.Engine, backup: Backup, at: datetime) -> None:
    """Fill an empty catalogue, or one whose restore was cut short; the ledger is verified.

    The mark that keeps everything shut is in the first transaction, the rows in the
    second. NotEmptyError; IntegrityError for files that are not what was signed;
    SchemaError for a backup of a newer version.
    """
    check_files(backup)
    if not migrate.known(backup.schema):
        raise migrate.SchemaError(
            f"backup {backup.id} is of revision {backup.schema}, which this version does not know"
        )
    with unit_of_work(engine) as connection:
        _require_empty(connection)
        _clear(connection)
        migrate.upgrade_on(connection, backup.schema)
        set_pending(connection, at)
    with unit_of_work(engine) as connection:
        for name, count in backup.counts.items():
            if name != CIPHERTEXTS:
                _load_table(connection, backup, name, count)
        _set_sequences(connection)
        migrate.upgrade_on(connection)
        _verify_ledger(connection, backup)


def _require_empty(connection: sa.Connection) -> None:
    present = set(sa.inspect(connection).get_table_names()) & t.metadata.tables.keys()
    if "marks" in present and is_pending(connection):
        return
    for name in sorted(present):
        table = t.metadata.tables[name]
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise NotEmptyError("the catalogue to restore into is not empty")


def _clear(connection: sa.Connection) -> None:
    """Only tables that are ours and hold nothing, or what a restore cut short had loaded."""
    t.metadata.drop_all(connection)
    connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))


def _load_table(connection: sa.Connection, backup: Backup, name: str, expected: int) -> None:
    if name not in t.metadata.tables:
        raise IntegrityError(f"backup {backup.id} has a table that nobody knows")
    table, batches = read_table(backup.table(name), name)
    found = 0
    for batch in batches:
        connection.execute(table.insert(), list(batch))
        found += len(batch)
    if found != expected:
        raise IntegrityError(f"table {name} of backup {backup.id} has {found} rows, not {expected}")


def _set_sequences(connection: sa.Connection) -> None:
    """Have PostgreSQL go on counting where the rows loaded end."""
    if connection.dialect.name != "postgresql":
        return
    for table in t.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        names = {"table": table.name, "column": column.name}
        sequence = connection.scalar(
            sa.text("SELECT pg_get_serial_sequence(:table, :column)"), names
        )
        last = connection.scalar(sa.select(sa.func.max(column)))
        if sequence and last:
            connection.execute(sa.select(sa.func.setval(sequence, last)))


def _verify_ledger(connection: sa.Connection, backup: Backup) -> None:
    newest = keybook.newest(connection)
    signed = notes.parse_checkpoint(notes.note_text(backup.checkpoint))
    found = log.verify(connection, [newest] if newest else _signers(backup))
    if (found.size, found.root) != (signed.size, signed.root):
        raise IntegrityError(f"the ledger of backup {backup.id} is not that of its checkpoint")


def _signers(backup: Backup) -> Sequence[str]:
    return [backup.signed_by]

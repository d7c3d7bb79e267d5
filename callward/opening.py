"""Opening a sealed object into a file: recorded first, published only when whole."""

import os
import tempfile
from pathlib import Path
from secrets import token_hex

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.durable import sync_folder
from callward.errors import SettingsError
from callward.instance import Instance
from callward.instructions.periods import CEILING, due_day
from callward.ledger import log
from callward.retention.holds import seal_note


def open_to_file(instance: Instance, object_id: str, reason: str, out: Path) -> int:
    """Write the plaintext to ``out`` (mode 0600, never over a file) and return its size.

    The opening is recorded before the first byte is read. Raises NotFoundError,
    ShreddedError, KeyMissingError or IntegrityError; then there is no file.
    """
    if out.exists():
        raise SettingsError("the file to write is there already")
    if not out.parent.is_dir():
        raise SettingsError("the folder to write into is not there")
    if not reason.strip():
        raise SettingsError("an opening needs a reason")
    _record(instance, object_id, reason)
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=".partial-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            with instance.unit() as connection:
                plaintext = instance.vault.open(connection, object_id)
            size = sum(map(file.write, plaintext))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, out)
    except FileExistsError:
        raise SettingsError("the file to write is there already") from None
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(out.parent)
    return size


def _record(instance: Instance, object_id: str, reason: str) -> None:
    now = instance.clock.now()
    with instance.unit() as connection:
        instance.vault.object_key(connection, object_id)  # nothing to record if it cannot open
        controller = connection.scalar(
            sa.select(t.objects.c.controller).where(t.objects.c.id == object_id)
        )
        reason_id = seal_note(
            connection,
            instance,
            str(controller),
            "opening-reason",
            reason,
            due_day=due_day(today(instance.clock), CEILING),
        )
        connection.execute(
            t.openings.insert().values(
                id=token_hex(16), object_id=object_id, reason_id=reason_id, at=now
            )
        )
        log.append(connection, "opened", [log.Item(object_id, {"reason_id": reason_id})], at=now)

"""Opening a sealed object into a file: recorded first, published only when whole."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import restricted
from callward.clock import today
from callward.durable import sync_folder
from callward.errors import OperatorError, SettingsError
from callward.instance import Instance
from callward.instructions.periods import CEILING, due_day
from callward.ledger import log
from callward.retention.notes import seal_note
from callward.vault.filing import ADMINISTRATION


class RestrictedError(OperatorError):
    """The object's processing is restricted (UK GDPR Art 18): it is kept, and not looked at."""

    code = "restricted"


def open_to_file(
    instance: Instance,
    object_id: str,
    reason: str,
    out: Path,
    *,
    despite_restriction: bool = False,
) -> int:
    """Write the plaintext to ``out`` (mode 0600, never over a file) and return its size.

    The opening is recorded before the first byte is read. Raises NotFoundError,
    ShreddedError, KeyMissingError or IntegrityError; then there is no file. So does
    RestrictedError, unless ``despite_restriction``: with the data subject's consent, for
    legal claims, to protect another person (Art 18(2)); the ledger says that it was.
    """
    require_free(out)
    _record(instance, object_id, reason, despite_restriction=despite_restriction)
    with instance.unit() as connection:
        plaintext = instance.vault.open(connection, object_id)
    return write_privately(out, plaintext)


def open_in_memory(
    instance: Instance, object_id: str, reason: str, *, despite_restriction: bool = False
) -> bytes:
    """The plaintext of something small. Recorded, and refused, as ``open_to_file`` does."""
    _record(instance, object_id, reason, despite_restriction=despite_restriction)
    with instance.unit() as connection:
        plaintext = instance.vault.open(connection, object_id)
    return b"".join(plaintext)


def require_free(out: Path) -> None:
    """Raise SettingsError if ``out`` is there already, or could not be."""
    if out.exists():
        raise SettingsError("the file to write is there already")
    if not out.parent.is_dir():
        raise SettingsError("the folder to write into is not there")


def write_privately(out: Path, content: Iterable[bytes]) -> int:
    """Write to ``out`` (mode 0600, never over a file), whole and on disk; its size in bytes."""
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=".partial-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            size = sum(map(file.write, content))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, out)
    except FileExistsError:
        raise SettingsError("the file to write is there already") from None
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(out.parent)
    return size


def _record(instance: Instance, object_id: str, reason: str, *, despite_restriction: bool) -> None:
    """Enter an opening, and why, in catalogue and ledger: before the first byte is read.

    SettingsError without a reason; otherwise raises what ``open_to_file`` does.
    """
    if not reason.strip():
        raise SettingsError("an opening needs a reason")
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
        body: dict[str, str | int | bool | None] = {"reason_id": reason_id}
        log.lock(connection)  # a restriction being placed is waited for, and then seen
        if _restricted(connection, object_id):
            if not despite_restriction:
                raise RestrictedError(f"the processing of {object_id} is restricted")
            body["despite_restriction"] = True
        log.append(connection, "opened", [log.Item(object_id, body)], at=now)


def _restricted(connection: sa.Connection, object_id: str) -> bool:
    """Whether a restriction covers it; our own notes are nobody's data but ours."""
    objects = t.objects.c
    query = sa.select(objects.id).where(
        objects.id == object_id, objects.retention_class != ADMINISTRATION, restricted()
    )
    return connection.scalar(query) is not None

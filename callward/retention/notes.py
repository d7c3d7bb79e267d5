"""Free text that somebody gave as a reason: sealed, for it may be about anybody."""

from datetime import date
from secrets import token_hex

import sqlalchemy as sa

from callward.clock import today
from callward.instance import Instance
from callward.vault.filing import ADMINISTRATION, NewObject, file_objects, seal_payload


def seal_note(
    connection: sa.Connection,
    instance: Instance,
    controller: str,
    kind: str,
    text: str,
    *,
    due_day: date | None,
) -> str:
    """Seal free text that somebody gave as a reason; returns its object id."""
    note_id, now = token_hex(16), instance.clock.now()
    sealed = seal_payload(instance.vault, controller, note_id, kind, text.encode())
    new = NewObject(
        id=note_id,
        controller=controller,
        kind=kind,
        retention_class=ADMINISTRATION,
        anchor_day=today(instance.clock),
        due_day=due_day,
        sealed=sealed,
    )
    file_objects(connection, instance.vault, [new], now)
    return note_id


def signed(reason: str, who: str) -> str:
    """A reason with who gave it, as it is sealed."""
    return f"{reason}\n\nAsked by: {who}" if who else reason

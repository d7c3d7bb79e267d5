"""Intents: where ciphertexts are about to be written, so that a crash leaves nothing unknown."""

from datetime import datetime
from secrets import token_hex

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import unit_of_work
from callward.errors import DefectError


class IntentLostError(DefectError):
    """Another run has taken this one for dead and cleared what it had written."""

    code = "intent-lost"


def claim_intent(connection: sa.Connection, intent: str) -> None:
    """Before cataloguing: make sure that what lies under ``intent`` is still there to stay.

    IntentLostError, and the caller's transaction is to be rolled back, otherwise.
    """
    claimed = connection.execute(
        t.intents.update()
        .where(t.intents.c.id == intent, t.intents.c.kind == "seal")
        .values(kind="recorded")
    )
    if claimed.rowcount != 1:
        raise IntentLostError(f"intent {intent} was cleared by another run")


def declare_intent(engine: sa.Engine, at: datetime, holder: str | None = None) -> str:
    """Say where ciphertexts are about to be written, so that a crash leaves nothing unknown.

    ``holder``: who of those that share the catalogue (``guard.sharing``).
    """
    intent = token_hex(8)
    with unit_of_work(engine) as connection:
        connection.execute(
            t.intents.insert().values(id=intent, kind="seal", created_at=at, holder=holder)
        )
    return intent


def settle_intent(engine: sa.Engine, intent: str) -> None:
    """Forget an intent: all that was written under it is catalogued or gone."""
    with unit_of_work(engine) as connection:
        connection.execute(t.intents.delete().where(t.intents.c.id == intent))

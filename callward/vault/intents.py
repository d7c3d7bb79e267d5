"""Intents: where ciphertexts are about to be written, so that a crash leaves nothing unknown."""

import sqlalchemy as sa

from callward.catalogue import tables as t
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

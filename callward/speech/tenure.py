"""On what terms a shard is transcribed: alone, or beside others who may take it over."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import sqlalchemy as sa


class Tenure(Protocol):
    """Whoever transcribes a shard asks it before it records, and tells it what it has recorded."""

    @property
    def holder(self) -> str | None:
        """Who writes, for its intents; None: nobody else is at work."""
        ...

    def check(self, connection: sa.Connection) -> None:
        """In a transaction that records, before any other lock: the shard is still one's own.

        LeaseLostError, and the transaction is to be rolled back, otherwise.
        """
        ...

    def done(
        self, connection: sa.Connection, counts: Mapping[str, int], failures: Sequence[str]
    ) -> None:
        """In the transaction that records the transcripts: that is all of the shard.

        LeaseLostError as ``check``.
        """
        ...


class Alone:
    """Nobody else is at work, so there is nothing to ask and nobody to tell."""

    holder = None

    def check(self, connection: sa.Connection) -> None:
        """It is."""

    def done(
        self, connection: sa.Connection, counts: Mapping[str, int], failures: Sequence[str]
    ) -> None:
        """Nobody waits for it."""


ALONE = Alone()


def together(*parts: Mapping[str, int]) -> Counter[str]:
    """Counts added up."""
    whole = Counter[str]()
    for part in parts:
        whole.update(part)
    return whole

"""The mark of a restore that is under way: until it is gone, nothing may be opened."""

from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import OperatorError

MARK = "restore-pending"


class RestorePendingError(OperatorError):
    """A restore has begun here and not ended: erasures may not have been repeated yet."""

    code = "restore-pending"


def set_pending(connection: sa.Connection, at: datetime) -> None:
    """Have nothing opened from now on."""
    connection.execute(t.marks.insert().values(name=MARK, moment=at))


def is_pending(connection: sa.Connection) -> bool:
    """Whether a restore is under way."""
    return connection.scalar(sa.select(t.marks.c.name).where(t.marks.c.name == MARK)) is not None


def clear_pending(connection: sa.Connection) -> None:
    """The restore is whole: everything may be opened again."""
    connection.execute(t.marks.delete().where(t.marks.c.name == MARK))


def require_restored(connection: sa.Connection) -> None:
    """RestorePendingError while a restore is under way."""
    if is_pending(connection):
        raise RestorePendingError("a restore into this instance has not ended; run it again")

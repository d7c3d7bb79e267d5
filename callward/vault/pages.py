"""Key pages whose objects are all gone: without its key a page is nothing."""

from collections.abc import Sequence

import sqlalchemy as sa

from callward.catalogue import tables as t

_PART = 500


def drop_empty(connection: sa.Connection, pages: Sequence[str]) -> None:
    """Delete those of ``pages``, which the caller has locked, that hold no key any more.

    A statement of its own after the lock: PostgreSQL would judge emptiness by what it
    saw before it had to wait for somebody who was filling the page.
    """
    for start in range(0, len(pages), _PART):
        part = pages[start : start + _PART]
        used = sa.exists().where(t.object_keys.c.page_id == t.pages.c.id)
        connection.execute(t.pages.delete().where(t.pages.c.id.in_(part), ~used))

"""Key pages whose objects are all gone: without its key a page is nothing."""

from collections.abc import Sequence

import sqlalchemy as sa

from callward.catalogue import tables as t

_PART = 500


def lock_pages(connection: sa.Connection, objects: sa.ColumnElement[bool]) -> Sequence[str]:
    """Lock the pages that hold keys of some objects, against anybody filling them; their ids.

    Everybody takes pages before the ledger's head, and pages in this order.
    """
    on_page = (
        sa.select(t.object_keys.c.page_id)
        .join(t.objects, t.objects.c.id == t.object_keys.c.object_id)
        .where(objects)
    )
    return connection.scalars(
        sa.select(t.pages.c.id)
        .where(t.pages.c.id.in_(on_page))
        .order_by(t.pages.c.id)
        .with_for_update()
    ).all()


def drop_empty(connection: sa.Connection, pages: Sequence[str]) -> None:
    """Delete those of ``pages``, which the caller has locked, that hold no key any more.

    A statement of its own after the lock: PostgreSQL would judge emptiness by what it
    saw before it had to wait for somebody who was filling the page.
    """
    for start in range(0, len(pages), _PART):
        part = pages[start : start + _PART]
        used = sa.exists().where(t.object_keys.c.page_id == t.pages.c.id)
        connection.execute(t.pages.delete().where(t.pages.c.id.in_(part), ~used))

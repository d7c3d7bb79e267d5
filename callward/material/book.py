"""The facts last seen and the changes found so far, as catalogued.

Every function works inside the caller's transaction on the connection it is given.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue.bulk import insert_many
from callward.catalogue.review_tables import material_changes, material_facts
from callward.ledger import log
from callward.ledger.leaves import rfc3339
from callward.material.model import About, Change, Facts, Kind, Noted
from callward.material.values import digest

FIRST_EVENT: Final = "material-facts-noted"
EVENT: Final = "review-needed"


def known(connection: sa.Connection) -> Facts:
    """The facts as they were last seen; empty if nobody has looked yet."""
    fact = material_facts.c
    rows = connection.execute(sa.select(fact.kind, fact.subject, fact.value))
    return {About(Kind(row.kind), row.subject): row.value for row in rows}


def enter_first(connection: sa.Connection, facts: Facts, night: str, at: datetime) -> None:
    """What later facts are held against; nothing is told of it."""
    _enter(connection, facts, at)
    said = {"/".join(about): value for about, value in facts.items()}
    ids = {"night": night, "digest": digest(said)}
    log.append(connection, FIRST_EVENT, [], at=at, counts={"facts": len(facts)}, ids=ids)


def enter(
    connection: sa.Connection, changes: Sequence[Change], night: str, at: datetime
) -> list[Noted]:
    """Note changes, and the facts as they are now, with the ledger entry that asks for a review."""
    if not changes:
        return []
    fact = material_facts.c
    about = [(one.about.kind.value, one.about.subject) for one in changes]
    connection.execute(material_facts.delete().where(sa.tuple_(fact.kind, fact.subject).in_(about)))
    _enter(connection, {one.about: one.after for one in changes if one.after is not None}, at)
    noted = [Noted(_id(one, at), one, at) for one in changes]
    insert_many(connection, material_changes, [_row(one) for one in noted])
    items = [log.Item(one.id, _told(one.change)) for one in noted]
    counts = {"changes": len(noted)}
    log.append(connection, EVENT, items, at=at, counts=counts, ids={"night": night})
    return noted


def changes(connection: sa.Connection, *, everything: bool = False) -> list[Noted]:
    """Changes that no review has dealt with, or all of them; the oldest first."""
    row = material_changes.c
    query = sa.select(material_changes).order_by(row.found_at, row.kind, row.subject, row.id)
    if not everything:
        query = query.where(row.dealt_at.is_(None))
    return [_noted(one) for one in connection.execute(query)]


def _enter(connection: sa.Connection, facts: Facts, at: datetime) -> None:
    rows = [
        {"kind": about.kind.value, "subject": about.subject, "value": value, "seen_at": at}
        for about, value in sorted(facts.items())
    ]
    insert_many(connection, material_facts, rows)


def _id(change: Change, at: datetime) -> str:
    """Of a change and its moment: the same again at another time is another."""
    text = "\n".join([rfc3339(at), *change.about, str(change.before), str(change.after)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _told(change: Change) -> Mapping[str, str | None]:
    return {
        "kind": change.about.kind.value,
        "about": change.about.subject,
        "before": change.before,
        "after": change.after,
    }


def _row(noted: Noted) -> dict[str, Any]:
    change = noted.change
    return {
        "id": noted.id,
        "kind": change.about.kind.value,
        "subject": change.about.subject,
        "before": change.before,
        "after": change.after,
        "found_at": noted.found_at,
    }


def _noted(row: sa.Row[*tuple[Any, ...]]) -> Noted:
    change = Change(About(Kind(row.kind), row.subject), row.before, row.after)
    return Noted(row.id, change, row.found_at, row.review, row.dealt_at)

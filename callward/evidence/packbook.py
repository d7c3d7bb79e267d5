"""The packs made so far, and the evidence items collected for them."""

from collections.abc import Iterable

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.upsert import insert_missing
from callward.evidence.clauses.model import Item, Period
from callward.evidence.model import PackContents, PackKind, Previous
from callward.evidence.shelf import PUBLISHED
from callward.ledger import log
from callward.ledger.leaves import Item as LedgerItem

COLLECTED_EVENT = "evidence-collected"


def previous_of(connection: sa.Connection, kind: PackKind, period: Period) -> Previous | None:
    """The newest pack of the same kind before a period.

    A review's packs follow the final one that was published last, whatever its days: reviews
    may overlap, and what was made but not published is not followed.
    """
    row, review = t.packs.c, t.reviews.c
    query = sa.select(t.packs)
    if kind in {"draft", "annual"}:
        query = (
            query.join(t.reviews, review.pack == row.id)
            .where(row.kind == "annual", review.state == PUBLISHED)
            .order_by(row.made_at.desc(), row.id)
        )
    else:
        query = query.where(row.kind == kind, row.to_day < period.from_day).order_by(
            row.to_day.desc(), row.made_at.desc()
        )
    found = connection.execute(query.limit(1)).one_or_none()
    if found is None:
        return None
    before = Period(found.from_day, found.to_day)
    return Previous(found.id, found.name, before, found.ledger_size, found.verdicts)


def enter_pack(connection: sa.Connection, contents: PackContents, name: str, digest: str) -> None:
    """Remember a pack by the SHA-256 (hex) of its file."""
    values = {
        "id": digest,
        "kind": contents.kind,
        "name": name,
        "from_day": contents.period.from_day,
        "to_day": contents.period.to_day,
        "ledger_size": contents.ledger.size,
        "previous": contents.previous.id if contents.previous else None,
        "verdicts": {one.clause: one.state.value for one in contents.proof.verdicts},
        "made_at": contents.made_at,
    }
    connection.execute(t.packs.insert().values(**values))


def enter_items(connection: sa.Connection, night: str, items: Iterable[Item]) -> None:
    """Append evidence items, with their ledger entry."""
    ordered = sorted(items, key=lambda item: item.kind)
    if not ordered:
        return
    rows = [
        {
            "id": item.id,
            "kind": item.kind,
            "night": night,
            "from_day": item.period.from_day,
            "to_day": item.period.to_day,
            "source": item.source,
            "newest": item.newest,
            "digest": item.digest,
            "facts": item.facts,
            "collected_at": item.collected_at,
        }
        for item in ordered
    ]
    # Collected twice within a second, the same is the same item.
    insert_missing(connection, t.evidence_items, rows)
    entries = [LedgerItem(one.id, {"kind": one.kind, "sha256": one.digest}) for one in ordered]
    at, ids = ordered[0].collected_at, {"night": night}
    log.append(connection, COLLECTED_EVENT, entries, at=at, counts={"items": len(rows)}, ids=ids)

"""Trying to open what a backup holds: what was destroyed since must not, what was not must.

Keys are tried as an attacker would who has every key cell of today, the backup and
the catalogue of today: every wrap under every root, not only those that belong.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import CallwardError, IntegrityError, KeyMissingError, ShreddedError
from callward.vault.cells import KeyCell, unwrap
from callward.vault.stores import ObjectStore
from callward.vault.vault import Vault

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Target:
    """A destroyed object's wrap in a backup, and its page's there."""

    object_id: str
    page_id: str
    wrapped_key: bytes
    page_key: bytes


def targets(backup: sa.Connection, live: sa.Connection, limit: int) -> tuple[list[Target], int]:
    """Objects with a key in the backup that are destroyed today: a sample of ``limit``, and all.

    The sample takes one of every page before it takes a second of any.
    """
    keys, pages = t.object_keys.c, t.pages.c
    rows = backup.execute(
        sa.select(keys.object_id, keys.page_id, keys.wrapped_key, pages.wrapped_key)
        .join(t.pages, pages.id == keys.page_id)
        .order_by(keys.page_id, keys.object_id)
    )
    by_page: dict[str, list[Target]] = defaultdict(list)
    total = 0
    for part in rows.partitions(_AT_ONCE):
        alive = _alive(live, [row[0] for row in part])
        for row in part:
            if row[0] not in alive:
                total += 1
                by_page[row[1]].append(Target(*row))
    return spread(by_page, limit), total


def spread(by_page: Mapping[str, Sequence[Target]], limit: int) -> list[Target]:
    """At most ``limit`` of them, one of every page before a second of any."""
    rounds = zip_longest(*by_page.values())
    every = (one for some in rounds for one in some if one is not None)
    return [one for one, _ in zip(every, range(limit), strict=False)]


def survivors(backup: sa.Connection, live: sa.Connection, limit: int) -> list[str]:
    """Objects that are there in both, one of each page, at most ``limit``.

    Those that have no key in the backup count as on a page of their own: there must be
    none, and trying to open one says so.
    """
    keys, objects = t.object_keys.c, t.objects.c
    rows = backup.execute(
        sa.select(keys.page_id, objects.id)
        .join_from(t.objects, t.object_keys, keys.object_id == objects.id, isouter=True)
        .where(objects.state != "shredded")
        .order_by(keys.page_id, objects.id)
    )
    by_page: dict[str | None, str] = {}
    for part in rows.partitions(_AT_ONCE):
        alive = _alive(live, [row.id for row in part])
        for row in part:
            if row.id in alive:
                by_page.setdefault(row.page_id, row.id)
    found = list(by_page.values())
    return found[:: max(1, -(-len(found) // limit))]


def opened_by_force(
    vault: Vault, wanted: Sequence[Target], live_pages: Mapping[str, bytes]
) -> list[str]:
    """Those of ``wanted`` whose key comes out under some root that some cell holds.

    ``live_pages``: today's wraps of page keys by page, beside the backup's own.
    """
    page_keys: dict[str, list[bytes]] = {}
    for one in wanted:
        if one.page_id not in page_keys:
            wraps = {one.page_key, live_pages.get(one.page_id, one.page_key)}
            page_keys[one.page_id] = [key for wrap in wraps for key in _unwrapped(vault, wrap)]
    return [
        one.object_id
        for one in wanted
        if any(_opens(key, one.wrapped_key) for key in page_keys[one.page_id])
    ]


def live_wraps(live: sa.Connection, wanted: Iterable[Target]) -> dict[str, bytes]:
    """Today's wraps of the pages that ``wanted`` lay on, as far as those are still there."""
    ids = sorted({one.page_id for one in wanted})
    found: dict[str, bytes] = {}
    for start in range(0, len(ids), _AT_ONCE):
        part = t.pages.c.id.in_(ids[start : start + _AT_ONCE])
        for row in live.execute(sa.select(t.pages.c.id, t.pages.c.wrapped_key).where(part)):
            found[row.id] = row.wrapped_key
    return found


def not_shredded(vault: Vault, restored: sa.Connection, wanted: Iterable[Target]) -> list[str]:
    """Those that do not answer in the restored catalogue that they have been destroyed."""
    wrong = []
    for one in wanted:
        try:
            vault.object_key(restored, one.object_id)
        except ShreddedError:
            continue
        except CallwardError:
            pass  # not openable, but not for the right reason either
        wrong.append(one.object_id)
    return wrong


def not_opened(vault: Vault, restored: sa.Connection, wanted: Iterable[str]) -> list[str]:
    """Those that do not open, or are not as long, or whose ciphertext is another."""
    return [one for one in wanted if not _whole(vault, restored, one)]


def _whole(vault: Vault, restored: sa.Connection, object_id: str) -> bool:
    row = restored.execute(sa.select(t.objects).where(t.objects.c.id == object_id)).first()
    if row is None:
        return False
    digest = hashlib.sha256()
    watched = Vault(vault.cells, WatchedStore(vault.store, digest))
    try:
        size = sum(map(len, watched.open(restored, object_id)))
    except CallwardError:
        return False
    if row.place == "row":
        digest.update(
            restored.scalar(
                sa.select(t.payloads.c.sealed).where(t.payloads.c.object_id == object_id)
            )
            or b""
        )
    return bool(size == row.size and digest.hexdigest() == row.ciphertext_digest)


class WatchedStore(ObjectStore):
    """Reads from a store, and shows a digest all that is read; nothing is written or deleted."""

    def __init__(self, store: ObjectStore, digest: Any) -> None:
        super().__init__(store.url)
        self._digest = digest

    def get(self, path: str) -> Iterator[bytes]:
        """Yield a ciphertext."""
        for chunk in super().get(path):
            self._digest.update(chunk)
            yield chunk


def _alive(live: sa.Connection, ids: Sequence[str]) -> set[str]:
    query = sa.select(t.objects.c.id).where(t.objects.c.id.in_(ids))
    return set(live.scalars(query.where(t.objects.c.state != "shredded")))


def _unwrapped(vault: Vault, wrapped: bytes) -> Iterator[bytes]:
    for cell in vault.cells:
        for generation in sorted(cell.generations()):
            yield from _try(cell, generation, wrapped)


def _try(cell: KeyCell, generation: int, wrapped: bytes) -> list[bytes]:
    try:
        return cell.unwrap(generation, [wrapped])
    except (IntegrityError, KeyMissingError):
        return []


def _opens(page_key: bytes, wrapped: bytes) -> bool:
    try:
        unwrap(page_key, wrapped)
    except IntegrityError:
        return False
    return True

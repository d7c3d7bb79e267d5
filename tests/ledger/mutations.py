"""Ways to spoil a log in its database, and a proof file: what an insider, or a bad disk, does.

Each spoils one thing at random and leaves the rest as it was. Left out is what
says nothing false: the moments beside checkpoints and keys, which nobody signed,
a checkpoint that is gone from among others, and the row of a key never replaced.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import sqlalchemy as sa

from callward.catalogue.tables import metadata
from callward.evidence.proof import build_proof
from callward.ledger import log, nodes, notes, rows
from callward.ledger.canonical import canonical
from callward.ledger.leaves import Item, Leaf, body_hash, rfc3339
from callward.ledger.merkle import Frontier
from callward.ledger.signing import Signer
from tests.ledger.bulk import fill

TEXTS = {
    "ledger_leaves": ("body", "event", "at"),
    "ledger_items": ("body", "subject"),
    "ledger_checkpoints": ("note",),
    "ledger_head": ("frontier",),
    "ledger_keys": ("verifier",),
}
NUMBERS = {
    "ledger_leaves": ("position",),
    "ledger_items": ("leaf", "position"),
    "ledger_checkpoints": ("size",),
    "ledger_nodes": ("height", "position"),
    "ledger_head": ("size", "id"),
    "ledger_keys": ("since_size",),
}
LOSSES = ("ledger_leaves", "ledger_items", "ledger_nodes", "ledger_head")


@dataclass(frozen=True)
class Log:
    """An open transaction on a log, its key, another key of the same name, and chance."""

    connection: sa.Connection
    signer: Signer
    other: Signer
    at: datetime
    chance: Random

    def sql(self, statement: str, *values: Any) -> Any:
        """Run plain SQL: what the mapping to Python would not let through."""
        return self.connection.exec_driver_sql(statement, values)

    def row(self, table: str) -> int:
        """One of the table's rows."""
        ids = [each[0] for each in self.sql(f"SELECT rowid FROM {table}").all()]  # noqa: S608
        return int(self.chance.choice(ids))

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return log.head(self.connection).size

    def heads(self) -> list[int]:
        """The sizes that were signed."""
        return [each[0] for each in self.sql("SELECT size FROM ledger_checkpoints ORDER BY 1")]


def _flipped(content: bytes, chance: Random) -> bytes:
    place = chance.randrange(len(content))
    return (
        content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]
    )


def _flip_text(one: Log) -> None:
    table = one.chance.choice(list(TEXTS))
    column, row = one.chance.choice(TEXTS[table]), one.row(table)
    query = f"SELECT CAST({column} AS BLOB) FROM {table} WHERE rowid = ?"  # noqa: S608
    content = one.sql(query, row).scalar_one()
    change = f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE rowid = ?"  # noqa: S608
    one.sql(change, _flipped(content, one.chance), row)


def _flip_number(one: Log) -> None:
    table = one.chance.choice(list(NUMBERS))
    column, row = one.chance.choice(NUMBERS[table]), one.row(table)
    query = f"SELECT {column} FROM {table} WHERE rowid = ?"  # noqa: S608
    number = one.sql(query, row).scalar_one() ^ 1 << one.chance.randrange(20)
    one.sql(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", number, row)  # noqa: S608


def _flip_node(one: Log) -> None:
    row = one.row("ledger_nodes")
    content = one.sql("SELECT hash FROM ledger_nodes WHERE rowid = ?", row).scalar_one()
    one.sql("UPDATE ledger_nodes SET hash = ? WHERE rowid = ?", _flipped(content, one.chance), row)


def _lose_a_row(one: Log) -> None:
    table = one.chance.choice(LOSSES)
    one.sql(f"DELETE FROM {table} WHERE rowid = ?", one.row(table))  # noqa: S608


def _add_a_row(one: Log) -> None:
    """One more of something, well-formed in itself."""
    size, when = one.size, one.at
    item = Item(f"{one.chance.getrandbits(128):032x}").encoded()
    leaf = Leaf("ingested", rfc3339(when), 0, bytes(32)).encoded()
    later = size + one.chance.randrange(1, 9)
    place = one.chance.randrange(size)
    row: tuple[str, dict[str, Any]] = one.chance.choice(
        [
            ("ledger_leaves", {"position": size, "event": "ingested", "body": leaf, "at": when}),
            ("ledger_items", {"leaf": place, "position": 7, "subject": item[12:-2], "body": item}),
            ("ledger_nodes", {"height": 8, "position": later, "hash": bytes(32)}),
            (
                "ledger_checkpoints",
                {"size": later, "note": one.signer.sign_checkpoint(later, bytes(32)), "at": when},
            ),
            (
                "ledger_keys",
                {"number": 2, "verifier": one.other.verifier, "since_size": place, "at": when},
            ),
        ]
    )
    one.connection.execute(sa.insert(metadata.tables[row[0]]).values(**row[1]))


def _swap_leaves(one: Log) -> None:
    """Two leaves change places, with their columns and items or without."""
    first, second = one.chance.sample(range(one.size), 2)
    tables = [("ledger_leaves", "position")]
    if one.chance.random() < 0.5:
        tables.append(("ledger_items", "leaf"))
    for table, column in tables:
        for was, now in ((first, -1), (second, first), (-1, second)):
            one.sql(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", now, was)  # noqa: S608


def _swap_items(one: Log) -> None:
    """Two items change places, as if each had happened in the other's leaf."""
    query = "SELECT rowid, subject, body FROM ledger_items"
    every = [tuple(row) for row in one.sql(query)]
    first = one.chance.choice(every)
    second = one.chance.choice([row for row in every if row[2] != first[2]])
    for row, (_, subject, body) in ((first[0], second), (second[0], first)):
        one.sql("UPDATE ledger_items SET subject=?, body=? WHERE rowid=?", subject, body, row)


def _rewrite_a_leaf(one: Log) -> None:
    """A well-formed leaf says something else; its columns with it."""
    position = one.chance.randrange(one.size)
    (body,) = log.slice_of(one.connection, position, position + 1)
    document = json.loads(body)
    name, value = one.chance.choice(
        [("event", "lost"), ("counts", {"new": 99}), ("ids", {"a": "b"}), ("items_root", "0" * 64)]
    )
    document[name] = value
    one.sql(
        "UPDATE ledger_leaves SET body = ?, event = ? WHERE position = ?",
        canonical(document).decode(),
        document["event"],
        position,
    )


def cut(one: Log, size: int) -> None:
    """Take the tail away, with all that belongs to it: nothing that is left says so."""
    hashes = log.frontier_at(one.connection, size).hashes
    one.sql("DELETE FROM ledger_leaves WHERE position >= ?", size)
    one.sql("DELETE FROM ledger_items WHERE leaf >= ?", size)
    one.sql("DELETE FROM ledger_nodes WHERE (position + 1) << height > ?", size)
    one.sql("DELETE FROM ledger_checkpoints WHERE size > ?", size)
    frontier = json.dumps([each.hex() for each in hashes])
    one.sql("UPDATE ledger_head SET size = ?, frontier = ?", size, frontier)


def _remove_the_tail(one: Log) -> None:
    cut(one, one.chance.randrange(one.size))


def _fork(one: Log) -> None:
    """Another history from somewhere on, signed by the log's own key where the first was."""
    size, heads = one.size, one.heads()
    cut(one, one.chance.randrange(size))
    for end in [head for head in heads if head > one.size]:
        fill(one.connection, end - one.size, one.at, event="forked")
        log.checkpoint(one.connection, one.signer, one.at)
    if one.chance.random() < 0.5:
        log.append(one.connection, "forked", [], at=one.at)


def _sign_with_another_key(one: Log) -> None:
    """Some or all checkpoints are signed by somebody else, under the same name."""
    heads = one.heads()
    for size in one.chance.sample(heads, one.chance.randrange(1, len(heads) + 1)):
        root = log.frontier_at(one.connection, size).root
        note = one.other.sign_checkpoint(size, root)
        one.sql("UPDATE ledger_checkpoints SET note = ? WHERE size = ?", note, size)
    if one.chance.random() < 0.5:
        one.sql("UPDATE ledger_keys SET verifier = ?", one.other.verifier)


def _swap_checkpoints(one: Log) -> None:
    """A checkpoint stands where another one was."""
    first, second = one.chance.sample(one.heads(), 2)
    query = "SELECT note FROM ledger_checkpoints WHERE size = ?"
    note = one.sql(query, first).scalar_one()
    one.sql("UPDATE ledger_checkpoints SET note = ? WHERE size = ?", note, second)


def _forget_nodes(one: Log) -> None:
    """Nodes made anew over a leaf that was changed."""
    _rewrite_a_leaf(one)
    nodes.fill(one.connection)
    hashes = (body_hash(each) for each in rows.bodies(one.connection, 0, one.size))
    frontier = Frontier().extend(hashes)
    text = json.dumps([each.hex() for each in frontier.hashes])
    one.sql("UPDATE ledger_head SET frontier = ?", text)


LOG_MUTATIONS: tuple[Callable[[Log], None], ...] = (
    _flip_text,
    _flip_text,
    _flip_text,
    _flip_number,
    _flip_node,
    _lose_a_row,
    _add_a_row,
    _swap_leaves,
    _swap_items,
    _rewrite_a_leaf,
    _remove_the_tail,
    _fork,
    _sign_with_another_key,
    _swap_checkpoints,
    _forget_nodes,
)


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every end in a document."""
    if isinstance(value, dict | list) and value:
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, member in steps:
            yield from _places(member, (*way, step))
    else:
        yield way


def _changed(value: Any, chance: Random) -> Any:
    if isinstance(value, int):
        return value ^ 1 << chance.randrange(12)
    if isinstance(value, str) and value:
        place = chance.randrange(len(value))
        other = chance.choice([each for each in "0aZ+\n" if each != value[place]])
        return value[:place] + other + value[place + 1 :]
    return "0"


def edited(content: bytes, chance: Random) -> dict[str, Any]:
    """The proof's document with one value in it changed."""
    document: dict[str, Any] = json.loads(content)
    *way, last = chance.choice(list(_places(document)))
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = _changed(place[last], chance)
    return document


def _rearranged(content: bytes, chance: Random) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(content)
    events: list[Any] = document["events"]
    at = chance.randrange(len(events))
    ways: list[Callable[[], Any]] = [
        lambda: events.pop(at),
        lambda: events.insert(at, events[at]),
        lambda: events.insert(0, events.pop()),
        lambda: events[at].update(leaf=events[at - 1]["leaf"]),
        lambda: events[at].update(item=events[at - 1]["item"]),
        events[at]["leaf"]["path"].reverse,
        lambda: events[at]["item"]["path"].append("00" * 32),
    ]
    chance.choice(ways)()
    return document


def spoilt_proof(content: bytes, signer: Signer, other: Signer, chance: Random) -> bytes:
    """The proof file with something random done to it."""
    place, length = chance.randrange(len(content)), chance.randrange(1, 40)
    ways: list[Callable[[], bytes]] = [
        lambda: _flipped(content, chance),
        lambda: _flipped(content, chance),
        lambda: content[:place],
        lambda: content[:place] + content[place + length :],
        lambda: content[:place] + content[place : place + length] + content[place:],
        lambda: canonical(edited(content, chance)),
        lambda: canonical(_rearranged(content, chance)),
        lambda: _resigned(_of_another_key(json.loads(content), other), other),
        lambda: _resigned(json.loads(content), other),
        # By the log's own key: the tree must tell.
        lambda: _resigned(_forged(json.loads(content), chance), signer),
    ]
    return chance.choice(ways)()


def _resigned(document: dict[str, Any], key: Signer) -> bytes:
    subject, events, checkpoint = (document[name] for name in ("subject", "events", "checkpoint"))
    return build_proof(subject, events, checkpoint, key).encode()


def _of_another_key(document: dict[str, Any], other: Signer) -> dict[str, Any]:
    checkpoint = notes.parse_checkpoint(notes.note_text(document["checkpoint"]))
    note = other.sign_checkpoint(checkpoint.size, checkpoint.root)
    return {**document, "checkpoint": note}


def _forged(document: dict[str, Any], chance: Random) -> dict[str, Any]:
    """What the events say is changed, well-formed, in a leaf, an item or a place."""
    forged = copy.deepcopy(document)
    event = chance.choice(forged["events"])
    part = event[chance.choice(["leaf", "item"])]
    body = json.loads(part["body"])
    if chance.random() < 0.5 or "subject" in body:
        part["position"] += chance.randrange(1, 5)
    else:
        body["event"] = f"{body['event']}-not"
        part["body"] = canonical(body).decode()
    return forged

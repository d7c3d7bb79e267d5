"""Looking for planted strings in everything that lies under a folder."""

import base64
import html
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance

SQLITE_MAGIC = b"SQLite format 3\0"
_ENTRIES = 10_000


def needles(text: str) -> set[bytes]:
    """``text`` as it may have been written down: encodings, escapes, hex, base64, small letters."""
    found: set[bytes] = set()
    for spelling in {text, text.lower(), text.upper()}:
        raw = spelling.encode()
        found |= {
            *(raw, spelling.encode("utf-16-le"), spelling.encode("utf-16-be")),
            *(raw.hex().encode(), raw.hex().upper().encode()),
            *(quote(spelling).encode(), quote(spelling, safe="").lower().encode()),
            *(quote_plus(spelling).encode(), html.escape(spelling).encode()),
            *(json.dumps(spelling)[1:-1].encode(), spelling.encode("unicode_escape")),
        }
        found |= set(_base64(raw))
    return found


def _base64(raw: bytes) -> Iterator[bytes]:
    """The part of its base64 that does not depend on what stands around it, at each offset."""
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw).rstrip(b"=")
        whole = text[-(-offset * 8 // 6) : len(text) - 2]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def find(planted: Iterable[str], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Where a planted text is found, in any form: the text, the place, what stands around."""
    wanted = {needle: text for text in planted for needle in needles(text)}
    hits = []
    for place, content in places:
        for needle, text in wanted.items():
            at = content.find(needle)
            if at >= 0:
                around = content[max(0, at - 80) : at + len(needle) + 40]
                hits.append(f"{text!r} in {place}: {around!r}")
    return hits


def everything_below(folder: Path, *, skip: Iterable[Path] = ()) -> Iterator[tuple[str, bytes]]:
    """Every file's name and content; zip files are opened, SQLite files read row by row too."""
    left_out = tuple(skip)
    for path in sorted(folder.rglob("*")):
        if any(path.is_relative_to(one) for one in left_out):
            continue
        name = str(path.relative_to(folder))
        yield f"the name {name}", name.encode(errors="surrogateescape")
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        yield name, content
        if zipfile.is_zipfile(io.BytesIO(content)):
            yield from _members(name, content)
        if content.startswith(SQLITE_MAGIC):
            yield from rows_of(path)


def vault_contents(instance: Instance) -> Iterator[tuple[str, bytes]]:
    """Every sealed object that is not destroyed, opened: its kind and id, and what it holds."""
    with instance.unit() as connection:
        query = sa.select(t.objects.c.id, t.objects.c.kind).where(t.objects.c.state != "shredded")
        for one in connection.execute(query.order_by(t.objects.c.id)).all():
            yield f"{one.kind} {one.id}", b"".join(instance.vault.open(connection, one.id))


def _members(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.namelist()[:_ENTRIES]:
            yield f"the name {name}/{member}", member.encode()
            yield f"{name}/{member}", archive.read(member)


def rows_of(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every table's values, put together: a value may lie across pages of the file."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        yield f"names in {database.name}", "\n".join(names).encode()
        for (table,) in tables:
            values = (
                value if isinstance(value, bytes) else str(value).encode()
                for row in connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names from the file itself
                for value in row
            )
            yield f"table {table} of {database.name}", b"\n".join(values)
    finally:
        connection.close()

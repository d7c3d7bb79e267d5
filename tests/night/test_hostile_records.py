"""Files made to break readers: each is refused for a reason, kept, and costs nobody else."""

import base64
import io
import json
import os
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.intake.marker import MARKER
from callward.run import StageReport
from data_checks.gate import GreatExpectationsGates
from tests.support import instruct, new_instance, run_stage, tone

GOOD = (
    "From: Pat <pat@example.org>\r\nTo: care@acorn.example\r\nMessage-ID: <good@example.org>\r\n"
    "Date: Thu, 19 Nov 2026 10:00:00 +0000\r\nSubject: Hello\r\n\r\nGood morning.\r\n"
)
HEADERS = GOOD.split("\r\n\r\n", maxsplit=1)[0] + "\r\n"


def zip_bomb() -> bytes:
    """Ten megabytes of nothing in ten kilobytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("calls.csv", b"0" * 10_000_000)
    return out.getvalue()


def mime(parts: int) -> bytes:
    """A mail of so many parts."""
    part = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    head = (
        GOOD.split("\r\n\r\n", maxsplit=1)[0]
        + "\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    return (head + part * parts + "--b--\r\n").encode()


def nested(depth: int) -> bytes:
    """A mail in a mail in a mail."""
    head = HEADERS + "Content-Type: message/rfc822\r\n\r\n"
    return (head * depth + GOOD).encode()


def laughs() -> bytes:
    """The billion laughs, as recording metadata."""
    lines = [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)]
    return (
        '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "lol">' + "".join(lines) + "]>"
        '<recording xmlns="urn:ietf:params:xml:ns:recording:1">'
        "<datamode>&l9;</datamode></recording>"
    ).encode()


def vcon(media: bytes, **dialog: Any) -> bytes:
    """A conversation with one recording in it."""
    body = base64.urlsafe_b64encode(media).decode().rstrip("=")
    said = {
        "type": "recording",
        "start": "2026-11-19T10:00:00Z",
        "duration": 1,
        "parties": [0],
        "mediatype": "audio/wav",
        "encoding": "base64url",
        "body": body,
        **dialog,
    }
    return json.dumps(
        {
            "vcon": "0.3.0",
            "uuid": f"018ac3a6-0000-8000-8000-{len(body):012d}",
            "created_at": "2026-11-19T10:10:00Z",
            "parties": [{"tel": "+447700900123"}],
            "dialog": [said],
        }
    ).encode()


def lying(hours: int) -> bytes:
    """A recording that claims hours and holds half a second."""
    media = bytearray(tone())
    media[40:44] = struct.pack("<I", hours * 3600 * 16_000)
    return bytes(media)


def asterisk(rows: int, cell: str = "x") -> bytes:
    """Call records with something odd for a caller's name."""
    row = (
        '"","100","200","internal","{cell}","SIP/100-1","SIP/200-1","Dial","",'
        '"2026-11-19 10:00:00","2026-11-19 10:00:01","2026-11-19 10:00:09","9","8",'
        '"ANSWERED","DOCUMENTATION","{n}.1",""\n'
    )
    return "".join(row.format(cell=cell, n=1_700_000_000 + n) for n in range(rows)).encode()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb.zip": zip_bomb,
    "bomb.xlsx.csv": zip_bomb,
    "deep.json": lambda: b"[" * 1_000_000,
    "deeper.json": lambda: b'{"vcon":"0.3.0","uuid":' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "number.json": lambda: b'{"vcon": "0.3.0", "uuid": ' + b"9" * 1_000_000 + b"}",
    "many-parts.eml": lambda: mime(100_000),
    "nested.eml": lambda: nested(2_000),
    "header.eml": lambda: b"Subject: " + b"a" * 5_000_000 + b"\r\n" + GOOD.encode(),
    "headers.eml": lambda: b"X-A: b\r\n" * 200_000 + GOOD.encode(),
    "laughs.xml": laughs,
    "line.csv": lambda: b'"' + b"x" * 10_000_000,
    "quotes.csv": lambda: b'"a\n' * 100_000,
    "noise.json": lambda: bytes(range(256)) * 4000,
    "nothing.eml": lambda: b"",
    "utf16.eml": lambda: GOOD.encode("utf-16-le"),
    "lies.vcon": lambda: vcon(lying(9)),
    "text.vcon": lambda: vcon(b"this is no audio" * 100),
}
WELCOME: dict[str, Callable[[], bytes]] = {
    "good.eml": GOOD.encode,
    "formulae.csv": lambda: asterisk(3, "=cmd|' /C calc'!A0"),
    "latin.csv": lambda: asterisk(2).replace(b'"x"', b'"Zo\xeb"'),
    "audio.vcon": lambda: vcon(tone()),
}


@pytest.fixture(scope="module")
def night(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Instance, StageReport, Path]]:
    """An instance after all of it came in one drop."""
    instance = new_instance(tmp_path_factory.mktemp("hostile") / "home", seconds_per_file=60)
    instruct(instance)
    folder = instance.settings.landing / "acorn" / "drop"
    folder.mkdir(parents=True)
    for name, make in (HOSTILE | WELCOME).items():
        (folder / name).write_bytes(make())
    (folder / "link.eml").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.eml")
    with open(os.fsencode(folder) + b"/not-\xff-utf8.eml", "wb") as file:  # noqa: PTH123 - bytes
        file.write(GOOD.replace("good@", "odd@").encode())
    (folder / MARKER).write_text("{}")
    report = run_stage(instance, "ingest", GreatExpectationsGates())
    yield instance, report, folder
    instance.close()


def test_the_welcome_are_taken_in(night: tuple[Instance, StageReport, Path]) -> None:
    """Whatever lies beside them: a mail, call records with formulae and accents, a recording."""
    instance, report, _ = night
    with instance.reading() as connection:
        row = t.interactions.c
        query = sa.select(row.source, row.kind, sa.func.count()).group_by(row.source, row.kind)
        found = {f"{source} {kind}": n for source, kind, n in connection.execute(query)}
    assert report.failures == []
    assert found["asterisk-cdr call"] == 5
    assert found["email email"] >= 2
    assert found["vcon recording"] == 1


def test_the_hostile_are_refused_and_kept(night: tuple[Instance, StageReport, Path]) -> None:
    """None is lost: what is not in is in quarantine, and what is there of it opens."""
    instance, report, folder = night
    counts = report.counts["acorn"]
    assert counts["files"] == counts["ingested"] + counts["duplicate"] + counts["quarantined"]
    with instance.reading() as connection:
        outcomes = Counter(connection.scalars(sa.select(t.drop_items.c.outcome)))
        reasons = Counter(connection.scalars(sa.select(t.quarantine.c.reason)))
        for one in connection.execute(sa.select(t.objects.c.id, t.objects.c.size)).all():
            assert len(b"".join(instance.vault.open(connection, one.id))) == one.size
    assert sum(outcomes.values()) == len(HOSTILE) + len(WELCOME) + 3
    assert reasons["path-escape"] == reasons["not-regular"] == reasons["empty"] == 1
    assert reasons["entity"] == 1
    assert reasons["not-recognised"] >= 2
    assert not {"decoder-crashed", "decoder-timeout"} & set(reasons)
    assert not folder.exists()


def test_media_that_lie_are_refused(night: tuple[Instance, StageReport, Path]) -> None:
    """Hours that are half a second, and text that is no audio."""
    with night[0].reading() as connection:
        reasons = set(connection.scalars(sa.select(t.quarantine.c.reason)))
    assert {"truncated", "not-media"} <= reasons

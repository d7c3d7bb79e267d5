"""Personal data lives in the vault and nowhere else (DESIGN rule 2).

Planted strings stand wherever personal data can: in names, numbers, files,
tags, speech, reasons, malformed rows, records of every category in every format
and other people's error texts. After
nights through Prefect, some with things breaking, no file outside the object
store, no row of a database, no log and nothing printed may hold one.
"""

import base64
import json
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock, SystemClock
from callward.instance import open_instance
from callward.intake.categories import KINDS
from callward.intake.readers.registry import READERS
from callward.speech.transcript import Transcript
from tests.commands import callward
from tests.night.canaries import (
    ACCENTED,
    CORE,
    NUMBERS,
    PLANTED,
    SPELLINGS,
    Planted,
    first_seconds,
    plant,
)
from tests.night.deliveries import (
    CARDS,
    CODES,
    PANS,
    SECRET,
    masked_form,
    pan,
    plant_late,
    plant_records,
    with_mappings,
)
from tests.night.finding import everything_below, find, vault_contents
from tests.prefect_server import PrefectServer
from tests.support import Call, deliver, instruct, new_instance, rows

ROOT = Path(__file__).parents[2]
SPOKEN = ROOT / "deployments" / "demo" / "calls" / "fernhollow-1.ogg"


@dataclass
class Lived:
    """An instance that has lived through everything, and all that was printed meanwhile."""

    home: Path
    server: PrefectServer
    temporary: Path
    printed: list[tuple[str, bytes]] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    sealed: list[tuple[str, bytes]] = field(default_factory=list)

    def say(self, *arguments: str) -> None:
        """One quick command, in this process."""
        said = callward(self.home, *arguments)
        self._heard(arguments, said.status, said.out.encode(), said.err.encode())

    def run(self, sabotage: str, *arguments: str) -> None:
        """One command with something broken, in a process of its own."""
        program = ("tests.night.sabotaged", sabotage, "--home", str(self.home))
        environment = self.server.environment() | {
            "TMPDIR": str(self.temporary),
            "HOME": str(self.temporary),
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-m", *program, *arguments],
            cwd=self.temporary,
            env=environment,
            capture_output=True,
            check=False,
            timeout=300,
        )
        self._heard(arguments, done.returncode, done.stdout, done.stderr)

    def _heard(self, arguments: tuple[str, ...], status: int, out: bytes, err: bytes) -> None:
        what = " ".join(arguments[:2])
        self.printed += [(f"stdout of {what}", out), (f"stderr of {what}", err)]
        self.status.append(status)

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """All that must be clean."""
        yield from self.printed
        # What was delivered and not taken in yet is not ours to clean; nor are instructions.
        outside = (self.home / "landing", self.home / "instructions")
        ciphertexts = self.home / "data" / "objects"
        yield from everything_below(self.home, skip=(*outside, ciphertexts))
        yield from everything_below(self.server.home)
        yield from everything_below(self.temporary)
        for path in ciphertexts.rglob("*"):
            yield "the name of a ciphertext", str(path.relative_to(ciphertexts)).encode()


@pytest.fixture(scope="module")
def lived(folder: Path, prefect_server: PrefectServer) -> Lived:
    """Two nights through Prefect, the second breaking everywhere, and every command."""
    home, now = folder / "canary", SystemClock().now()
    temporary = folder / "temporary"
    temporary.mkdir()
    instance = new_instance(home, clock=FixedClock(now))
    instruct(instance, "acorn", transcription=True)
    spoken = first_seconds(SPOKEN)
    plant(instance.settings.landing, instance.settings.instructions, now, spoken)
    with_mappings(instance.settings.instructions / "acorn.yaml")
    plant_records(instance.settings.landing / "acorn", now)
    lived = Lived(home, prefect_server, temporary)
    lived.run("workers", "run", "nightly")
    lived.sealed = list(vault_contents(instance))
    live = [row for row in rows(instance, "objects", "kind", "state", "id") if row[1] == "live"]
    recording = next(one for kind, _, one in live if kind == "recording")
    hold = ("hold", "add", "--controller", "acorn", "--review", "2030-01-01", "--who", "Legal")
    lived.say(*hold, "--person", Planted.caller, "--reason", Planted.hold_reason)
    lived.say(*hold, "--interaction", recording, "--reason", Planted.hold_reason)
    redo = ("transcript", "redo", recording, "--reason", Planted.hold_reason, "--engine")
    lived.say(*redo, "pocketsphinx")
    lived.say(*redo, CORE)
    out = folder / "opened.wav"
    lived.say("open", recording, "--reason", Planted.open_reason, "--out", str(out))
    for refused, reason in rows(instance, "quarantine", "id", "reason"):
        if reason in {"digest-mismatch", "content-conflict", "row-malformed"}:
            lived.say("quarantine", "release", refused)
    lived.say("quarantine", "reject", rows(instance, "quarantine", "id")[0][0])
    for command in (
        *(("status",), ("status", "--json"), ("hold", "list"), ("quarantine", "list", "--all")),
        *(("instructions", "check"), ("show", recording), ("ledger", "verify")),
        *(("open", CORE, "--reason", CORE, "--out", str(folder / CORE / "none")),),
        *(("show", CORE), ("hold", "lift", CORE), ("quarantine", "reject", CORE)),
        ("transcript", "redo", CORE, "--engine", CORE, "--reason", CORE),
        ("disclosures", "list", "--controller", CORE),
    ):
        lived.say(*command)
    deliver(instance, [Call(f"{CORE}-late", age=50)], drop=f"{CORE} late", now=now)
    plant_late(instance.settings.landing / "acorn", now)
    lived.run("stages", "run", "nightly")
    lived.run("stages", "--traceback", "run", "nightly", "--plain")
    with instance.unit() as connection:
        made = sa.select(t.transcriptions.c.transcript_id)
        for one in filter(None, connection.scalars(made).all()):
            text = Transcript.from_json(b"".join(instance.vault.open(connection, one)))
            lived.spoken += [word.text for turn in text.turns for word in turn.words]
    instance.close()
    _wait_until_quiet(prefect_server)
    return lived


def _wait_until_quiet(server: PrefectServer) -> None:
    """Logs and events reach the server's database a little later."""
    before, deadline = -1, time.monotonic() + 60
    while time.monotonic() < deadline:
        with sqlite3.connect(f"file:{server.database}?mode=ro", uri=True) as connection:
            now = sum(
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
                for table in ("log", "events")
            )
        if now == before:
            return
        before = now
        time.sleep(3)


def test_the_nights_did_what_could_leak(lived: Lived) -> None:
    """Everything planted was met: taken in, refused for every reason, spoken, broken on."""
    instance = open_instance(lived.home)
    reasons = {reason for (reason,) in rows(instance, "quarantine", "reason")}
    assert reasons >= {
        *("not-media", "truncated", "decoder-crashed", "unknown-controller", "path-escape"),
        *("not-in-manifest", "digest-mismatch", "digest-malformed", "time-malformed"),
        *("unsupported-kind", "unsupported-direction", "row-malformed", "file-missing"),
        *("manifest-unreadable", "content-conflict"),
        *("credentials", "not-recognised", "drop-unreadable", "file-malformed"),
    }
    assert {kind for (kind,) in rows(instance, "interactions", "kind")} == set(KINDS)
    assert {source for (source,) in rows(instance, "interactions", "source")} >= set(READERS)
    codes = {code for (code,) in rows(instance, "transcriptions", "code")}
    assert "worker-error" in codes
    assert {"hold-reason", "opening-reason", "redo-reason", "transcript"} <= {
        kind for (kind,) in rows(instance, "objects", "kind")
    }
    instance.close()
    assert len([word for word in lived.spoken if len(word) >= 7]) >= 3
    assert set(lived.status) >= {0, 2}
    said = b"".join(text for _, text in lived.printed)
    assert said.count(b"unforeseen ValueError at sabotaged.py") >= 4


def test_no_planted_string_is_anywhere_outside_the_vault(lived: Lived) -> None:
    """Neither on disk nor in a database, a log or anything printed, however written."""
    assert find(PLANTED, lived.everything()) == []


def test_no_card_number_is_anywhere_at_all(lived: Lived) -> None:
    """Whole numbers, in any dress, are not even in the vault; nor a code or expiry date."""
    assert find(PANS, lived.everything()) == []
    assert find((*PANS, *CODES), lived.sealed) == []


@pytest.mark.parametrize("number", range(len(CARDS)))
def test_of_a_card_number_first_six_and_last_four_are_sealed(lived: Lived, number: int) -> None:
    """It was there, and was masked: the test above has not looked at nothing."""
    form = masked_form(pan(number))
    assert [place for place, content in lived.sealed if form.search(content)]


def test_no_credential_is_anywhere_at_all(lived: Lived) -> None:
    """What came with one was refused, and the credential kept nowhere."""
    assert find([SECRET], [*lived.everything(), *lived.sealed]) == []


def test_what_is_searched_for_is_in_the_vault(lived: Lived) -> None:
    """Self-check: everything planted was sealed, card numbers and credentials apart."""
    missed = {text for text in PLANTED if not find([text], lived.sealed)}
    assert missed <= set(SPELLINGS)


def test_no_spoken_word_is_anywhere_outside_the_vault(lived: Lived) -> None:
    """Nor is what was said."""
    words = {word for word in lived.spoken if len(word) >= 7}
    assert find(words, lived.everything()) == []


@pytest.mark.parametrize("text", [f"{CORE} said", f"x{ACCENTED}", f"ab{CORE}", NUMBERS[0]])
@pytest.mark.parametrize(
    "write",
    [
        str.encode,
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.lower().encode(),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.urlsafe_b64encode(f"?{text}".encode()),
        lambda text: text.encode().hex().encode(),
        lambda text: quote(text).encode(),
        lambda text: json.dumps({"a": text}).encode(),
    ],
)
def test_the_search_finds_a_leak_in_any_form(tmp_path: Path, text: str, write: object) -> None:
    """Self-check: each form, in a file, in a packed file and in a row, is found."""
    leak: bytes = write(text)  # type: ignore[operator]  # one of the above
    (tmp_path / "log").write_bytes(b"before " + leak + b" after")
    with zipfile.ZipFile(tmp_path / "pack.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", leak * 3)
    with sqlite3.connect(tmp_path / "db.sqlite") as connection:
        connection.execute("CREATE TABLE things (blob)")
        connection.execute("INSERT INTO things VALUES (?)", (b"x" * 5000 + leak,))
    connection.close()
    places = {
        hit.split(" in ", 1)[1].split(":")[0] for hit in find(PLANTED, everything_below(tmp_path))
    }
    assert {"log", "pack.zip/member", "table things of db.sqlite"} <= places


def test_the_search_finds_a_leak_in_a_name(tmp_path: Path) -> None:
    """Self-check: names of files and folders count."""
    (tmp_path / f"of {CORE}").mkdir()
    assert find(PLANTED, everything_below(tmp_path))


def test_the_search_finds_a_leak_in_the_real_places(lived: Lived) -> None:
    """Self-check: an id that is allowed there is found in catalogue, Prefect, pack and print."""
    instance = open_instance(lived.home)
    nights = {night for (night,) in rows(instance, "stage_counts", "night")}
    instance.close()
    places = " ".join(find(nights, lived.everything()))
    for place in ("catalogue.sqlite", "prefect.db", "data/counts.csv", "data-docs"):
        assert place in places

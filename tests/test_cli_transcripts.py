"""``callward transcript …``: every word that comes out is an opening, and is recorded first."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.ledger import log
from callward.retention.holds import RESTRICTION, place_hold
from callward.speech.engine import Word
from callward.speech.export import Form
from callward.speech.export.forms import render
from callward.speech.export.vcon import Source
from callward.speech.merge import Turn
from callward.speech.transcript import Transcript
from tests.commands import Said, callward
from tests.retention.shelf import read, shelve
from tests.speech.filed import Spoken, note_transcription, transcribed
from tests.speech.said import TRANSCRIPT
from tests.support import NOW, instruct, new_instance, rows, run_stage, snapshot

FORMS = get_args(Form)
WHY = ("--reason", "asked for by Mrs Quill")
HOSTILE = Transcript(
    "e\x1b[31m",
    "en-GB",
    2.0,
    (Turn("channel-1\x9b31m", (Word("\x1b]0;x\x07", 0.0, 1.0, 0.5), Word("\u202e", 1.0, 2.0, 1))),),
)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """An instance whose controller wants transcripts."""
    found = new_instance(tmp_path / "home")
    instruct(found, transcription=True)
    yield found
    found.close()


def _source(one: Spoken) -> Source:
    return Source(one.transcript, NOW, NOW - timedelta(days=1), 2)


def _run(instance: Instance, *arguments: str, stdin: str = "") -> Said:
    return callward(instance.settings.home, "transcript", *arguments, stdin=stdin)


def _code(said: Said) -> tuple[int, str]:
    assert said.out == ""
    return said.status, said.err.partition("[")[2].partition("]")[0]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_printed(instance: Instance, form: Form) -> None:
    """By the recording's id or the transcript's own, and nothing is printed beside it."""
    one = transcribed(instance)
    expected = render(TRANSCRIPT, _source(one), form).decode()
    for wanted in (one.recording, one.transcript):
        said = _run(instance, "export", wanted, "--format", form, *WHY)
        assert (said.status, said.err) == (0, "")
        assert said.out == expected


def test_a_form_that_there_is_not(instance: Instance) -> None:
    """It is refused, and nothing is opened."""
    one = transcribed(instance)
    before = snapshot(instance)
    assert _run(instance, "export", one.recording, "--format", "srt", *WHY).status == 2
    assert _run(instance, "export", one.recording, "--format", "vtt").status == 2
    assert snapshot(instance) == before


def test_a_file_is_its_owners(instance: Instance, tmp_path: Path) -> None:
    """Mode 0600, nothing left beside it, never over another."""
    one, out = transcribed(instance), tmp_path / "out" / "call.vtt"
    how = ("export", one.recording, "--format", "vtt", *WHY, "--out", str(out))
    assert _code(_run(instance, *how)) == (2, "settings")
    out.parent.mkdir()
    assert rows(instance, "openings") == []
    said = _run(instance, *how)
    assert said.status == 0
    assert "the opening is in the ledger" in said.out
    assert out.read_bytes() == render(TRANSCRIPT, _source(one), "vtt")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    before = snapshot(instance)
    assert _code(_run(instance, *how)) == (2, "settings")
    assert snapshot(instance) == before
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("command", [("show",), ("export", "--format", "json")])
def test_it_is_an_opening(instance: Instance, command: tuple[str, ...]) -> None:
    """In catalogue and ledger, of the transcript; the reason is sealed, and can be typed in."""
    one = transcribed(instance)
    said = _run(instance, *command, one.recording, "--reason", "-", stdin="complaint 7\n")
    assert said.status == 0
    ((opened, reason_id),) = rows(instance, "openings", "object_id", "reason_id")
    assert opened == one.transcript
    assert read(instance, reason_id) == b"complaint 7"
    events = (
        sa.select(t.ledger_items.c.subject)
        .join(t.ledger_leaves, t.ledger_leaves.c.position == t.ledger_items.c.leaf)
        .where(t.ledger_leaves.c.event == "opened")
    )
    with instance.unit() as connection:
        assert connection.scalars(events).all() == [one.transcript]
        log.verify(connection, [instance.signer.verifier])
    before = snapshot(instance)
    assert _code(_run(instance, *command, one.recording, "--reason", " ")) == (2, "settings")
    assert snapshot(instance) == before


def test_what_cannot_be_read_is_recorded_all_the_same(instance: Instance, tmp_path: Path) -> None:
    """The first byte was read by then; there is no file, and the error quotes nothing."""
    one, out = transcribed(instance, plaintext=b'{"said": "by Mrs Quill"}'), tmp_path / "out"
    said = _run(instance, "export", one.recording, "--format", "text", *WHY, "--out", str(out))
    assert _code(said) == (4, "transcript-malformed")
    assert "Quill" not in said.err
    assert rows(instance, "openings", "object_id") == [(one.transcript,)]
    assert not out.exists()


def test_what_is_restricted_is_not_looked_at(instance: Instance) -> None:
    """Unless somebody says why it may be, and then the ledger says so; a hold is no hindrance."""
    one = transcribed(instance)
    review = date(2050, 1, 1)
    place_hold(instance, "acorn", "interaction", one.interaction, "dispute", review)
    how = ("export", one.recording, "--format", "text", *WHY)
    assert _run(instance, *how).status == 0
    place_hold(
        instance, "acorn", "interaction", one.interaction, "Art 18", review, basis=RESTRICTION
    )
    before = snapshot(instance)
    assert _code(_run(instance, *how)) == (2, "restricted")
    assert _code(_run(instance, "show", one.recording, *WHY)) == (2, "restricted")
    assert snapshot(instance) == before
    assert _run(instance, *how, "--despite-restriction").status == 0
    with instance.unit() as connection:
        bodies = connection.scalars(
            sa.select(t.ledger_items.c.body).where(t.ledger_items.c.subject == one.transcript)
        ).all()
    assert sum("despite_restriction" in str(body) for body in bodies) == 1


def test_what_is_in_quarantine_stays_there(instance: Instance) -> None:
    """Unless it is asked for as such."""
    one = transcribed(instance, state="quarantined")
    before = snapshot(instance)
    for wanted in (one.recording, one.transcript):
        said = _run(instance, "export", wanted, "--format", "text", *WHY)
        assert _code(said) == (2, "transcript-quarantined")
        assert _code(_run(instance, "show", wanted, *WHY)) == (2, "transcript-quarantined")
    assert snapshot(instance) == before
    how = ("--format", "text", *WHY, "--quarantined")
    assert "good morning" in _run(instance, "export", one.recording, *how).out


def test_what_is_no_transcript_of_ours(instance: Instance) -> None:
    """Unknown ids, other objects, recordings without one, and transcripts delivered."""
    one, none = transcribed(instance), shelve(instance, "none", age=1)
    with instance.unit() as connection:
        note_transcription(
            connection, none, state="refused", code="no-instruction", transcript_id=None
        )
    before = snapshot(instance)
    for wanted in ("f" * 32, one.details, one.delivered, none.recording):
        said = _run(instance, "export", wanted, "--format", "text", *WHY)
        assert _code(said) == (2, "not-found")
        assert wanted in said.err
    assert "refused, no-instruction" in _run(instance, "show", none.recording, *WHY).err
    assert snapshot(instance) == before


def test_what_is_destroyed_is_gone(instance: Instance) -> None:
    """Recording and transcript say so alike."""
    one = transcribed(instance, age=50)
    assert run_stage(instance, "retention").failures == []
    before = snapshot(instance)
    for wanted in (one.recording, one.transcript):
        said = _run(instance, "export", wanted, "--format", "text", *WHY)
        assert _code(said) == (2, "shredded")
    assert snapshot(instance) == before


@pytest.mark.parametrize("command", [("show",), *(("export", "--format", form) for form in FORMS)])
def test_no_word_steers_a_terminal(instance: Instance, command: tuple[str, ...]) -> None:
    """Whatever a supplier's engine wrote, and wherever."""
    one = transcribed(instance, plaintext=HOSTILE.to_json())
    said = _run(instance, *command, one.recording, *WHY)
    assert said.status == 0
    assert said.out.replace("\n", "")
    assert not any(bad in said.out for bad in ("\x1b", "\x9b", "\x07", "\u202e"))


def test_output_is_utf8_whatever_the_locale(instance: Instance) -> None:
    """In a process of its own, whose terminal is said to know ASCII only."""
    one, home = transcribed(instance), str(instance.settings.home)
    arguments = ("--home", home, "transcript", "export", one.recording, "--format", "text", *WHY)
    done = subprocess.run(
        [sys.executable, "-m", "callward", *arguments],
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == render(TRANSCRIPT, _source(one), "text")


def test_one_is_shown(instance: Instance) -> None:
    """A line a turn; where nothing was said, that."""
    one, silent = transcribed(instance), Transcript("e", "en-GB", 3.0, ())
    none = transcribed(instance, "silent", silent.to_json())
    assert _run(instance, "show", one.recording, *WHY).out.startswith(
        "[00:00:00] channel-1: good morning\n"
    )
    assert _run(instance, "show", none.recording, *WHY).out.startswith("nothing was said")


def test_they_are_listed(instance: Instance) -> None:
    """Ids and figures, by the recording's id, no word; nothing is opened for it."""
    made = [transcribed(instance, name) for name in ("one", "two")]
    other = transcribed(instance, "three", controller="birch", state="quarantined")
    none = shelve(instance, "none", age=1)
    with instance.unit() as connection:
        note_transcription(connection, none, state="refused", code="no-audio", transcript_id=None)
    before = snapshot(instance)
    listed = _run(instance, "list", "--json").json
    assert [row["recording"] for row in listed] == sorted(one.recording for one in (*made, other))
    (row,) = _run(instance, "list", "--controller", "birch", "--json").json
    assert row == {
        "recording": other.recording,
        "transcript": other.transcript,
        "controller": "birch",
        "state": "quarantined",
        "code": None,
        "engine": "sphinx-5.1",
        "wanted": None,
        "seconds": 3700.5,
        "words": 8,
        "at": row["at"],
    }
    everything = _run(instance, "list", "--all", "--json").json
    assert none.recording in [row["recording"] for row in everything]
    assert "no transcripts" in _run(instance, "list", "--controller", "nobody").out
    assert "morning" not in json.dumps(everything) + _run(instance, "list").out
    assert snapshot(instance) == before


def test_lists_are_paged(instance: Instance) -> None:
    """Page after page, each as long as asked for, to the end; never without bound."""
    wanted = sorted(transcribed(instance, str(n)).recording for n in range(5))
    found: list[str] = []
    while True:
        after = ("--after", found[-1]) if found else ()
        page = _run(instance, "list", "--limit", "2", *after, "--json").json
        found += [row["recording"] for row in page]
        if len(page) < 2:
            break
    assert found == wanted
    said = _run(instance, "list", "--limit", "2").out
    assert f"--after {wanted[1]}" in said
    assert wanted[2] not in said
    assert "--after" not in _run(instance, "list", "--limit", "6").out
    for limit in ("0", "1001"):
        assert _code(_run(instance, "list", "--limit", limit)) == (2, "settings")

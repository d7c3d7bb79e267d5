"""The command line: what each command answers, and how each says no."""

import re
import shutil
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from callward import cli
from callward.catalogue.guard import exclusive
from callward.clock import FixedClock, SystemClock, today
from callward.instance import Instance, open_instance
from tests.commands import Said, callward
from tests.support import Call, deliver, instruct, new_instance, rows, snapshot

UNKNOWN_ID = "0" * 32
STAGES = ("ingest", "cards", "transcribe", "retention", "evidence")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an instance in whose landing zone calls wait."""
    home, now = tmp_path_factory.mktemp("cli") / "before", SystemClock().now()
    instance = new_instance(home, clock=FixedClock(now))
    instruct(instance, "thornbeck-insurance", transcription=True)
    instruct(instance, "birch")
    calls = [Call("t1"), Call("bad", content=b"no media"), Call("old", age=50)]
    calls.append(Call("digest", row={"sha256": "0" * 64}))
    deliver(instance, calls, controller="thornbeck-insurance", now=now)
    deliver(instance, [Call("b1")], controller="birch", now=now)
    instance.close()
    return home


@pytest.fixture(scope="module")
def after(before: Path) -> tuple[Path, Said]:
    """A copy after a plain night run from the command line, and what that said."""
    home = before.with_name("after")
    shutil.copytree(before, home)
    said = callward(home, "run", "nightly", "--plain")
    return home, said


@pytest.fixture
def home(after: tuple[Path, Said], tmp_path: Path) -> Path:
    """A copy of its own for a test, after the night."""
    shutil.copytree(after[0], tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def instance(home: Path) -> Instance:
    """The same, to look into."""
    return open_instance(home)


def refused(said: Said, code: str, status: int = 2) -> bool:
    """One sentence with a code on standard error, nothing else, and a status that says no."""
    line = re.fullmatch(r"callward: \[([a-z-]+)\] [^\n]+\n", said.err)
    assert said.out == ""
    assert line is not None, said.err
    return (line[1], said.status) == (code, status)


def an_id(instance: Instance, table: str, **wanted: str) -> str:
    """The id of a row."""
    columns = ("id", *wanted)
    found = [row[0] for row in rows(instance, table, *columns) if row[1:] == (*wanted.values(),)]
    return str(found[0])


def test_init_makes_an_instance_once(tmp_path: Path) -> None:
    """A second time is refused and leaves the keys as they are."""
    said = callward(tmp_path / "new", "init")
    assert said.status == 0
    assert "packs will be signed by callward/" in said.out
    keys = {path: path.read_bytes() for path in (tmp_path / "new" / "keys").iterdir()}
    assert refused(callward(tmp_path / "new", "init"), "settings")
    assert {path: path.read_bytes() for path in (tmp_path / "new" / "keys").iterdir()} == keys


@pytest.mark.parametrize(
    "command",
    [
        *(("status",), ("show", UNKNOWN_ID), ("hold", "list"), ("hold", "lift", UNKNOWN_ID)),
        *(("quarantine", "list"), ("instructions", "check"), ("instructions", "load")),
        *(("ledger", "verify"), ("ledger", "prove", UNKNOWN_ID)),
        *(("run", "nightly"), ("run", "nightly", "--plain"), ("run", "nightly", "--dry-run")),
        ("evidence", "build", "--from", "2026-01-01", "--to", "2026-01-31"),
        ("open", UNKNOWN_ID, "--reason", "asked", "--out", "here"),
        (
            "hold",
            "add",
            "--controller",
            "a",
            "--reason",
            "b",
            "--who",
            "c",
            "--review",
            "2030-01-01",
        ),
    ],
)
def test_a_home_without_an_instance_is_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    """By every command, at once, and nothing is made there."""
    assert refused(callward(tmp_path / "nowhere", *command), "settings")
    assert not (tmp_path / "nowhere").exists()


def test_settings_that_cannot_be_read_are_refused(home: Path) -> None:
    """What is wrong with the settings is one sentence too."""
    (home / "callward.toml").write_text('processes = "many"\n')
    assert refused(callward(home, "status"), "settings")
    (home / "callward.toml").write_text("processes = \n")
    assert refused(callward(home, "status"), "settings")


def test_the_plain_night_prints_a_table_that_fits(after: tuple[Path, Said]) -> None:
    """Per controller what came in and what became of it; then the pack and how to verify it."""
    home, said = after
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    head = next(line for line in lines if line.startswith("controller"))
    assert head.split() == [
        *("controller", "in", "new", "dup.", "quar.", "texts", "refused", "shredded", "cert.")
    ]
    rows = [line.split() for line in lines if line.startswith(("b", "th"))]
    table = {row[0]: row[1:] for row in rows if len(row) == len(head.split())}
    assert table["thornbeck-insurance"] == ["4", "2", "0", "2", "1", "1", "1", "1"]
    assert table["birch"] == ["1", "1", "0", "0", "0", "1", "0", "0"]
    assert all(len(line) <= 80 for line in lines if not line.startswith(("evidence", "verify")))
    pack = next((home / "evidence").glob("*.zip"))
    assert f"evidence pack: {pack}" in lines
    assert (home / "data-docs" / "index.html").exists()


def test_the_verify_command_that_a_night_prints_works(after: tuple[Path, Said]) -> None:
    """Copied from the screen it says that the pack verifies."""
    home, said = after
    command = said.last.removeprefix("verify it with: callward ")
    checked = callward(home, *command.split())
    assert checked.status == 0
    assert checked.last == "the pack verifies"
    as_json = callward(home, *command.split(), "--json")
    assert as_json.status == 0
    assert as_json.json


def test_a_second_night_says_that_there_is_nothing_new(home: Path) -> None:
    """Nothing is done twice."""
    said = callward(home, "run", "ingest", "--plain")
    assert (said.status, said.out) == (0, "there is nothing new\n")


def test_a_failed_night_says_so_and_is_not_called_nothing_new(home: Path) -> None:
    """An instruction that cannot be read fails the run with the code and the line."""
    (home / "instructions" / "birch.yaml").write_text("controller: birch\n")
    said = callward(home, "run", "transcribe", "--plain")
    assert said.status == 2
    assert said.out.startswith("nothing was done\n")
    assert "  instruction: Have the instruction's file mended" in said.out
    assert said.err.startswith("callward: [stage-failed] transcribe: [instruction] birch.yaml")


def test_a_stage_that_cannot_run_at_all_does_not_stop_retention(
    before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is due goes on its day, whatever became of the stages before (DESIGN §2)."""

    def broken(*_: object) -> None:
        raise ValueError("of Jane Doe")

    shutil.copytree(before, tmp_path / "home")
    monkeypatch.setattr("callward.night.plan_ingest", broken)
    monkeypatch.setattr("callward.night.plan_speech", broken)
    instance = open_instance(tmp_path / "home")
    said = callward(tmp_path / "home", "run", "nightly", "--plain")
    assert said.status == 2
    assert "ingest: [defect] unforeseen ValueError" in said.err
    assert "transcribe: [defect] unforeseen ValueError" in said.err
    assert "retention" not in said.err
    assert "Jane Doe" not in said.err
    assert {suite for (suite,) in rows(instance, "gate_results", "suite")} >= {
        "retention_entry",
        "evidence_exit",
    }


def test_a_run_beside_another_is_refused(home: Path, instance: Instance) -> None:
    """One at a time on a catalogue; the other does nothing."""
    kept = snapshot(instance)
    with exclusive(instance.engine):
        said = callward(home, "run", "nightly", "--plain")
    assert said.status == 2
    assert [said.err.count(f"{stage}: [busy]") for stage in STAGES] == [1, 1, 1, 1, 1]
    assert snapshot(instance) == kept


def test_a_wrong_stage_is_refused(home: Path) -> None:
    """With the stages that there are."""
    said = callward(home, "run", "weekly", "--plain")
    assert refused(said, "settings")
    assert all(stage in said.err for stage in ("nightly", *STAGES))


@pytest.mark.parametrize("how", [(), ("--plain",)])
@pytest.mark.parametrize("stage", ["nightly", *STAGES])
def test_a_day_that_has_not_come_is_refused(
    home: Path, instance: Instance, stage: str, how: tuple[str, ...]
) -> None:
    """Before anything starts, and nothing is changed."""
    kept, day = snapshot(instance), today(SystemClock()) + timedelta(days=1)
    assert refused(callward(home, "run", stage, "--as-of", str(day), *how), "future-as-of")
    assert snapshot(instance) == kept


@pytest.mark.parametrize("how", [(), ("--plain",), ("--dry-run",)])
def test_a_controller_that_nobody_knows_is_refused(home: Path, how: tuple[str, ...]) -> None:
    """A misspelt name would do nothing and look well; it is not repeated either."""
    said = callward(home, "run", "nightly", "--controller", "07700900123", *how)
    assert refused(said, "not-found")
    assert "07700900123" not in said.err
    assert refused(callward(home, "run", "evidence", "--controller", "birch", *how), "settings")


def test_a_dry_run_looks_ahead_and_changes_nothing(home: Path, instance: Instance) -> None:
    """It tells what would go on a day to come."""
    kept, day = snapshot(instance), today(SystemClock()) + timedelta(days=60)
    said = callward(home, "run", "nightly", "--dry-run", "--as-of", str(day))
    assert said.status == 0
    assert re.search(r"thornbeck-insurance +recording +3\b", said.out)
    assert "to destroy, 0 due but on hold; nothing was done" in said.out
    assert snapshot(instance) == kept
    assert refused(callward(home, "run", "ingest", "--dry-run"), "settings")


def test_the_brake_is_said_with_the_hash_that_lets_it_go(home: Path, instance: Instance) -> None:
    """What a dry run announces for approval, the run refuses without and does with it."""
    (home / "callward.toml").write_text("brake_floor = 0\nbrake_share = 0.01\n")
    instruct(instance, "birch", recordings="1 days")
    looked = callward(home, "run", "retention", "--dry-run")
    approval = looked.last.split()
    assert approval[0] == "--approve"
    stopped = callward(home, "run", "retention", "--plain")
    assert stopped.status == 2
    assert "[brake]" in stopped.err
    assert approval[1] in stopped.err
    states = {state for (state,) in rows(instance, "sweeps", "state")}
    assert len(rows(instance, "sweeps")) == 1
    assert states == {"complete"}
    assert callward(home, "run", "retention", "--plain", *approval).status == 0
    assert len(rows(instance, "sweeps")) == 2


def test_status_is_for_people_and_for_machines(home: Path) -> None:
    """Counts per controller and kind, and per drop; the same in both."""
    found = callward(home, "status", "--json").json
    kinds = found["controllers"]["thornbeck-insurance"]["kinds"]["recording"]
    assert (kinds["catalogued"], kinds["transcribed"], kinds["shredded"]) == (1, 1, 1)
    assert found["controllers"]["thornbeck-insurance"]["quarantined"] == {
        "digest-mismatch": 1,
        "not-media": 1,
    }
    for drop in found["drops"]:
        assert drop["files"] == drop["ingested"] + drop["duplicates"] + drop["quarantined"]
    said = callward(home, "status")
    assert re.search(r"thornbeck-insurance +recording +1 +1 ", said.out)
    assert found["drops"][0]["id"] in said.out
    ahead = callward(home, "status", "--json", "--as-of", "2099-01-01").json
    assert ahead["controllers"]["birch"]["kinds"]["recording"]["due"] == 1


def test_show_tells_what_the_catalogue_knows(home: Path, instance: Instance) -> None:
    """Of an object, an interaction, a certificate; and refuses what is unknown or no id."""
    one = an_id(instance, "objects", kind="recording", state="live")
    assert callward(home, "show", one, "--json").json["what"] == "object"
    assert one in callward(home, "show", one).out
    for what, table in (("interaction", "interactions"), ("certificate", "certificates")):
        found = callward(home, "show", rows(instance, table, "id")[0][0], "--json")
        assert found.json["what"] == what
    assert refused(callward(home, "show", UNKNOWN_ID), "not-found")


@pytest.mark.parametrize(
    "command", [("show",), ("hold", "lift"), ("quarantine", "reject"), ("ledger", "prove")]
)
def test_what_is_no_id_is_refused_and_not_repeated(home: Path, command: tuple[str, ...]) -> None:
    """Somebody may have typed a number or a name."""
    for typed in ("07700900123", "+447700900123", "Jane Doe", "../../etc", ""):
        said = callward(home, *command, "--", typed)
        assert refused(said, "settings")
        assert not typed or typed not in said.err


def test_open_writes_the_content_and_the_ledger_says_so(home: Path, instance: Instance) -> None:
    """Once, into a file that only its owner reads; never over another, never without reason."""
    one, out = an_id(instance, "objects", kind="recording", state="live"), home / "call.wav"
    said = callward(home, "open", one, "--reason", "complaint 7", "--out", str(out))
    assert (said.status, out.read_bytes()[:4]) == (0, b"RIFF")
    assert out.stat().st_mode & 0o777 == 0o600
    kept = snapshot(instance)
    assert len(kept["openings"]) == 1
    assert refused(callward(home, "open", one, "--reason", "x", "--out", str(out)), "settings")
    nowhere = str(home / "none" / "x")
    assert refused(callward(home, "open", one, "--reason", "x", "--out", nowhere), "settings")
    new = str(home / "new")
    assert refused(callward(home, "open", one, "--reason", " ", "--out", new), "settings")
    assert refused(callward(home, "open", UNKNOWN_ID, "--reason", "x", "--out", new), "not-found")
    gone = an_id(instance, "objects", kind="recording", state="shredded")
    assert refused(callward(home, "open", gone, "--reason", "x", "--out", new), "shredded")
    assert snapshot(instance) == kept
    assert not (home / "new").exists()


def test_holds_are_placed_listed_and_lifted(home: Path, instance: Instance) -> None:
    """On a controller, an interaction and a person; what is held is not due."""
    why = ("--reason", "asked", "--who", "Legal", "--review", "2030-01-01")
    add: tuple[str, ...] = ("hold", "add", "--controller", "birch", *why)
    whole = callward(home, *add).last
    one = an_id(instance, "objects", kind="recording", controller="birch")
    single = callward(home, *add, "--interaction", one).last
    person = callward(home, *add, "--person", "-", stdin="07700 900123\n").last
    listed = callward(home, "hold", "list", "--json").json
    assert {hold["id"]: hold["scope"] for hold in listed} == {
        whole: "controller",
        single: "interaction",
        person: "person",
    }
    assert "07700" not in callward(home, "hold", "list").out
    status = callward(home, "status", "--json").json
    assert status["controllers"]["birch"]["kinds"]["recording"]["held"] == 1
    for hold in (whole, single, person):
        assert callward(home, "hold", "lift", hold).out == f"{hold} lifted\n"
    assert refused(callward(home, "hold", "lift", whole), "not-found")
    assert all(hold["lifted"] for hold in callward(home, "hold", "list", "--json").json)


def test_reasons_are_read_from_standard_input(home: Path, instance: Instance) -> None:
    """No process list and no shell history shows them; two cannot share the one line."""
    one, out = an_id(instance, "objects", kind="recording", state="live"), home / "call.wav"
    how = ("open", one, "--out", str(out), "--reason", "-")
    kept = snapshot(instance)
    assert refused(callward(home, *how, stdin="\n"), "settings")
    why = ("--review", "2030-01-01", "--who", "Legal", "--reason", "-")
    add: tuple[str, ...] = ("hold", "add", "--controller", "birch", *why)
    assert refused(callward(home, *add, stdin="\n"), "settings")
    both = callward(home, *add, "--person", "-", stdin="07700 900123\n")
    assert refused(both, "settings")
    assert "standard input" in both.err
    assert snapshot(instance) == kept
    assert callward(home, *how, stdin="complaint 7\n").status == 0
    assert callward(home, *add, stdin="court order 7\n").status == 0
    notes = {"openings": b"complaint 7", "holds": b"court order 7\n\nAsked by: Legal"}
    for table, reason in notes.items():
        ((note,),) = rows(instance, table, "reason_id")
        with instance.unit() as connection:
            assert b"".join(instance.vault.open(connection, note)) == reason


def test_a_hold_on_nobody_is_refused(home: Path, instance: Instance) -> None:
    """Unknown controller or interaction, two targets, or an empty name: no hold is placed."""
    why = ("--reason", "asked", "--who", "Legal", "--review", "2030-01-01")
    add: tuple[str, ...] = ("hold", "add", *why, "--controller")
    kept = snapshot(instance)
    assert refused(callward(home, *add, "nobody"), "not-found")
    assert refused(callward(home, *add, "birch", "--interaction", UNKNOWN_ID), "not-found")
    both = ("--interaction", UNKNOWN_ID, "--person", "07700 900123")
    assert refused(callward(home, *add, "birch", *both), "settings")
    assert refused(callward(home, *add, "birch", "--person", "-", stdin="\n"), "not-found")
    assert refused(callward(home, *add, "birch", "--person", "-", stdin=""), "not-found")
    assert refused(callward(home, *add, "birch", "--interaction", ""), "settings")
    assert snapshot(instance) == kept


def test_quarantine_is_listed_released_and_rejected(home: Path, instance: Instance) -> None:
    """What can be waived comes in; what cannot is refused; what is rejected is gone."""
    listed = callward(home, "quarantine", "list", "--json").json
    by_reason = {one["reason"]: one["id"] for one in listed}
    assert set(by_reason) == {"digest-mismatch", "not-media"}
    bad, wrong = by_reason["not-media"], by_reason["digest-mismatch"]
    assert bad in callward(home, "quarantine", "list").out
    assert refused(callward(home, "quarantine", "release", bad), "release-refused")
    released = callward(home, "quarantine", "release", wrong)
    assert released.status == 0
    assert callward(home, "show", released.last.split()[-1], "--json").json["state"] == "live"
    assert callward(home, "quarantine", "reject", bad).status == 0
    assert refused(callward(home, "quarantine", "reject", bad), "not-found")
    assert callward(home, "quarantine", "list").out == "nothing in quarantine\n"
    decided = callward(home, "quarantine", "list", "--all", "--json").json
    assert {one["state"] for one in decided} == {"released", "rejected"}
    instance.close()


def test_instructions_are_checked_and_loaded(home: Path, instance: Instance) -> None:
    """Checking changes nothing; loading makes a version of what has changed, once."""
    assert callward(home, "instructions", "check").out == "2 instructions are good, 0 are not\n"
    assert callward(home, "instructions", "load").out == "nothing changed\n"
    instruct(instance, "birch", recordings="44 days")
    assert callward(home, "instructions", "check").status == 0
    assert len(rows(instance, "instructions")) == 2
    assert callward(home, "instructions", "load").out == "birch: version 2\n"
    (home / "instructions" / "birch.yaml").write_text("controller: birch\nperiod: long\n")
    for command in ("check", "load"):
        said = callward(home, "instructions", command)
        assert said.status == 3
        assert "birch.yaml, line 2" in said.err
    assert len(rows(instance, "instructions")) == 3


def test_the_ledger_is_verified_and_proves(home: Path, instance: Instance) -> None:
    """It verifies, proves an object, knows nothing of others, and notices a changed row."""
    one = an_id(instance, "objects", kind="recording", state="live")
    assert "all verify" in callward(home, "ledger", "verify").out
    assert callward(home, "ledger", "prove", one).json
    kept = snapshot(instance)
    assert refused(callward(home, "ledger", "prove", UNKNOWN_ID), "not-found")
    assert snapshot(instance) == kept
    with instance.unit() as connection:
        connection.exec_driver_sql("UPDATE ledger_items SET subject = '0' WHERE position = 0")
    assert refused(callward(home, "ledger", "verify"), "integrity", status=4)


def test_verify_refuses_what_is_no_pack_and_says_what_fails(
    after: tuple[Path, Said], tmp_path: Path
) -> None:
    """No file is a mistake of the caller; a changed pack and a wrong key are findings."""
    pack = next((after[0] / "evidence").glob("*.zip"))
    assert refused(callward(tmp_path, "verify", str(tmp_path / "none.zip")), "settings")
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(tmp_path / "new.zip", "w") as new:
        for name in old.namelist():
            extra = b" " if name.endswith("report.html") else b""
            new.writestr(name, old.read(name) + extra)
    changed = callward(tmp_path, "verify", str(tmp_path / "new.zip"))
    assert changed.status == 4
    assert changed.last == "the pack does NOT verify"
    other = callward(tmp_path, "verify", str(pack), "--key", "callward/x+00000000+AAAA")
    assert other.status != 0


def test_a_period_that_ends_before_it_begins_is_refused(home: Path) -> None:
    """Before Prefect is started for it."""
    period = ("--from", "2026-02-01", "--to", "2026-01-01")
    assert refused(callward(home, "evidence", "build", *period), "settings")


def test_unforeseen_errors_are_one_sentence_without_their_text(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's text may quote content: only its type and place are told."""

    def broken(*_: object) -> None:
        raise ValueError("no such value: " + "Jane" + " Doe")

    monkeypatch.setattr("callward.status.status", broken)
    said = callward(home, "status")
    assert refused(said, "defect", status=4)
    assert re.search(r"unforeseen ValueError at test_cli\.py:\d+", said.err)
    assert "Jane Doe" not in said.err
    asked = callward(home, "--traceback", "status")
    assert asked.status == 4
    assert 'test_cli.py", line' in asked.err
    assert "Jane Doe" not in asked.err


def test_no_error_shows_a_traceback_unless_asked(tmp_path: Path) -> None:
    """Asked, it says where; not asked, not."""
    assert "File" not in callward(tmp_path, "status").err
    asked = callward(tmp_path, "--traceback", "status")
    assert "SettingsError" in asked.err
    assert 'instance.py", line' in asked.err
    assert asked.err.endswith("makes one\n")
    assert asked.status == 2


def test_every_command_explains_itself(tmp_path: Path) -> None:
    """Each command and group has help, and the sentence in it is the code's own."""
    groups = [("", cli.app)]
    groups += [
        (str(one.name), one.typer_instance)
        for one in cli.app.registered_groups
        if one.typer_instance is not None
    ]
    assert len(groups) > 10
    for group, commands in groups:
        told = callward(tmp_path, *group.split(), "--help")
        assert told.status == 0
        for command in commands.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__
            assert name in told.out
            sentence = str(command.callback.__doc__).split()[0]
            assert sentence in callward(tmp_path, *group.split(), name, "--help").out


def test_wrong_options_are_refused_by_name(home: Path) -> None:
    """A day that is none, a missing option, an unknown command: status 2 and what is wrong."""
    for command, wrong in (
        (("run", "nightly", "--as-of", "yesterday"), "--as-of"),
        (("open", UNKNOWN_ID, "--reason", "x"), "--out"),
        (("evidence", "build", "--from", "2026-01-01"), "--to"),
        (("nonsense",), "nonsense"),
    ):
        said = callward(home, *command)
        assert said.status == 2
        assert wrong in said.err
        assert "Traceback" not in said.err

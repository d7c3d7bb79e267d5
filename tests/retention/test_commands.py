"""The commands on holds, restrictions and erasures: what they answer, and how they say no."""

from pathlib import Path

import pytest

from callward.clock import FixedClock, SystemClock
from callward.instance import Instance
from tests.commands import Said, callward
from tests.retention.shelf import Shelved, openable, shelve
from tests.support import instruct, new_instance, rows, snapshot

HOW = ("--reason", "asked", "--who", "Legal")
ADD = ("add", "--controller", "acorn", *HOW, "--review", "2030-01-01")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An instance's folder."""
    return tmp_path / "home"


@pytest.fixture
def quick(home: Path) -> Instance:
    """The instance, on SQLite, by the clock that the commands have too."""
    instance = new_instance(home, clock=FixedClock(SystemClock().now()))
    instruct(instance)
    return instance


@pytest.fixture
def one(quick: Instance) -> Shelved:
    """A young interaction."""
    return shelve(quick, "one", age=1)


def _refused(said: Said, code: str) -> bool:
    return said.status == 2 and said.out == "" and said.err.startswith(f"callward: [{code}] ")


def test_restrictions_and_holds_have_lists_of_their_own(
    home: Path, quick: Instance, one: Shelved
) -> None:
    """Placed, listed and lifted each by their own command, and by no other."""
    hold = callward(home, "hold", *ADD).last
    restriction = callward(home, "restrict", *ADD, "--interaction", one.recording).last
    for command, mine, other in (("hold", hold, restriction), ("restrict", restriction, hold)):
        (listed,) = callward(home, command, "list", "--json").json
        assert (listed["id"], listed["overdue"], listed["lifted"]) == (mine, False, False)
        assert _refused(callward(home, command, "lift", other), "not-found")
    found = callward(home, "status", "--json").json["holds"]
    assert found == [{"controller": "acorn", "hold": 1, "restriction": 1, "overdue": 0}]
    assert callward(home, "restrict", "lift", restriction).out == f"{restriction} lifted\n"
    assert [row[0] for row in rows(quick, "holds", "basis", "lifted_at") if row[1]] == [
        "restriction"
    ]


def test_an_overdue_review_is_marked(home: Path, quick: Instance) -> None:
    """In the list, and in the status's table."""
    past = ("add", "--controller", "acorn", *HOW, "--review", "2026-01-01")
    hold = callward(home, "hold", *past).last
    (listed,) = callward(home, "hold", "list", "--json").json
    assert (listed["id"], listed["overdue"]) == (hold, True)
    assert "overdue" in callward(home, "status").out
    assert quick


def test_a_hold_by_blind_index(home: Path, quick: Instance, one: Shelved) -> None:
    """Of somebody known; nobody's is refused, and so is one together with a number."""
    ((blind,),) = rows(quick, "people", "blind")
    before = snapshot(quick)
    assert _refused(callward(home, "hold", *ADD, "--blind", "f" * 64), "not-found")
    assert _refused(callward(home, "hold", *ADD, "--blind", "07700900123"), "settings")
    both = ("--blind", blind, "--person", "07700900123")
    assert _refused(callward(home, "hold", *ADD, *both), "settings")
    assert snapshot(quick) == before
    assert callward(home, "hold", *ADD, "--blind", blind).status == 0
    assert rows(quick, "holds", "target") == [(blind,)]
    assert one


@pytest.mark.parametrize("missing", ["--reason", "--who"])
def test_a_hold_needs_a_reason_and_somebody(home: Path, quick: Instance, missing: str) -> None:
    """An empty one is as good as none; nothing is placed."""
    before = snapshot(quick)
    how = list(ADD)
    how[how.index(missing) + 1] = " "
    assert _refused(callward(home, "hold", *how), "settings")
    assert snapshot(quick) == before


def test_what_is_restricted_opens_only_in_so_many_words(
    home: Path, quick: Instance, one: Shelved
) -> None:
    """Refused without the option, and nothing is written."""
    assert callward(home, "restrict", *ADD, "--interaction", one.recording).status == 0
    how = ("open", one.recording, "--reason", "claim", "--out", str(home / "out"))
    before = snapshot(quick)
    assert _refused(callward(home, *how), "restricted")
    assert snapshot(quick) == before
    assert callward(home, *how, "--despite-restriction").status == 0
    assert (home / "out").read_bytes() == one.plaintext


def test_an_erasure_waits_for_the_night_or_not(home: Path, quick: Instance, one: Shelved) -> None:
    """Instructed, then at once: it is gone with a certificate, and nothing else is."""
    other = shelve(quick, "other", age=1)
    said = callward(home, "erase", one.recording, *HOW)
    assert (said.status, said.out) == (0, "the erasure of 2 objects is instructed\n")
    assert openable(quick, one.all) == one.all
    said = callward(home, "erase", one.interaction, *HOW, "--now")
    assert said.status == 0, said.err
    assert said.last == "3 destroyed, 0 kept because they are on hold"
    assert openable(quick, one.all | other.all) == other.all
    assert len(rows(quick, "certificates")) == 1
    assert _refused(callward(home, "erase", one.recording, *HOW), "shredded")


def test_an_erasure_of_nothing_known_is_refused(home: Path, quick: Instance) -> None:
    """An unknown id, and what is no id; neither changes anything."""
    before = snapshot(quick)
    assert _refused(callward(home, "erase", "0" * 32, *HOW), "not-found")
    said = callward(home, "erase", "07700900123", *HOW)
    assert _refused(said, "settings")
    assert "07700" not in said.err
    assert snapshot(quick) == before

"""The register from a terminal: list, show, check."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from callward.clock import FixedClock, SystemClock, today
from callward.instance import Instance
from callward.subprocessors.load import load_register
from tests.commands import callward
from tests.subprocessors.entries import FULL, register
from tests.support import new_instance, snapshot

DAY = today(SystemClock())
"""Commands work today."""


def fresh(**days: int) -> str:
    """``FULL`` with its last days so many days from today, by what they are of; else a year."""
    text = FULL
    for what, old in (
        ("agreement", "  review: 2027-06-30"),
        ("safeguard", "  expires: 2027-06-30\n    countries"),
        ("certificate", "123\n    expires: 2027-06-30"),
        ("review", "next_review: 2027-06-30"),
    ):
        day = DAY + timedelta(days=days.get(what, 365))
        assert old in text
        text = text.replace(old, old.replace("2027-06-30", day.isoformat()), 1)
    return text


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """An instance of today, its register empty."""
    made = new_instance(tmp_path / "home", clock=FixedClock(SystemClock().now()))
    yield made
    made.close()


@pytest.fixture
def home(instance: Instance) -> Path:
    """Its folder."""
    return instance.settings.home


def test_an_empty_register(home: Path) -> None:
    """Is said to be, and is no fault."""
    said = callward(home, "sub-processors", "list")
    assert (said.status, said.out) == (0, "no sub-processors\n")
    said = callward(home, "sub-processors", "check")
    assert said.status == 0
    assert said.last == "0 sub-processors, 0 not usable, 0 points within 90 days"


def test_all_in_order(home: Path, instance: Instance) -> None:
    """Nothing is found, nothing is changed, and the version is told once it is loaded."""
    register(instance, fresh())
    before = snapshot(instance)
    assert callward(home, "sub-processors", "list", "--json").json == [
        {
            "sub-processor": "northwind",
            "version": 0,
            "service": "speech to text",
            "regions": "GB IE NO US",
            "risk": "low",
            "usable": "yes",
            "because": None,
        }
    ]
    said = callward(home, "sub-processors", "check")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "nothing found",
        "1 sub-processors, 0 not usable, 0 points within 90 days",
    ]
    assert snapshot(instance) == before
    load_register(instance)
    assert callward(home, "sub-processors", "list", "--json").json[0]["version"] == 1


def test_warnings_alone_are_no_failure(home: Path, instance: Instance) -> None:
    """They are told with day and days left, as far ahead as asked."""
    register(instance, fresh(certificate=30, review=100))
    said = callward(home, "sub-processors", "check", "--json")
    assert said.status == 0
    assert said.json == {
        "sub-processors": 1,
        "unusable": 0,
        "ended": 0,
        "expiring": 1,
        "findings": [
            {
                "sub-processor": "northwind",
                "finding": "certificate-expiring",
                "about": "ISO 27001",
                "day": (DAY + timedelta(days=30)).isoformat(),
                "days left": 30,
                "usable": "yes",
            }
        ],
    }
    found = callward(home, "sub-processors", "check", "--days", "100", "--json").json["findings"]
    assert [one["finding"] for one in found] == ["certificate-expiring", "review-due"]
    assert callward(home, "sub-processors", "check", "--days", "0").out.startswith("nothing found")


def test_what_forbids_use_is_a_failure(home: Path, instance: Instance) -> None:
    """With the reason in table and list; one that was ended is none."""
    register(instance, fresh(certificate=-1))
    register(instance, FULL.replace("status: active", "status: ended"), "southwind")
    said = callward(home, "sub-processors", "check")
    assert said.status == 2
    assert "certificate-expired" in said.out
    assert said.last == "2 sub-processors, 1 not usable, 0 points within 90 days"
    listed = callward(home, "sub-processors", "list", "--json").json
    assert [(one["usable"], one["because"]) for one in listed] == [
        ("no", "certificate-expired"),
        ("no", "ended"),
    ]
    register(instance, fresh())
    assert callward(home, "sub-processors", "check").status == 0


def test_a_file_that_is_wrong_is_told(home: Path, instance: Instance) -> None:
    """Line and expectation on standard error, and it counts as not usable."""
    register(instance, fresh().replace("risk: low", "risk: canary"))
    said = callward(home, "sub-processors", "check")
    assert said.status == 2
    assert said.err.startswith("[register] northwind.yaml, line 26: risk: expected one of low")
    assert "register-unreadable" in said.out
    assert "canary" not in said.out + said.err
    shown = callward(home, "sub-processors", "show", "northwind")
    assert (shown.status, shown.out, shown.err) == (2, "", said.err)
    (listed,) = callward(home, "sub-processors", "list", "--json").json
    assert (listed["usable"], listed["because"], listed["version"]) == (
        *("no", "register-unreadable"),
        None,
    )


def test_one_is_shown(home: Path, instance: Instance) -> None:
    """All that the register says of it, and what is to be said today."""
    register(instance, fresh(review=5))
    said = callward(home, "sub-processors", "show", "northwind")
    assert said.status == 0
    assert "Northwind Speech Ltd" in said.out
    assert "IDTA, reference IDTA/7" in said.out
    assert "not loaded yet" in said.out
    assert "review-due" in said.out
    shown = callward(home, "sub-processors", "show", "northwind", "--json").json
    assert shown["certificates"][0]["kind"] == "ISO 27001"
    assert [one["days left"] for one in shown["findings"]] == [5]
    load_register(instance)
    assert callward(home, "sub-processors", "show", "northwind", "--json").json["version"] == 1


@pytest.mark.parametrize(("typed", "code"), [("southwind", "not-found"), ("Jo Sm", "settings")])
def test_what_is_not_there_is_not_repeated(home: Path, typed: str, code: str) -> None:
    """Whoever mistyped may have typed anything."""
    said = callward(home, "sub-processors", "show", typed)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"callward: [{code}] ")
    assert typed not in said.err


@pytest.mark.parametrize("command", [("list",), ("check",), ("show", "northwind")])
def test_a_home_without_an_instance_is_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    """By every command, at once, and nothing is made there."""
    said = callward(tmp_path / "nowhere", "sub-processors", *command)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("callward: [settings] ")
    assert not (tmp_path / "nowhere").exists()

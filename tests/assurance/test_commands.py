"""The register from a terminal: list, show, check."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from callward.assurance.load import load_assurance
from callward.clock import FixedClock, SystemClock, today
from callward.instance import Instance
from tests.assurance.items import FULL, enter, enter_all
from tests.commands import callward
from tests.support import new_instance, snapshot

DAY = today(SystemClock())
"""Commands work today."""


def fresh(**days: int) -> dict[str, str]:
    """``FULL`` with its last days so many days from today, by kind; else a year."""
    texts = {}
    for name, text in FULL.items():
        last = DAY + timedelta(days=days.get(name.replace("-", "_"), 365))
        performed = date(last.year - 1, last.month, min(last.day, 28))
        texts[name] = (
            text.replace("2027-06-30", last.isoformat())
            .replace("2026-09-01", performed.isoformat())
            .replace("2025-06-01", (DAY - timedelta(days=400)).isoformat())
            .replace("2025-01-15", (DAY - timedelta(days=400)).isoformat())
        )
    return texts


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


def test_an_empty_register_is_a_failure(home: Path) -> None:
    """As everything that is promised is missing, which the list says too."""
    said = callward(home, "assurance", "check")
    assert said.status == 2
    assert said.last == "0 items, 6 points not as promised, 0 within 90 days"
    listed = callward(home, "assurance", "list", "--json").json
    assert [one["because"] for one in listed] == ["required-missing"] * 6
    assert {one["kind"] for one in listed} == set(FULL)


def test_all_in_order(home: Path, instance: Instance) -> None:
    """Nothing is found, nothing is changed, and the version is told once it is loaded."""
    enter_all(instance, fresh())
    before = snapshot(instance)
    said = callward(home, "assurance", "check")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "nothing found",
        "6 items, 0 points not as promised, 0 within 90 days",
    ]
    listed = callward(home, "assurance", "list", "--json").json
    assert listed[0]["item"] == "cyber-essentials-plus"
    assert {(one["version"], one["status"], one["because"]) for one in listed} == {
        (0, "active", None)
    }
    assert snapshot(instance) == before
    load_assurance(instance)
    assert callward(home, "assurance", "list", "--json").json[0]["version"] == 1


def test_warnings_alone_are_no_failure(home: Path, instance: Instance) -> None:
    """They are told with day and days left, as far ahead as asked."""
    enter_all(instance, fresh(iso_9001=30, dpo=100))
    said = callward(home, "assurance", "check", "--json")
    assert said.status == 0
    assert said.json == {
        "items": 6,
        "failing": 0,
        "attention": 1,
        "findings": [
            {
                "item": "iso-9001",
                "finding": "expiring",
                "about": "last day",
                "day": (DAY + timedelta(days=30)).isoformat(),
                "days left": 30,
                "as promised": "yes",
            }
        ],
    }
    found = callward(home, "assurance", "check", "--days", "100", "--json").json["findings"]
    assert [one["finding"] for one in found] == ["expiring", "dpo-review-due"]
    assert callward(home, "assurance", "check", "--days", "0").out.startswith("nothing found")


def test_a_file_that_is_wrong_is_told(home: Path, instance: Instance) -> None:
    """Line and expectation on standard error; its kind is missing meanwhile."""
    enter_all(instance, fresh())
    enter(instance, fresh()["dpo"].replace("kind: dpo", "kind: canary"), "dpo")
    said = callward(home, "assurance", "check")
    assert said.status == 2
    assert said.err.startswith("[assurance] dpo.yaml, line 2: kind: expected one of iso-27001")
    assert "item-unreadable" in said.out
    assert "canary" not in said.out + said.err
    shown = callward(home, "assurance", "show", "dpo")
    assert (shown.status, shown.out, shown.err) == (2, "", said.err)
    listed = callward(home, "assurance", "list", "--json").json
    assert [(one["item"], one["kind"], one["because"]) for one in listed if one["because"]] == [
        ("dpo", None, "item-unreadable"),
        (None, "dpo", "required-missing"),
    ]


def test_one_is_shown(home: Path, instance: Instance) -> None:
    """All that the register says of it, and what is to be said today."""
    enter_all(instance, fresh(penetration_test=5))
    said = callward(home, "assurance", "show", "penetration-test")
    assert said.status == 0
    assert "crest CREST/1234" in said.out
    assert "not loaded yet" in said.out
    assert "test-due" in said.out
    enter(instance, FULL["dpo"].replace("kind: dpo", "kind: dpo\nstatus: ended"), "dpo")
    assert callward(home, "assurance", "show", "dpo").last == "ended"
    shown = callward(home, "assurance", "show", "dpo", "--json").json
    assert shown["office"] == "Data Protection Officer"
    assert shown["findings"] == []


@pytest.mark.parametrize(("typed", "code"), [("southwind", "not-found"), ("Jo Sm", "settings")])
def test_what_is_not_there_is_not_repeated(home: Path, typed: str, code: str) -> None:
    """Whoever mistyped may have typed anything."""
    said = callward(home, "assurance", "show", typed)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"callward: [{code}] ")
    assert typed not in said.err

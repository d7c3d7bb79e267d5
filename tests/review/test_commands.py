"""The annual review from a terminal, from the draft to the last action closed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callward.clock import FixedClock, SystemClock, today
from callward.instance import Instance
from callward.review import stage
from callward.review.model import Review
from tests.commands import Said, callward
from tests.review.setting import NOTICE, Sky, events, packs, publish_notice
from tests.support import new_instance, snapshot

DAY = today(SystemClock())
DUE = DAY + timedelta(days=90)
WHO = "Ostrvanka Čehulić\n"
ACTION = f"N7.1; Write it down; Head of Marketing; {DUE}"


@pytest.fixture
def instance(tmp_path: Path, sky: Sky) -> Iterator[Instance]:
    """An instance of today with a short notice."""
    now = SystemClock().now()
    made = new_instance(tmp_path / "home", clock=FixedClock(now))
    publish_notice(made)
    sky.newest = now - timedelta(days=1)
    yield made
    made.close()


def say(instance: Instance, *arguments: str, stdin: str = "") -> Said:
    """``callward review ARGUMENTS…``."""
    return callward(instance.settings.home, "review", *arguments, stdin=stdin)


def refused(instance: Instance, code: str, *arguments: str, stdin: str = WHO) -> str:
    """A command that must fail, with nothing changed; what it says."""
    before = snapshot(instance)
    said = say(instance, *arguments, stdin=stdin)
    assert said.status == 2, said.out + said.err
    assert said.err.startswith(f"callward: [{code}] ")
    assert snapshot(instance) == before
    return said.err


def test_a_review_at_the_terminal(instance: Instance) -> None:
    """Draft, comment, decision, pack, actions; each command says what comes next."""
    assert say(instance, "list").last == "the notice has not been reviewed yet"
    began = say(instance, "start")
    assert (began.status, began.err) == (0, "")
    assert began.last.endswith("is drafted; the data protection officer comments next")
    assert "N7.1 gap: Marketing" in began.out
    (listed,) = say(instance, "list", "--json").json
    review, draft = listed["id"], listed["draft"][:12]
    shown = say(instance, "show", review)
    assert "N7.1" in shown.out
    assert listed["draft"] in shown.out
    mine = (review, "--name", "-", "--draft", draft)
    said = say(instance, "comment", *mine, "--action", ACTION, stdin=WHO)
    assert said.last.endswith("is commented; the board decides next")
    decision = ("--decision", "approve", "--day", DAY.isoformat(), "--minute", "B/1")
    paper = ("--paper", say(instance, "show", review, "--json").json["paper"][:12])
    again = say(instance, "comment", *mine, "--remark", "N7.1=Nothing is sent.", stdin=WHO)
    assert again.status == 0
    about = (review, "--name", "-")
    refused(instance, "draft-changed", "decide", *about, *paper, *decision)
    said = say(instance, "comment", *mine, "--action", ACTION, stdin=WHO)
    assert paper[1] in say(instance, "show", review).out
    said = say(instance, "decide", *about, *paper, *decision, stdin="Bea\nCy\n")
    assert said.last.endswith("or `callward review start`")
    assert say(instance, "actions").last == "no actions are open"
    assert say(instance, "start").last.endswith("is published; the pack is in the evidence store")
    assert packs(instance) == ["draft", "annual"]
    (action,) = say(instance, "actions", "--json").json
    assert (action["action"], action["overdue"]) == ("Write it down", False)
    assert "Head of Marketing" in say(instance, "actions").out
    assert say(instance, "close", action["id"], "--reference", "T/1").last.endswith("closed")
    assert say(instance, "actions").last == "no actions are open"
    (closed,) = say(instance, "actions", "--all", "--json").json
    assert (closed["state"], closed["reference"]) == ("closed", "T/1")
    assert say(instance, "show", review, "--json").json["names"] == 2
    assert events(instance)[-1] == "review-action-closed"


def test_what_is_refused(instance: Instance) -> None:
    """By one dry sentence that repeats nothing of what was typed."""
    say(instance, "start")
    (listed,) = say(instance, "list", "--json").json
    review, draft = listed["id"], listed["draft"]
    mine = (review, "--name", "-", "--draft", draft)
    remark = ("--remark", "N7.1=Nothing is sent.")
    refused(instance, "settings", "comment", review, "--name", "Canary", "--draft", draft)
    refused(instance, "settings", "comment", review, "--name", "-", "--draft", "canary")
    refused(instance, "settings", "comment", *mine, "--action", "canary")
    refused(instance, "review-answer", "comment", *mine)
    refused(instance, "review-answer", "comment", *mine, *remark, stdin="")
    refused(instance, "settings", "comment", *mine, *remark, "--remark", "N7.1 =Another.")
    said = refused(instance, "review-answer", "comment", *mine, "--remark", "canary=canary@")
    assert "canary" not in said
    other = (review, "--name", "-", "--draft", "0" * 12)
    refused(instance, "draft-changed", "comment", *other, *remark)
    decision = ("--decision", "approve", "--day", DAY.isoformat(), "--minute", "B/1")
    board = (
        review,
        "--name",
        "-",
        "--paper",
        say(instance, "show", review, "--json").json["paper"],
    )
    refused(instance, "review-state", "decide", *board, *decision)
    refused(instance, "settings", "decide", *board[:-1], "canary", *decision)
    refused(instance, "review-answer", "decide", *board, *decision, "--action", ACTION)
    refused(instance, "not-found", "show", "0" * 32)
    refused(instance, "not-found", "close", "0" * 32, "--reference", "T/1")
    refused(instance, "review-answer", "close", "0" * 32, "--reference", "canary@")
    refused(instance, "settings", "start", "--from", "2026-01-01")
    refused(instance, "review-state", "start", "--from", "2026-01-01", "--to", "2026-01-31")
    assert say(instance, "withdraw", review).last.endswith("a new review can begin")


def test_the_gate_counts_at_the_terminal_too(instance: Instance, sky: Sky) -> None:
    """Evidence that is missing cannot be reviewed."""
    publish_notice(instance, NOTICE)
    sky.failing = True
    said = say(instance, "start")
    assert said.status == 2
    assert said.err.startswith("callward: [gate-failed] gate review_entry failed over 1 rows")
    assert packs(instance) == []


def test_a_part_that_failed_fails_the_command(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind what it says of the review."""
    proceed = stage.proceed

    def failing(*told: Any, **named: Any) -> Review:
        (*_, report) = told
        report.failures.append("[canary] the witness did not answer")
        return proceed(*told, **named)

    monkeypatch.setattr(stage, "proceed", failing)
    said = say(instance, "start")
    assert said.status == 2
    assert said.last.endswith("is drafted; the data protection officer comments next")
    assert said.err == "callward: [stage-failed] [canary] the witness did not answer\n"

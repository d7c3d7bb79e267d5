"""What to do about codes: a sentence for every one that can occur, and for no other."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from callward.errors import (
    CallwardError,
    DefectError,
    GateFailedError,
    InstructionError,
    IntegrityError,
    KeyMissingError,
)
from callward.intake.quarantine import TRANSCRIPT_GATE
from callward.intake.reasons import Reason
from callward.nursery import WorkerFailure, WorkersError
from callward.run import StageReport
from callward.speech import http, whisper
from callward.speech.advice import ADVICE, BEGINNINGS, UNKNOWN, advice, to_do
from callward.speech.decision import Refused
from callward.speech.engine import EngineFailedError
from callward.speech.work import UNDECODABLE
from callward.subprocessors.checking import Forbids, NotThere
from callward.subprocessors.reader import RegisterError
from callward.vault.storing import StoreError, StoreRefusesError
from data_checks.suites import SUITES
from tasks.watching import as_markdown

TEXT = (Path(__file__).parents[2] / "docs" / "transcripts.md").read_text(encoding="utf-8")
ELSEWHERE = (
    DefectError,
    GateFailedError,
    InstructionError,
    IntegrityError,
    KeyMissingError,
    RegisterError,
    StoreError,
    StoreRefusesError,
    WorkersError,
)


def _tree(base: type[CallwardError]) -> Iterator[str]:
    yield base.code
    for child in base.__subclasses__():
        yield from _tree(child)


def _worker_codes() -> Iterator[str]:
    assert "kind" in {one.name for one in fields(WorkerFailure)}
    kinds = get_args(get_type_hints(WorkerFailure)["kind"])
    yield from (f"worker-{kind}" for kind in kinds)


def _known() -> set[str]:
    for one in (http, whisper):  # imported, or their errors would not be in the tree
        assert one
    known = {*map(str, Refused), *map(str, NotThere), *(f"sub-processor-{one}" for one in Forbids)}
    known |= {*_tree(EngineFailedError), *_worker_codes(), TRANSCRIPT_GATE}
    return known | {one.code for one in ELSEWHERE}


def test_every_code_has_its_sentence() -> None:
    """All that the decision, the register, engines, workers and the vault say, and no more."""
    assert set(ADVICE) == _known()
    suites = ("transcribe_entry", "transcribe_exit")
    checks = [f"gate-{e.name}" for s in suites for e in (*SUITES[s].shape, *SUITES[s].expects)]
    for code in (*checks, *(UNDECODABLE + one for one in Reason)):
        assert code in ADVICE or advice(code) in BEGINNINGS.values()
    assert advice("something-new") == UNKNOWN


@pytest.mark.parametrize("said", [*ADVICE.values(), *BEGINNINGS.values(), UNKNOWN])
def test_it_is_one_plain_sentence(said: str) -> None:
    """It begins like one, ends like one, and fits two lines of a terminal."""
    assert re.fullmatch(r"[A-Z][^.]*(?:`[^`]*`[^.]*)*\.", said)
    assert 20 <= len(said) <= 180


def test_the_documentation_says_the_same() -> None:
    """The table of codes, row by row."""
    part = TEXT.partition("## Codes, and what to do")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", part, re.MULTILINE))
    beginnings = {f"{start}…": said for start, said in BEGINNINGS.items()}
    assert rows == {**ADVICE, **beginnings}


def test_counts_become_a_list_of_what_to_do() -> None:
    """The most frequent first, controllers together; a failed batch has no number."""
    report = StageReport("transcribe", failures=["[gate-failed] gate x failed", "0a: engine-busy"])
    report.add("acorn", {"transcribed": 3, "refused:held": 1, "failed:engine-busy": 2})
    report.add("birch", {"refused:held": 4, "refused:undecodable:empty": 1, "redone": 1})
    report.add("birch", {"quarantined:gate-transcript": 1})
    asked = to_do(report.counts.values(), report.failures)
    assert [(one.code, one.count) for one in asked] == [
        ("held", 5),
        ("engine-busy", 2),
        ("gate-transcript", 1),
        ("undecodable:empty", 1),
        ("gate-failed", 0),
    ]
    markdown = as_markdown(report)
    assert "## What to do" in markdown
    for one in asked:
        assert f"| `{one.code}` | {one.count or '-'} | {one.advice} |" in markdown


def test_nothing_is_advised_on_what_went_well_or_of_other_stages() -> None:
    """No empty heading, and no word of this stage's codes about another's."""
    report = StageReport("transcribe")
    report.add("acorn", {"transcribed": 3})
    assert "What to do" not in as_markdown(report)
    other = StageReport("cards", failures=["[gate-failed] gate x failed"])
    other.add("acorn", {"failed:key-missing": 3})
    assert "What to do" not in as_markdown(other)

"""What the board reads: every sentence is right for none, one and many, whatever it names."""

import re
from itertools import product

import pytest

from callward.evidence.clauses.model import Finding, Weight
from callward.evidence.judges import MEANS, sentence
from callward.evidence.judges.wording import worded

_ABOUTS = ((), ("an-id",), ("first", "second", "third", "fourth", "fifth", "sixth", "seventh"))
_BEFORE = "(?:(?:material|legal|critical or high|penetration|card|key(?= cell)|root|software) )*+"
_OF_ONE = re.compile(rf"\b1 {_BEFORE}([\w-]+)(?: (\w+))?")
_OF_MANY = re.compile(rf"\b[02] {_BEFORE}([\w-]+)(?: (\w+))?")
_NAMES_SOMETHING = sorted(
    code for code, said in MEANS.items() if re.search(r"{(about|words)}", said)
)


def _said(code: str, count: int, about: tuple[str, ...] = ("an-id",)) -> str:
    return sentence(Finding(Weight.GAP, code, count, about))


@pytest.mark.parametrize("code", sorted(MEANS))
def test_a_sentence_is_well_formed(code: str) -> None:
    """Nothing of the pattern is left, no bracket is empty, and no colon names nothing."""
    for count, about in product((0, 1, 2), _ABOUTS):
        said = _said(code, count, about)
        assert not set("[]{}|") & set(said), said
        assert said.count("(") == said.count(")"), said
        assert not re.search(r"\(\s*\)|  | [,.;:)]|\( |[,;:(]$|^\s|\s$", said), said


@pytest.mark.parametrize("code", _NAMES_SOMETHING)
def test_what_it_is_about_is_named(code: str) -> None:
    """What has a place for names shows some, and says how many more there are; else it goes."""
    assert "fourth, fifth and 2 more" in _said(code, 7, _ABOUTS[-1])
    assert "fifth" not in _said(code, 7, ())


@pytest.mark.parametrize("code", sorted(MEANS))
def test_one_is_told_as_one(code: str) -> None:
    """``1 record was``, and nothing of it in the plural."""
    said = _said(code, 1)
    for noun, then in _OF_ONE.findall(said):
        assert not noun.endswith("s"), said
        assert then not in {"are", "were", "have", "do"}, said
    assert not re.search(r"\b(they|them|their|theirs|themselves)\b", said), said
    assert not re.search(r"\b1 times\b", said), said


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("code", sorted(MEANS))
def test_many_are_told_as_many(code: str, count: int) -> None:
    """``2 records were``; none are told as many."""
    said = _said(code, count)
    for noun, then in _OF_MANY.findall(said):
        assert noun.endswith("s"), said
        assert then not in {"is", "was", "has", "does"}, said
    assert "itself" not in said or code == "flow-runs-deleted", said


@pytest.mark.parametrize("code", sorted(MEANS))
def test_a_sentence_that_counts_has_one_and_many(code: str) -> None:
    """Wherever a number stands something must follow it, and that is not always many."""
    if "{count}" in MEANS[code]:
        one, many = _said(code, 1), _said(code, 2)
        assert one.replace("1", "2") != many


@pytest.mark.parametrize(
    ("code", "count", "about", "said"),
    [
        (
            "destroyed-late",
            1,
            ["recordings"],
            "1 record was destroyed later than on the day agreed (recordings)",
        ),
        (
            "destroyed-late",
            1200,
            [],
            "1,200 records were destroyed later than on the day agreed",
        ),
        (
            "months-unsigned",
            1,
            ["2026-08"],
            "in 1 month nights ran and no state of the ledger was signed: 2026-08",
        ),
        (
            "quarantine-waiting",
            2,
            ["not-media"],
            "2 items that were set aside wait for a decision (not media)",
        ),
        (
            "cell-unreachable",
            1,
            ["north-1"],
            "1 key cell could not be reached: north-1",
        ),
        (
            "change-waiting",
            2,
            ["sub-processor", "region"],
            "2 material changes wait for a review: sub-processor, region",
        ),
        (
            "nights-missing",
            1,
            ["2026-05-19"],
            "on 1 day the night's work was not run (2026-05-19)",
        ),
    ],
)
def test_sentences_as_the_board_reads_them(
    code: str, count: int, about: list[str], said: str
) -> None:
    """Codes as words; days and ids as they are; nothing where there is nothing to name."""
    assert _said(code, count, tuple(about)) == said


def test_codes_after_a_name_are_words_and_the_name_stays() -> None:
    """A sub-processor is called what the register calls it; what is wrong is said in words."""
    about = ("north-wind: dpa-expired, review-overdue", "south_wind: training-not-excluded")
    assert worded("see: {words}", 2, about) == (
        "see: north-wind: data processing agreement expired, review overdue; "
        "south_wind: training not excluded"
    )
    assert worded("see: {about}", 2, ("north-wind", "2026-01-05")) == "see: north-wind, 2026-01-05"


def test_what_it_is_about_is_never_read_as_a_pattern() -> None:
    """Brackets in a name are a name's."""
    assert worded("{count} record[s]: {about}", 1, ("[a|b] {count}",)) == "1 record: [a|b] {count}"


def test_a_code_without_a_sentence_is_told_as_it_is() -> None:
    """Rather than nothing at all."""
    assert _said("41 recordings [late] {so}", 1) == "41 recordings [late] {so}"

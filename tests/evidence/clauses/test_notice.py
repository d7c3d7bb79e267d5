"""The clause map: the delivered one is whole, and a wrong one says where it is wrong."""

import re
from pathlib import Path

import pytest
import yaml

from callward.evidence.clauses.notice import (
    DELIVERED,
    EXPECTED,
    NoticeError,
    as_json,
    notice_of,
    read_notice,
)
from callward.evidence.collectors import COLLECTORS
from callward.evidence.judges import JUDGES

PROMISES = [f"N{number}" for number in range(1, 17)]


def test_every_promise_has_clauses() -> None:
    """Sixteen promises of the notice, none left out, in their order."""
    clauses = read_notice(DELIVERED).value.clauses
    assert list(dict.fromkeys(one.promise for one in clauses)) == PROMISES
    assert all(one.id.startswith(f"{one.promise}.") for one in clauses)


def test_every_clause_says_why_and_who() -> None:
    """Each has a law behind it, controls, an expectation of the ICO's and an owner."""
    for one in read_notice(DELIVERED).value.clauses:
        assert one.legal_basis, one.id
        assert one.iso27001, one.id
        assert one.ico, one.id
        assert one.owner, one.id


def test_no_article_is_cited_that_the_act_of_2025_has_replaced() -> None:
    """Articles 22, 44 and 45 gave way to 22A to 22D, 44A and 45A to 45C (DUAA 2025)."""
    for one in read_notice(DELIVERED).value.clauses:
        for basis in one.legal_basis:
            assert not re.fullmatch(r"UK GDPR Art (22|44|45)(\(.*)?", basis), one.id


def test_controls_are_those_of_annex_a() -> None:
    """ISO/IEC 27001:2022 Annex A has 37, 8, 14 and 34 controls in its four parts."""
    most = {"5": 37, "6": 8, "7": 14, "8": 34}
    for one in read_notice(DELIVERED).value.clauses:
        for control in one.iso27001:
            letter, part, number = control.split(".")
            assert letter == "A"
            assert 1 <= int(number) <= most[part], control


def test_only_known_evidence_and_rules_are_named() -> None:
    """What the delivered map rests on, this version can collect and judge."""
    needs = [need for one in read_notice(DELIVERED).value.clauses for need in one.evidence]
    assert {one.item for one in needs} <= set(COLLECTORS)
    assert {one.judge for one in needs} <= set(JUDGES)


def test_every_collector_and_rule_is_used() -> None:
    """Nothing is collected or judged that no clause asks for."""
    needs = [need for one in read_notice(DELIVERED).value.clauses for need in one.evidence]
    assert set(COLLECTORS) <= {one.item for one in needs}
    assert set(JUDGES) <= {one.judge for one in needs}


def test_an_instance_may_have_its_own(tmp_path: Path) -> None:
    """A customer with another notice puts another map into the home."""
    assert notice_of(tmp_path).digest == read_notice(DELIVERED).digest
    text = DELIVERED.read_text().replace('edition: "2026"', 'edition: "ours"')
    (tmp_path / "notice.yaml").write_text(text)
    assert notice_of(tmp_path).value.edition == "ours"


def test_the_map_is_plain_values() -> None:
    """What goes into packs is what the file says, and nothing of it is lost."""
    delivered = yaml.safe_load(DELIVERED.read_text())
    told = as_json(read_notice(DELIVERED).value)
    assert [one["id"] for one in told["clauses"]] == [one["id"] for one in delivered["clauses"]]
    assert told["published"] == delivered["published"].isoformat()


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("id: N1.2\n", "id: N1.1\n", "clauses: expected a list of clauses, each id once"),
        ("owner: Board", "owner: board@example.org", "an office rather than a person"),
        ("judge: categories}", "judge: Categories!}", "the name of a rule"),
        ("published: 2026-01-05", "published: soon", "published: expected a day"),
        ("fresh_days: 7, judge: categories", "fresh_days: -1, judge: categories", "0 to 1100"),
        ("    title: Only the categories named\n", "", "title: expected"),
        ("duty: We keep records", "duty: <b>We keep records", "without '@', '<' and '>'"),
    ],
)
def test_a_wrong_map_says_where(tmp_path: Path, good: str, bad: str, said: str) -> None:
    """Line and key are named, what was expected too; the value is not repeated."""
    text = DELIVERED.read_text()
    assert good in text
    path = tmp_path / "notice.yaml"
    path.write_text(text.replace(good, bad, 1))
    with pytest.raises(NoticeError, match="line ") as caught:
        read_notice(path)
    assert said in str(caught.value)
    assert "@example" not in str(caught.value)


def test_every_key_says_what_it_must_hold() -> None:
    """No problem is told without saying what was expected."""
    assert all(EXPECTED.values())

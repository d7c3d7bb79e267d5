"""Assurance: what stood at the end, what lapsed in between, and the papers behind it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from callward.assurance.load import load_assurance
from callward.assurance.model import Item
from callward.evidence.collectors.assurance import covered, uncovered
from callward.instance import Instance
from callward.registers.book import Version
from tests.assurance.items import FULL, enter, enter_all, item
from tests.evidence.governing import LATER, at, collected, seen
from tests.support import NOW

_KINDS = tuple(FULL)


def _enter(instance: Instance, texts: Mapping[str, str] = FULL) -> None:
    enter_all(instance, texts)
    load_assurance(instance)


def test_nothing_is_in_the_register(instance: Instance) -> None:
    """Each kind that is promised is a gap of its own clause."""
    at(instance, LATER)
    facts, _ = collected(instance, "assurance")
    assert set(facts["missing"]) == set(_KINDS)
    for kind in _KINDS:
        assert facts["lapsed"][kind] == {"days": 42, "from": "2026-11-20", "to": "2026-12-31"}
        assert seen(instance, "assurance", "assured", kind=kind) == [("gap", "required-missing")]


def test_all_is_in_order(instance: Instance) -> None:
    """Nothing is said of any kind, and each item has its days."""
    _enter(instance)
    at(instance, LATER)
    facts, _ = collected(instance, "assurance")
    assert (facts["findings"], facts["lapsed"], facts["missing"]) == ([], {}, [])
    days = {one["id"]: (one["first_day"], one["last_day"]) for one in facts["items"]}
    assert days["iso-27001"] == ("2025-06-01", "2027-06-30")
    assert {one["days_left"] for one in facts["items"] if one["id"] == "iso-27001"} == {181}
    for kind in _KINDS:
        assert seen(instance, "assurance", "assured", kind=kind) == []
    alone = seen(instance, "assurance", "covered-by", kind="iso-27001")
    assert alone == [("partly", "certificate-alone")]


def test_a_certificate_that_was_renewed_late(instance: Instance) -> None:
    """Partly kept, with the days: its file was replaced, and the old version still counts."""
    _enter(instance, {**FULL, "iso-9001": FULL["iso-9001"].replace("2027-06-30", "2026-11-30")})
    at(instance, NOW + timedelta(days=30))
    new = FULL["iso-9001"].replace("2025-06-01", "2026-12-11").replace("2027-06-30", "2029-06-30")
    enter(instance, new, "iso-9001")
    load_assurance(instance)
    at(instance, LATER)
    facts, _ = collected(instance, "assurance")
    assert facts["lapsed"] == {"iso-9001": {"days": 10, "from": "2026-12-01", "to": "2026-12-10"}}
    partly = [("partly", "lapsed-for-a-time")]
    assert seen(instance, "assurance", "assured", kind="iso-9001") == partly
    assert seen(instance, "assurance", "assured", kind="iso-27001") == []


def test_a_certificate_that_is_over_at_the_end(instance: Instance) -> None:
    """A gap, told once; and what it alone covered is one too."""
    _enter(instance, {**FULL, "iso-27001": FULL["iso-27001"].replace("2027-06-30", "2026-12-30")})
    at(instance, LATER)
    assert collected(instance, "assurance")[0]["lapsed"]["iso-27001"]["days"] == 1
    assert seen(instance, "assurance", "assured", kind="iso-27001") == [("gap", "expired")]
    gap = [("gap", "certificate-not-in-force")]
    assert seen(instance, "assurance", "covered-by", kind="iso-27001") == gap


_WAYS = [
    ("iso-9001", "2025-06-01", "2027-01-05", ("gap", "not-yet-valid")),
    ("penetration-test", "2026-09-01", "2025-09-01", ("gap", "test-older-than-a-year")),
    ("penetration-test", "2026-09-01", "2026-01-20", ("note", "test-due")),
    ("penetration-test", "  crest: CREST/1234\n", "", ("gap", "tester-without-crest")),
    (
        "penetration-test",
        "high: 0\n  medium: 2\n  low: 5\n  remediated_by: 2027-03-01",
        "high: 1\n  medium: 2\n  low: 5\n  remediated_by: 2026-12-01",
        ("gap", "findings-overdue"),
    ),
    (
        "penetration-test",
        "high: 0\n  medium: 2\n  low: 5\n  remediated_by: 2027-03-01",
        "high: 1\n  medium: 2\n  low: 5\n  remediated_by: 2027-01-10",
        ("note", "findings-due"),
    ),
    ("dpo", "2027-06-30", "2026-12-15", ("partly", "dpo-review-overdue")),
    ("dpo", "2027-06-30", "2027-02-15", ("note", "dpo-review-due")),
    ("iso-27001", "2027-06-30", "2027-02-15", ("note", "expiring")),
]
"""A text of a kind's item, another in its place, and what that comes to."""


def test_each_kind_has_its_own_way_to_be_over(instance: Instance) -> None:
    """A test grows old, an officer's review is due, a certificate expires."""
    for kind, old, new, expected in _WAYS:
        assert old in FULL[kind]
        at(instance, NOW)
        _enter(instance, {**FULL, kind: FULL[kind].replace(old, new)})
        at(instance, LATER)
        assert seen(instance, "assurance", "assured", kind=kind) == [expected]


def test_a_document_that_is_not_as_entered(instance: Instance) -> None:
    """The papers are looked at now: gone, another one, or none at all."""
    _enter(instance)
    at(instance, LATER)
    path = instance.settings.assurance_documents / "paper.pdf"
    path.write_bytes(b"another")
    assert _papers(instance) == {("partly", "document-changed")}
    path.unlink()
    assert _papers(instance) == {("partly", "document-missing")}
    path.mkdir()
    assert _papers(instance) == {("partly", "document-unreadable")}


def _papers(instance: Instance) -> set[tuple[str, str]]:
    kinds = [kind for kind in _KINDS if kind != "dpo"]
    return {one for kind in kinds for one in seen(instance, "assurance", "assured", kind=kind)}


def test_what_is_over_and_has_gone_is_history(instance: Instance) -> None:
    """Its document need not be there, once its file has gone; before, it must."""
    old = FULL["iso-9001"].replace("id: iso-9001", "id: old").replace("2027-06-30", "2026-11-19")
    _enter(instance, {**FULL, "old": old.replace("paper.pdf", "old.pdf")})
    at(instance, LATER)
    missing = [("partly", "document-missing")]
    assert seen(instance, "assurance", "assured", kind="iso-9001") == missing
    (instance.settings.assurance / "old.yaml").unlink()
    assert seen(instance, "assurance", "assured", kind="iso-9001") == []


def _versions(*said: tuple[dict[str, Any], int]) -> list[Version[Item]]:
    """Versions of an item, each with the day in December 2026 on which it was loaded."""
    return [
        Version(number, "", datetime(2026, 12, day, 3, tzinfo=UTC), item("iso-9001", **values))
        for number, (values, day) in enumerate(said, start=1)
    ]


def _days(first: tuple[int, int, int], last: tuple[int, int, int]) -> tuple[date, date]:
    return date(*first), date(*last)


def test_when_an_item_was_in_force() -> None:
    """Renewed it counts on from there; corrected it always was so; ended it counted until then."""
    one: dict[str, Any] = {"issued": date(2026, 1, 1), "expires": date(2026, 12, 10)}
    renewed: dict[str, Any] = {"issued": date(2026, 12, 5), "expires": date(2027, 12, 5)}
    corrected: dict[str, Any] = {"issued": date(2026, 1, 1), "expires": date(2026, 11, 10)}
    ended = {**one, "status": "ended"}
    year = _days((2026, 1, 1), (2026, 12, 10))

    def spans(*said: tuple[dict[str, Any], int]) -> list[tuple[date, date]]:
        return [span for _, span in covered(_versions(*said))]

    assert spans((one, 1)) == [year]
    assert spans((one, 1), (renewed, 20)) == [
        _days((2026, 1, 1), (2026, 12, 4)),
        _days((2026, 12, 5), (2027, 12, 5)),
    ]
    assert spans((one, 1), (corrected, 20)) == [_days((2026, 1, 1), (2026, 11, 10))]
    assert spans((one, 1), (ended, 6)) == [_days((2026, 1, 1), (2026, 12, 5))]


def test_days_that_nothing_covers() -> None:
    """Both ends count; of several spans any will do."""
    first, last = date(2026, 12, 1), date(2026, 12, 6)
    spans = [_days((2026, 1, 1), (2026, 12, 2)), _days((2026, 12, 5), (2026, 12, 5))]
    assert [one.day for one in uncovered(spans, first, last)] == [3, 4, 6]
    assert len(uncovered([], first, last)) == 6

"""What is not as promised, what will not be, and what counts of several."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.assurance.checking import Fails, Finding, Warns, standing
from callward.assurance.documents import Seen
from callward.assurance.model import Item
from callward.assurance.required import REQUIRED, Required
from tests.assurance.items import DAY, everything, item

YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
OPEN = {"critical": 0, "high": 1, "medium": 0, "low": 0}
YEAR_AGO = date(2025, 11, 20)


def found(*instead: Item, day: date = DAY, **seen: Seen) -> list[Finding]:
    """What is found where all is in order but what is given; ``seen``: documents by kind."""
    items = everything(*instead)
    documents = there(items) | {name.replace("_", "-"): one for name, one in seen.items()}
    return standing(items, documents, [], day)


def there(items: list[Item]) -> dict[str, Seen]:
    """Documents of items, all as they were."""
    return dict.fromkeys((one.id for one in items), Seen.THERE)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    """Which code of which item."""
    return [(one.item, one.code.value) for one in findings]


def test_all_in_order() -> None:
    """Nothing fails, and nothing is due soon."""
    assert found() == []


def test_what_is_required_is_what_the_notice_promises() -> None:
    """Of every kind but other, from promise N13."""
    assert {one.promise for one in REQUIRED} == {"N13"}
    assert [one.kind for one in REQUIRED] == [
        *("iso-27001", "iso-9001", "cyber-essentials-plus"),
        *("penetration-test", "ico-registration", "dpo"),
    ]


def test_an_empty_register_lacks_everything() -> None:
    """One finding for each kind, with the promise."""
    findings = standing([], {}, [], DAY)
    assert {one.code for one in findings} == {Fails.MISSING}
    assert {one.item for one in findings} == {one.kind for one in REQUIRED}
    assert {one.about for one in findings} == {"promise N13"}


def test_the_set_is_data() -> None:
    """What is not in it may be missing, and lapses without failing."""
    only = [Required("dpo", "an officer")]
    assert told(standing([], {}, [], DAY, required=only)) == [("dpo", "required-missing")]
    old = item("iso-9001", expires=YESTERDAY)
    assert told(standing([item("dpo"), old], there([old]), [], DAY, required=only)) == [
        ("iso-9001", "lapsed")
    ]


FAILING: dict[str, tuple[str, dict[str, Any]]] = {
    "expired": ("iso-27001", {"expires": YESTERDAY}),
    "not-yet-valid": ("ico-registration", {"issued": TOMORROW}),
    "test-older-than-a-year": ("penetration-test", {"performed": YEAR_AGO - timedelta(days=1)}),
    "dpo-review-overdue": ("dpo", {"review": YESTERDAY}),
    "tester-without-crest": ("penetration-test", {"tester": {"name": "A tester"}}),
    "findings-overdue": (
        "penetration-test",
        {"findings": {**OPEN, "remediated_by": YESTERDAY}},
    ),
}


@pytest.mark.parametrize("code", FAILING)
def test_each_code_has_its_cause(code: str) -> None:
    """One thing wrong, one finding, which fails."""
    kind, said = FAILING[code]
    (one,) = found(item(kind, **said))
    assert (one.item, one.code, one.fails) == (kind, code, True)


@pytest.mark.parametrize("seen", [Seen.MISSING, Seen.CHANGED, Seen.UNREADABLE])
def test_a_document_that_is_not_as_it_was(seen: Seen) -> None:
    """Is told by the item that names it."""
    (one,) = found(iso_27001=seen)
    assert (one.item, one.code, one.fails) == ("iso-27001", f"document-{seen}", True)


def test_a_document_that_nobody_has_looked_at_is_missing() -> None:
    """What was not seen is not there."""
    findings = standing(everything(), {}, [], DAY)
    assert {one.code for one in findings} == {Fails.DOCUMENT_MISSING}
    assert len(findings) == 5


def test_a_file_that_cannot_be_read() -> None:
    """Is told by its id, first of all, beside the kind that is missing for it."""
    items = everything()[1:]
    assert told(standing(items, there(items), ["iso"], DAY)) == [
        ("iso", "item-unreadable"),
        ("iso-27001", "required-missing"),
    ]


def test_every_code_is_tried() -> None:
    """None is left out of the tests above."""
    others = {"item-unreadable", "required-missing"}
    documents = {f"document-{seen}" for seen in Seen if seen is not Seen.THERE}
    assert {*FAILING, *others, *documents} == {code.value for code in Fails}
    assert {code for code, _, _ in COMING.values()} | {"lapsed"} == {code.value for code in Warns}


@pytest.mark.parametrize(
    ("instead", "expected"),
    [
        # A renewed one stands for the one before, whichever comes first.
        ([item("iso-9001", "old", expires=YESTERDAY), item("iso-9001")], []),
        ([item("iso-9001"), item("iso-9001", "old", expires=YESTERDAY)], []),
        # One that is still to come does not yet.
        (
            [item("iso-9001", "old", expires=YESTERDAY), item("iso-9001", issued=TOMORROW)],
            [("old", "expired")],
        ),
        ([item("iso-9001", expires=DAY), item("iso-9001", "next", issued=TOMORROW)], []),
        # There would be a day without.
        (
            [
                item("iso-9001", expires=DAY),
                item("iso-9001", "next", issued=DAY + timedelta(days=2)),
            ],
            [("iso-9001", "expiring")],
        ),
        # Another holder's is another's.
        (
            [item("iso-9001"), item("iso-9001", "b", holder="B Ltd", expires=YESTERDAY)],
            [("b", "expired")],
        ),
        # What was ended counts for nothing, and nothing is told of it.
        ([item("dpo", status="ended")], [("dpo", "required-missing")]),
        ([item("dpo"), item("dpo", "old", status="ended", review=YESTERDAY)], []),
        # Others each for itself; none of them was promised.
        ([item("other", "a"), item("other", "b", expires=YESTERDAY)], [("b", "lapsed")]),
        ([item("other", issued=TOMORROW)], []),
        # Last year's tester is not this year's, but what it found is still open.
        (
            [
                item("penetration-test"),
                item(
                    "penetration-test",
                    "last",
                    performed=date(2025, 10, 1),
                    tester={"name": "A tester"},
                    findings={**OPEN, "remediated_by": YESTERDAY},
                ),
            ],
            [("last", "findings-overdue")],
        ),
        # What is neither critical nor high may wait.
        (
            [
                item(
                    "penetration-test",
                    findings={**OPEN, "high": 0, "low": 3, "remediated_by": YESTERDAY},
                )
            ],
            [],
        ),
    ],
)
def test_what_counts(instead: list[Item], expected: list[tuple[str, str]]) -> None:
    """The finer points of each rule."""
    assert told(found(*instead)) == expected


def test_the_gravest_comes_first() -> None:
    """Everything that is wrong is told at once, in the order of the codes."""
    instead = [item(kind, **said) for kind, said in (FAILING["dpo-review-overdue"],)]
    instead += [item("iso-27001", expires=YESTERDAY)]
    bad: dict[str, Any] = {
        "tester": {"name": "A"},
        "findings": {**OPEN, "remediated_by": YESTERDAY},
    }
    findings = found(*instead, item("penetration-test", **bad), iso_9001=Seen.CHANGED)
    order = [code.value for code in Fails]
    codes = [one.code.value for one in findings]
    assert codes == sorted(codes, key=order.index)
    assert len(codes) == 5


COMING: dict[str, tuple[str, str, Any]] = {
    "certificate": ("expiring", "cyber-essentials-plus", lambda day: {"expires": day}),
    "other": ("expiring", "other", lambda day: {"expires": day}),
    "test": ("test-due", "penetration-test", lambda day: {"performed": day.replace(year=2026)}),
    "officer": ("dpo-review-due", "dpo", lambda day: {"review": day}),
    "findings": (
        "findings-due",
        "penetration-test",
        lambda day: {"findings": {**OPEN, "remediated_by": day}},
    ),
}


@pytest.mark.parametrize("what", COMING)
@pytest.mark.parametrize("left", [0, 1, 89, 90, 91])
def test_what_is_due_within_ninety_days_is_a_warning(what: str, left: int) -> None:
    """With the day, which still counts, and how many are left; later ones are not told."""
    code, kind, said = COMING[what]
    today = date(2027, 1, 5) if what == "test" else DAY
    day = today + timedelta(days=left)
    findings = found(item(kind, **said(day)), day=today)
    if left > 90:
        assert findings == []
        return
    (one,) = findings
    assert (one.item, one.code, one.day, one.days_left) == (kind, code, day, left)
    assert one.fails is False


@given(st.dates(date(2026, 1, 1), date(2028, 1, 1)), st.dates(date(2026, 1, 1), date(2028, 1, 1)))
def test_what_fails_tomorrow_was_warned_of_today(day: date, last: date) -> None:
    """Nothing that runs out comes as a surprise."""
    items = everything(
        item("iso-9001", issued=date(2025, 1, 1), expires=last),
        item("dpo", review=last),
        item("penetration-test", performed=last.replace(day=1)),
    )
    tomorrow = day + timedelta(days=1)
    before = {(one.item, one.day) for one in standing(items, there(items), [], day)}
    for one in standing(items, there(items), [], tomorrow):
        if one.fails and one.code is not Fails.NOT_YET:
            assert (one.item, one.day) in before

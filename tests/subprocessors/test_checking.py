"""What forbids the use of a sub-processor, what will, and whether data may go to one."""

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.instructions.transcription import Safeguard, Transfer
from callward.subprocessors.checking import (
    Forbids,
    Unreadable,
    Warns,
    may_go_to,
    standing,
)
from callward.subprocessors.model import UNTIL_TERMINATED, SubProcessor
from tests.subprocessors.entries import DAY, agreement, certificate, entry, safeguard

YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)


def codes(found: SubProcessor | Unreadable, day: date = DAY) -> list[str]:
    """The codes of what is found on a day."""
    return [one.code.value for one in standing(found, day)]


def test_one_that_is_in_order_has_no_findings() -> None:
    """Nothing forbids it, and nothing runs out soon."""
    assert standing(entry(), DAY) == []


FORBIDDEN: dict[str, dict[str, Any]] = {
    "ended": {"status": "ended"},
    "not-approved": {"approved_by": None},
    "dpa-missing": {"agreement": None},
    "dpa-expired": {"agreement": agreement(expires=YESTERDAY)},
    "due-diligence-missing": {"due_diligence": None},
    "review-overdue": {"next_review": YESTERDAY},
    "training-not-excluded": {"commitments": {"no_training": False, "no_onward_use": True}},
    "onward-use-not-excluded": {"commitments": {"no_training": True, "no_onward_use": False}},
    "certificate-missing": {"certificates": []},
    "certificate-expired": {"certificates": [certificate(expires=YESTERDAY)]},
}


@pytest.mark.parametrize(("code", "said"), FORBIDDEN.items())
def test_each_code_has_its_cause(code: str, said: dict[str, Any]) -> None:
    """One thing wrong, one finding, which forbids use."""
    (found,) = standing(entry(**said), DAY)
    assert (found.code, found.sub_processor, found.forbids) == (code, "northwind", True)
    assert found.to_mend is (code != "ended")


def test_the_codes_are_all_tried() -> None:
    """None is left out of the table above but what no entry can say."""
    assert {*FORBIDDEN, "register-unreadable"} == {code.value for code in Forbids}
    assert codes(Unreadable("northwind")) == ["register-unreadable"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # Signed tomorrow is not signed; looked into tomorrow is not looked into.
        ({"agreement": agreement(signed=TOMORROW)}, ["dpa-missing"]),
        ({"due_diligence": TOMORROW}, ["due-diligence-missing"]),
        # Nobody has said when to look again; nobody has looked again at the agreement.
        ({"next_review": None}, ["review-overdue"]),
        (
            {"agreement": agreement(expires=UNTIL_TERMINATED, review=YESTERDAY)},
            ["review-overdue"],
        ),
        ({"agreement": agreement(expires=UNTIL_TERMINATED, review=date(2027, 6, 30))}, []),
        # Either of two kinds will do, no other kind will.
        ({"certificates": [certificate(kind="SOC 2")]}, []),
        ({"certificates": [certificate(kind="ISO 9001")]}, ["certificate-missing"]),
        (
            {"certificates": [certificate(kind="SOC 2", expires=YESTERDAY)]},
            ["certificate-expired"],
        ),
        # A renewed one stands for the one before.
        ({"certificates": [certificate(expires=YESTERDAY), certificate()]}, []),
        ({"certificates": [certificate(), certificate(expires=YESTERDAY)]}, []),
        # One has lapsed beside another; one that need not be there has lapsed.
        (
            {"certificates": [certificate(), certificate(kind="SOC 2", expires=YESTERDAY)]},
            ["certificate-lapsed"],
        ),
        (
            {"certificates": [certificate(), certificate(kind="C5", expires=YESTERDAY)]},
            ["certificate-lapsed"],
        ),
        # Use in the UK goes on without a safeguard; another for the same country will do.
        ({"safeguards": []}, []),
        ({"safeguards": [safeguard(expires=YESTERDAY)]}, ["safeguard-lapsed"]),
        ({"safeguards": [safeguard(expires=YESTERDAY), safeguard()]}, []),
        ({"safeguards": [safeguard(expires=YESTERDAY), safeguard(countries=["IN"])]},
         ["safeguard-lapsed"]),
        (
            {"safeguards": [safeguard(expires=YESTERDAY), safeguard(expires=UNTIL_TERMINATED)]},
            [],
        ),
    ],
)  # fmt: skip
def test_what_counts(said: dict[str, Any], expected: list[str]) -> None:
    """The finer points of each rule."""
    assert codes(entry(**said)) == expected


def test_of_one_that_was_ended_nothing_else_is_told() -> None:
    """What has run out since is history."""
    ended = entry(status="ended", agreement=None, certificates=[], approved_by=None)
    assert codes(ended) == ["ended"]


def test_the_gravest_comes_first() -> None:
    """Everything that is wrong is told at once, in the order of the codes."""
    said: dict[str, Any] = {}
    for code in ("not-approved", "dpa-missing", "due-diligence-missing", "review-overdue"):
        said |= FORBIDDEN[code]
    said |= {"certificates": [], "commitments": {"no_training": False, "no_onward_use": False}}
    expected = [code.value for code in Forbids if "expired" not in code][2:]
    assert codes(entry(**said)) == expected


LAPSING: dict[str, tuple[str, Any]] = {
    "agreement": ("dpa-expiring", lambda day: {"agreement": agreement(expires=day)}),
    "its review": (
        "review-due",
        lambda day: {"agreement": agreement(expires=UNTIL_TERMINATED, review=day)},
    ),
    "next review": ("review-due", lambda day: {"next_review": day}),
    "certificate": (
        "certificate-expiring",
        lambda day: {"certificates": [certificate(expires=day)]},
    ),
    "another certificate": (
        "certificate-expiring",
        lambda day: {"certificates": [certificate(), certificate(kind="PCI DSS", expires=day)]},
    ),
    "safeguard": ("safeguard-expiring", lambda day: {"safeguards": [safeguard(expires=day)]}),
}


@pytest.mark.parametrize("what", LAPSING)
@pytest.mark.parametrize("left", [0, 1, 89, 90, 91])
def test_what_lapses_within_ninety_days_is_a_warning(what: str, left: int) -> None:
    """With the day, which still counts, and how many are left; later ones are not told."""
    code, said = LAPSING[what]
    day = DAY + timedelta(days=left)
    found = standing(entry(**said(day)), DAY)
    if left > 90:
        assert found == []
        return
    (one,) = found
    assert (one.code, one.day, one.days_left) == (code, day, left)
    assert (one.forbids, one.to_mend) == (False, False)


def test_every_warning_is_tried() -> None:
    """By the tables above."""
    tried = {code for code, _ in LAPSING.values()} | {"certificate-lapsed", "safeguard-lapsed"}
    assert tried == {code.value for code in Warns}


def test_how_far_to_look_ahead_can_be_said() -> None:
    """Nothing within no days, everything within a year."""
    found = entry(next_review=DAY + timedelta(days=10))
    assert standing(found, DAY, within=9) == []
    said = [(one.code, one.days_left) for one in standing(found, DAY, within=365)]
    assert said[0] == (Warns.REVIEW_DUE, 10)
    assert len(said) == 4


@given(
    st.dates(date(2024, 1, 1), date(2029, 1, 1)),
    st.dates(date(2024, 1, 1), date(2029, 1, 1)),
    st.dates(date(2024, 1, 1), date(2029, 1, 1)),
)
def test_what_forbids_tomorrow_was_warned_of_today(day: date, expires: date, review: date) -> None:
    """Nothing that runs out comes as a surprise."""
    found = entry(
        agreement=agreement(signed=date(2023, 1, 1), expires=expires),
        next_review=review,
        due_diligence=date(2023, 1, 1),
    )
    before = {(one.about, one.day) for one in standing(found, day)}
    after = {(one.about, one.day) for one in standing(found, day + timedelta(days=1))}
    assert {one for one in after if one[0] in {"agreement", "due diligence"}} <= before | {
        (about, when) for about, when in after if when is not None and (when - day).days == 91
    }


def transfer(country: str = "US", safeguard: Safeguard = "IDTA", to: str = "northwind") -> Transfer:
    """A transfer as a controller instructs it."""
    return Transfer(sub_processor=to, country=country, safeguard=safeguard, reference="R")


@pytest.mark.parametrize("country", ["GB", "IE", "US", "FR", "", "UK"])
@pytest.mark.parametrize("transfers", [(), (transfer(),)])
def test_nothing_goes_to_one_that_is_unknown(country: str, transfers: tuple[Transfer, ...]) -> None:
    """Wherever it is, whatever was instructed."""
    assert may_go_to(None, country, DAY, transfers) == "sub-processor-unknown"


@pytest.mark.parametrize("country", ["GB", "IE", "US", "FR"])
@pytest.mark.parametrize("code", [*FORBIDDEN, "register-unreadable"])
def test_nothing_goes_to_one_that_may_not_be_used(country: str, code: str) -> None:
    """For the first reason there is, whatever the country and the instruction."""
    unread = code == "register-unreadable"
    found = Unreadable("northwind") if unread else entry(**FORBIDDEN[code])
    assert may_go_to(found, country, DAY, (transfer(),)) == f"sub-processor-{code}"


def test_a_warning_stops_nothing() -> None:
    """On the last day of everything data still go."""
    found = entry(
        agreement=agreement(expires=DAY),
        next_review=DAY,
        certificates=[certificate(expires=DAY)],
        safeguards=[safeguard(expires=DAY)],
    )
    assert len(standing(found, DAY)) == 4
    assert may_go_to(found, "GB", DAY, ()) is None
    assert may_go_to(found, "US", DAY, (transfer(),)) is None
    assert may_go_to(found, "GB", TOMORROW, ()) == "sub-processor-dpa-expired"


COUNTRIES = {"GB": "UK", "IE": "EEA", "IS": "EEA", "US": "third", "GI": "third", "CH": "third"}
INSTRUCTED: dict[str, tuple[Safeguard, ...]] = {
    "none": (),
    "IDTA": ("IDTA",),
    "Addendum": ("UK Addendum",),
    "both": ("IDTA", "UK Addendum"),
}
SIGNED: dict[str, dict[str, Any] | None] = {
    "none": None,
    "IDTA": {"kind": "IDTA"},
    "Addendum": {"kind": "UK Addendum"},
    "SCCs": {"kind": "SCCs"},
    "IDTA, over": {"kind": "IDTA", "expires": YESTERDAY},
    "IDTA, last day": {"kind": "IDTA", "expires": DAY},
    "IDTA, not yet": {"kind": "IDTA", "signed": TOMORROW},
    "IDTA, from today": {"kind": "IDTA", "signed": DAY},
    "IDTA, for good": {"kind": "IDTA", "expires": UNTIL_TERMINATED},
    "IDTA, elsewhere": {"kind": "IDTA", "countries": ["IN"]},
}
LETS = {
    ("IDTA", "IDTA"),
    ("both", "IDTA"),
    ("Addendum", "Addendum"),
    ("both", "Addendum"),
    *((who, f"IDTA, {how}")
      for who in ("IDTA", "both") for how in ("last day", "from today", "for good")),
}  # fmt: skip
"""What was instructed and what was signed, where that is enough."""


@pytest.mark.parametrize(
    ("country", "registered", "instructed", "signed"),
    list(product(COUNTRIES, (True, False), INSTRUCTED, SIGNED)),
)
def test_every_combination(country: str, registered: bool, instructed: str, signed: str) -> None:  # noqa: FBT001 - a table's column
    """Of country, register, instruction and safeguard there is one answer."""
    covering = SIGNED[signed]
    given = [] if covering is None else [safeguard(**{"countries": [country], **covering})]
    regions = [country] if registered else ["DE"]
    transfers = [
        transfer(country, kind) for kind in INSTRUCTED[instructed] if COUNTRIES[country] == "third"
    ]
    expected = None
    if not registered:
        expected = "region-not-registered"
    elif COUNTRIES[country] == "third" and instructed == "none":
        expected = "transfer-not-instructed"
    elif COUNTRIES[country] == "third" and (instructed, signed) not in LETS:
        expected = "transfer-without-safeguard"
    assert may_go_to(entry(regions=regions, safeguards=given), country, DAY, transfers) == expected


@pytest.mark.parametrize("other", [transfer("IN"), transfer(to="southwind")])
def test_a_transfer_elsewhere_instructs_nothing_here(other: Transfer) -> None:
    """It is of one sub-processor and one country."""
    found = entry(safeguards=[safeguard(countries=["US", "IN"])])
    assert may_go_to(found, "US", DAY, (other,)) == "transfer-not-instructed"
    assert may_go_to(found, "US", DAY, (other, transfer())) is None

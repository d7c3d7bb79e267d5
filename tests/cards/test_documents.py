"""Card data in JSON documents: what fields are named after, and what is spread over them."""

import time
from typing import Any

import pytest

from callward.cards.text import mask_document

P = "4111111111111111"
M = "411111••••••1111"
NO_LUHN = "6212345678901234"


@pytest.mark.parametrize(
    ("document", "masked"),
    [
        ({"Card Number": P, "Expiry Date": "04/27", "Security Code": "123"},
         {"Card Number": M, "Expiry Date": "••/••", "Security Code": "•••"}),
        ({"number": P, "expiry-date": "04/27", "security-code": "123"},
         {"number": M, "expiry-date": "••/••", "security-code": "•••"}),
        ({"n": P, "valid_thru": "0427", "validTo": "04/27", "CCV": 123, "cc_cvv": "123"},
         {"n": M, "valid_thru": "••••", "validTo": "••/••", "CCV": "•••", "cc_cvv": "•••"}),
        ({"payment_cvv": "1234", "x": 1}, {"payment_cvv": "••••", "x": 1}),
        ({"cvv": {"value": "123", "of": [456]}, "cvNumber": "123"},
         {"cvv": {"value": "•••", "of": ["•••"]}, "cvNumber": "•••"}),
        ({"expiry": {"month": 4, "year": 2027}, "number": P},
         {"expiry": {"month": "•", "year": "••••"}, "number": M}),
        ({"card_expiry": "2027-04-30", "made": "2026-04-30"},
         {"card_expiry": "••••-••-••", "made": "2026-04-30"}),
        ({"pan": P, "expirationDate": "April 2027", "expires": "2027-04-30T00:00:00Z"},
         {"pan": M, "expirationDate": "April ••••", "expires": "••••-••-••T••:••:••Z"}),
        ({"number": P, "more": {"exp": "04/27"}}, {"number": M, "more": {"exp": "••/••"}}),
        ({"expiry": "04/27", "expires_at": "2027-04-30"},
         {"expiry": "04/27", "expires_at": "2027-04-30"}),
        ({"fields": [{"label": "Card", "value": P}, {"label": "Expiry", "value": "04/27"},
                     {"label": "CVV", "value": "123"}]},
         {"fields": [{"label": "Card", "value": M}, {"label": "Expiry", "value": "••/••"},
                     {"label": "CVV", "value": "•••"}]}),
        ({"n": 4111111111111111.0, "m": 4111111111111.5, "far": 1e300, "no": float("inf")},
         {"n": M, "m": 4111111111111.5, "far": 1e300, "no": float("inf")}),
    ],
)  # fmt: skip
def test_fields_by_their_names(document: dict[str, Any], masked: dict[str, Any]) -> None:
    """Codes always, dates beside a card, however the fields are written; masking rests."""
    assert mask_document(document)[0] == masked
    assert mask_document(masked) == (masked, 0)


@pytest.mark.parametrize(
    "document",
    [
        {"transaction_id": NO_LUHN, "payment_method": "paypal"},
        {"reference": NO_LUHN, "expiry": "none", "discarded": True},
        {"order_id": NO_LUHN, "card_present": False},
        {"cardinal": NO_LUHN, "scorecard": "x"},
        {"expires": 1700000000, "exp": 1700000000, "card_id": "x7"},
        {"company": NO_LUHN},
    ],
)
def test_other_numbers_without_check_digit_stay(document: dict[str, Any]) -> None:
    """Only a field about cards makes a number without check digit one."""
    assert mask_document(document) == (document, 0)


def test_numbers_without_check_digit_beside_a_card_field() -> None:
    """And there they are masked."""
    for name in ("card", "cardNumber", "PAN", "credit_card", "cc-number"):
        assert mask_document({name: NO_LUHN})[0] == {name: "621234••••••1234"}


def test_numbers_without_check_digit_beside_a_scheme_in_a_row() -> None:
    """What stands in the same row is read with them."""
    rows = {"rows": [[NO_LUHN, "unionpay"], ["6212345678905555", "unionpay"]]}
    assert mask_document(rows)[0] == {
        "rows": [["621234••••••1234", "unionpay"], ["621234••••••5555", "unionpay"]]
    }


PIECES = ["4111", "1111", "1111", "1111"]
MASKED = ["4111", "11••", "••••", "1111"]


def _over(make: Any, pieces: list[str]) -> dict[str, Any]:
    return {"raw": make(pieces)}


@pytest.mark.parametrize(
    "make",
    [
        lambda p: {"items": [{"alternatives": [{"content": t}, {"content": "?"}]} for t in p]},
        lambda p: {"segments": [{"words": [{"word": p[0]}, {"word": p[1]}]},
                                {"words": [{"word": p[2]}, {"word": p[3]}]}]},
        lambda p: {"messages": [{"message": {"text": t}} for t in p]},
        lambda p: [[t] for t in p],
        lambda p: [{"from": "1", "status": "1111", "text": t} for t in p],
    ],
)  # fmt: skip
def test_spread_over_nested_lists(make: Any) -> None:
    """One field is read in sequence over all the lists on the way; nothing else changes."""
    assert mask_document(_over(make, PIECES)) == (_over(make, MASKED), 1)


def test_who_said_what_is_kept() -> None:
    """Pieces of a number that stand for something else elsewhere are left there."""
    digits = list(P)
    document = {"texts": [{"from": digit, "text": digit} for digit in digits], "status": "1"}
    masked, count = mask_document(document)
    assert count == 1
    assert [item["from"] for item in masked["texts"]] == digits
    assert "".join(item["text"] for item in masked["texts"]) == M
    assert masked["status"] == "1"


@pytest.mark.parametrize(
    "document",
    [
        {"texts": ["a" * 60 + "1" * 12] * 300},
        {"texts": [{"from": str(n % 5), "text": str(n % 10)} for n in range(10_000)]},
        {"rows": [{"cells": ["4111", "x"]}] * 5_000},
        {f"a{n}": {"card": n, "exp": "04/27"} for n in range(5_000)},
    ],
)
def test_large_documents_take_little_time(document: dict[str, Any]) -> None:
    """Hostile ones too."""
    start = time.process_time()
    mask_document(document)
    assert time.process_time() - start < 3


def test_deep_documents_take_little_time() -> None:
    """As deep as readers let them be."""
    document: dict[str, Any] = {"n": P, "expiry": "04/27"}
    for _ in range(60):
        document = {"n": P, "in": [document], "expiry": "04/27"}
    start = time.process_time()
    _, count = mask_document(document)
    assert count == 122
    assert time.process_time() - start < 2

# ruff: noqa: RUF001 - digits of other scripts are what is tested
"""What stays and what goes when card data is masked in text."""

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.cards.detect import Span, find
from callward.cards.text import mask, mask_bytes, mask_document, mask_texts
from tests.cards.renderings import cards, number

VISA = "4111111111111111"
_PIECES = st.sampled_from(
    ["4111", "1111", VISA, "5555 5555 5555 4444", "one", "double", "oh", "four", " ", "-", "\n",
     "12/27", "cvv", "123", "exp", "&#52;", "&nbsp;", "•", "••", "é", "\u200b", "４", "<b>", ",",
     "hundred", "card", "GB29", "+44", "3782", "822463", "10005", ":", "\x00", "for", "="]
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (VISA, "411111••••••1111"),
        ("card4111111111111111x", "card411111••••••1111x"),
        ("4111 1111 1111 1111 exp 12/25 cvv 123", "4111 11•• •••• 1111 exp ••/•• cvv •••"),
        ("3782 822463 10005, 12/27, 1234", "3782 82•••• •0005, ••/••, ••••"),
        ("&#52;111&nbsp;1111 1111&nbsp;1111", "&#52;111&nbsp;11•• ••••&nbsp;1111"),
        ("５５５５ ５５５５ ５５５５ ４４４４", "５５５５ ５５•• •••• ４４４４"),
        (";4111111111111111=25121010000012345678?", ";411111••••••1111=••••••••••••••••••••?"),
        ("card 41111111111111111225123", "card 411111••••••1111•••••••"),
        ("CARD NO.4111111111111111", "CARD NO.411111••••••1111"),
        ("4111111111111111/12/27/123", "411111••••••1111/••/••/•••"),
        ("cvv 123 and 4567", "cvv ••• and 4567"),
        ("CVV: 123", "CVV: •••"),
        ("exp 12/25", "exp ••/••"),
        ("the security code on the back is seven three seven",
         "the security code on the back is • • •"),
        ("valid thru december 2027", "valid thru december ••••"),
    ],
)  # fmt: skip
def test_first_six_and_last_four_stay(text: str, masked: str) -> None:
    """Digits in the middle, dates and codes become marks in their places."""
    assert mask(text)[0] == masked


def test_spoken_numbers_keep_whole_words_only() -> None:
    """A word that stands for digits to go is gone even if it also stands for one to stay."""
    text = "four double one, triple one, one one one one, one one one one, one one"
    assert mask(text) == ("four double one, triple one, • • • •, • • one one, one one", 1)


@pytest.mark.parametrize(
    "text",
    [
        "IMEI 490154203237518", "+4915112345678 call me", "30-12-34 12345678",
        "GB29 NWBK 6016 1331 9268 19", "1700000000000", "1700000000000000000", "4111111111111112",
        "41111111111111111111111111", "0.4111111111111111", "23/11/2026 24/11/2026",
        "550e8400-e29b-41d4-4567-446655440000", "my social security number is 853-37-1694",
        "https://twitter.com/jifa/status/625776454479970304", "1 2 3 4 5 6 7 8 9 10 11 12 13 14",
    ],
)  # fmt: skip
def test_other_numbers_stay(text: str) -> None:
    """What looks like a card number and is another is not touched."""
    assert mask(text) == (text, 0)


def test_spans_name_kind_and_scheme() -> None:
    """Places are those of the text as given."""
    assert find("é: 4111-1111-1111-1111 exp 12/27") == [
        Span(3, 22, "number", "visa"),
        Span(27, 32, "expiry", ""),
    ]


def test_numbers_without_check_digit_need_words_about_cards() -> None:
    """UnionPay and long Maestro numbers need not satisfy Luhn, but then need a card nearby."""
    assert find("6221260000000001234") == []
    assert [span.scheme for span in find("my card is 6221260000000001234")] == ["unionpay"]


def test_numbers_spread_over_messages() -> None:
    """Another speaker's short message between the parts does not hide them."""
    texts = ["card number?", "4111", "yes", "1111", "go on", "1111", "thanks, and the last ones",
             "1111", "Expiry please", "12/27", "And the CVV?", "123", "bye"]  # fmt: skip
    masked, count = mask_texts(texts)
    assert count == 3
    assert masked == ["card number?", "4111", "yes", "11••", "go on", "••••",
                      "thanks, and the last ones", "1111", "Expiry please", "••/••",
                      "And the CVV?", "•••", "bye"]  # fmt: skip
    assert mask_texts(masked) == (masked, 0)


def test_one_digit_a_message() -> None:
    """Sixteen messages of one digit each."""
    assert mask_texts(list(VISA)) == (list("411111••••••1111"), 1)


def test_documents() -> None:
    """Texts in sequence, whole numbers, names, and fields named after codes and dates."""
    document = {
        "texts": ["4111", "1111", "1111", "1111"],
        "raw": {
            "messages": [{"b": "4111"}, {"b": "1111"}, {"b": "1111"}, {"b": "1111"}],
            "n": int(VISA),
            VISA: True,
            "card": {"cvc": "123", "exp_month": 12, "exp_year": 2027},
            "exp": 1700000000,
            "epoch": 1700000000000,
        },
    }
    masked, count = mask_document(document)
    assert masked == {
        "texts": ["4111", "11••", "••••", "1111"],
        "raw": {
            "messages": [{"b": "4111"}, {"b": "11••"}, {"b": "••••"}, {"b": "1111"}],
            "n": "411111••••••1111",
            "411111••••••1111": True,
            "card": {"cvc": "•••", "exp_month": "••", "exp_year": "••••"},
            "exp": 1700000000,
            "epoch": 1700000000000,
        },
    }
    assert count == 7
    assert mask_document(masked) == (masked, 0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_files_keep_their_encoding(encoding: str) -> None:
    """Only the digits change, whatever the encoding."""
    masked = mask_bytes(f"é {VISA} ü".encode(encoding))
    assert masked == ("é 411111••••••1111 ü".encode(encoding), 1)


def test_files_that_are_no_text() -> None:
    """Bytes like those of a picture, or mostly control characters; odd bytes stay."""
    assert mask_bytes(b"\x89PNG\r\n" + random.Random(3).randbytes(500) + VISA.encode()) is None
    assert mask_bytes(bytes(400)) is None
    assert mask_bytes(bytes(range(1, 9)) * 20) is None
    odd = b"\x81\xe9\xff no card"
    assert mask_bytes(odd) == (odd, 0)


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=30).map("".join))
def test_masking_again_changes_nothing(text: str) -> None:
    """And what is outside the marks is what was there."""
    masked, count = mask(text)
    assert mask(masked) == (masked, 0)
    assert (count == 0) == (masked == text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    """No bytes are too odd, and nothing changes where nothing is found."""
    masked = mask_bytes(data)
    assert masked is None or masked[1] > 0 or masked[0] == data


def test_no_more_than_ten_digits_of_a_number_are_left() -> None:
    """In whatever dress the number came."""
    for dress, digits, text in cards(450, seed=7):
        if dress in {"spoken", "hundreds", "mixed", "references", "entities"}:
            continue
        left = [sign for sign in mask(text)[0] if sign.isdecimal()]
        assert len(left) <= 10, (dress, digits, text)


@pytest.mark.parametrize(
    "unit", ["4", "one ", "&#52;", "4 ", "4\n", "4111 1111 1111 1111 ", "cvv 12 ", "a1", "<a", "4•"]
)
def test_hostile_text_takes_time_in_proportion(unit: str) -> None:
    """Four times the text takes not much more than four times as long."""

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        mask(text)
        return time.process_time() - start

    small = seconds(10_000)
    assert seconds(80_000) < 8 * 5 * small + 0.2


def test_many_cards_in_a_row() -> None:
    """A list of numbers, one a line, loses every one."""
    text = "\n".join(["4111 1111 1111 1111", "5555 5555 5555 4444"] * 200)
    masked, count = mask(text)
    assert count == 400
    assert not re.search(r"1111 1111|5555 5555", masked)


def test_long_text_is_read_in_blocks_that_hide_nothing() -> None:
    """A number over the end of a block is found once, whole."""
    for shift in range(0, 40, 3):
        text = "x" * ((1 << 18) - 20 + shift) + " 4111 1111 1111 1111 " + "y" * 9000
        masked, count = mask(text)
        assert (count, masked.count("•")) == (1, 6)


def test_numbers_made_up_are_luhn_valid() -> None:
    """The generator stands on its own feet: its numbers differ and are of real lengths."""
    made = {number(random.Random(seed)) for seed in range(200)}
    assert len(made) > 190
    assert all(13 <= len(digits) <= 19 for digits in made)

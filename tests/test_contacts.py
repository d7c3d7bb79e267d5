"""One person, one form, whatever a system writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.contacts import MAX_LENGTH, blind_text, e164


@pytest.mark.parametrize(
    "raw",
    [
        "+447700900123",
        "07700900123",
        "00447700900123",
        "447700900123",
        "07700 900123",
        "+44 (0)7700 900-123",
        "tel:+44-7700-900-123",
        "sip:+447700900123@carrier.example;user=phone",
        "\uff0b\uff14\uff14\uff17\uff17\uff10\uff10\uff19\uff10\uff10\uff11\uff12\uff13",
        "07700 900123 ext. 12",
        " 07700\t900123 ",
    ],
)
def test_one_number_has_one_form(raw: str) -> None:
    """Every way of writing a number gives the same E.164."""
    assert e164(raw) == "+447700900123"
    assert blind_text(raw) == "tel:+447700900123"


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("020 7946 0018", "GB", "+442079460018"),
        ("(202) 555-0143", "US", "+12025550143"),
        ("+353 1 555 0100", "GB", "+35315550100"),
    ],
)
def test_the_region_completes_national_numbers(raw: str, region: str, expected: str) -> None:
    """A number without a country is of the region; one with a country is not."""
    assert e164(raw, region) == expected


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Withheld", "raw:withheld"),
        ("2041", "raw:2041"),
        ("sip:Alice42@PBX.example", "raw:sip:alice42@pbx.example"),
        ("sip:02079460018@pbx.example", "raw:sip:02079460018@pbx.example"),
        ("call 02079460018 today", "raw:call 02079460018 today"),
        ("0800 FLOWERS", "raw:0800 flowers"),
        ("999", "raw:999"),
        ("+44", "raw:+44"),
        ("0" * 40, "raw:" + "0" * 40),
    ],
)
def test_what_is_no_number_keeps_its_words(raw: str, text: str) -> None:
    """Extensions, URIs and free text are indexed folded, never taken for a number."""
    assert e164(raw) is None
    assert blind_text(raw) == text


def test_agents_are_folded_and_never_numbers() -> None:
    """Without a region, letter case, width and outer space do not matter, and digits stay."""
    assert blind_text(" J.Smith\u2003", None) == blind_text("\uff4a.SMITH", None) == "raw:j.smith"
    assert blind_text("07700900123", None) == "raw:07700900123"


@pytest.mark.parametrize("raw", ["", "  ", "\u3000"])
def test_blank_is_nobody(raw: str) -> None:
    """An empty cell has no index at all."""
    assert blind_text(raw) is None


def test_over_long_text_is_not_parsed() -> None:
    """Above the limit a text is no number, however it looks."""
    assert e164("0" * MAX_LENGTH + "+447700900123") is None


@given(st.text(max_size=60))
def test_any_text_has_a_stable_form(raw: str) -> None:
    """No text raises, and the form of a number is its own form."""
    text = blind_text(raw)
    assert text is None or text.startswith(("tel:+", "raw:"))
    if text is not None and text.startswith("tel:"):
        assert blind_text(text) == text


@pytest.mark.parametrize(
    ("written", "blind"),
    [
        ("203.0.113.177", "ip:203.0.113.177"),
        (" 203.0.113.177 ", "ip:203.0.113.177"),
        ("2001:DB8:0:0::1", "ip:2001:db8::1"),
        ("::1", "ip:::1"),
        ("020.7946.0001", "tel:+442079460001"),
        ("12:30:45", "raw:12:30:45"),
    ],
)
@pytest.mark.parametrize("region", ["GB", None])
def test_an_ip_address_is_no_telephone_number(written: str, blind: str, region: str | None) -> None:
    """Else a visitor would be found under some caller's number; and it has one form."""
    if blind.startswith("tel:") and region is None:
        blind = f"raw:{written}"
    assert blind_text(written, region) == blind

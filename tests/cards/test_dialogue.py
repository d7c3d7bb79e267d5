"""Card data in conversations written down as text, and labels of dates and codes."""

import time

import pytest

from callward.cards.text import mask

SAID = ("4111", "1111", "1111", "1111")
LEFT = ("4111", "11••", "••••", "1111")


@pytest.mark.parametrize(
    "form",
    [
        "[10:02] Jane: {}\n[10:03] Jane: {}\n[10:03] Jane: {}\n[10:04] Jane: {}",
        ("2026-11-24 10:02:11 Jane: {}\n2026-11-24 10:02:15 Jane: {}\n"
        "2026-11-24 10:02:19 Bob: 2\n2026-11-24 10:02:21 Jane: {}\n2026-11-24 10:03:01 Jane: {}"),
        ("24/11/2026, 10:02 - Jane Doe: {}\n24/11/2026, 10:02 - Jane Doe: {}\n"
        "24/11/2026, 10:02 - Jane Doe: {}\n24/11/2026, 10:02 - Jane Doe: {}"),
        "10:02 <jane> {}\n10:02 <bob> 1 of 4\n10:03 <jane> {}\n10:03 <jane> {}\n10:04 <jane> {}",
        "Speaker 1: {}\nSpeaker 2: ok\nSpeaker 1: {}\nSpeaker 2: ok\nSpeaker 1: {}\nSpeaker 1: {}",
        "spk_0: {}\r\nspk_1: ok\r\nspk_0: {}\r\nspk_0: {}\r\nspk_0: {}\r\n",
        ("1\n00:00:01,000 --> 00:00:02,000\n{}\n\n2\n00:00:02,000 --> 00:00:03,000\n{}\n\n"
        "3\n00:00:03,000 --> 00:00:04,000\n{}\n\n4\n00:00:04,000 --> 00:00:05,000\n{}\n"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nJane: {}\n\n00:02.000 --> 00:03.000\nJane: {}"
        "\n\n00:03.000 --> 00:04.000\nJane: {}\n\n00:04.000 --> 00:05.000\nJane: {}\n"),
    ],
)  # fmt: skip
def test_what_begins_a_line_hides_nothing(form: str) -> None:
    """Times, dates, speakers with digits, cues with their numbers."""
    masked = mask(form.format(*SAID))
    assert masked == (form.format(*LEFT), 1)
    assert mask(masked[0]) == (masked[0], 0)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24 10:02:11 INFO: 200\n2026-11-24 10:02:15 INFO: 404\n2026-11-24 10:02:19 INFO: 7",
        "Total: 4111\nAmount: 1111\nPhone: 1111\nOrder: 1111",
        "09:00 room 12\n10:30 room 14\n11:00 room 9\n14:15 room 2\n15:00 room 31",
    ],
)
def test_other_lines_stay(text: str) -> None:
    """Logs, forms and agendas."""
    assert mask(text) == (text, 0)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111 1111 1111 1111 expires 04 2027", "4111 11•• •••• 1111 expires •• ••••"),
        ("4111 1111 1111 1111 expiry zero four slash two seven",
         "4111 11•• •••• 1111 expiry • • slash • •"),
        ("4111 1111 1111 1111 04/27 code: 123", "4111 11•• •••• 1111 ••/•• code: •••"),
        ("4111111111111111, code on the back is 123", "411111••••••1111, code on the back is •••"),
        ("4111 1111 1111 1111 and promo code 123", "4111 11•• •••• 1111 and promo code 123"),
        ("4111#1111#1111#1111", "4111#11••#••••#1111"),
        ("4111=1111=1111=1111", "4111=11••=••••=1111"),
    ],
)  # fmt: skip
def test_dates_and_codes_behind_a_number(text: str, masked: str) -> None:
    """By whatever they are announced, and signs of any kind between the groups."""
    assert mask(text)[0] == masked


@pytest.mark.parametrize(
    "unit", ["a: ", "\n", "\na:", "\n10:02 ", "\na: 4111", "\na a a a", "\n1\n00:00:01,000 -->"]
)
def test_hostile_lines_take_time_in_proportion(unit: str) -> None:
    """A lot of what nearly begins a turn."""
    start = time.process_time()
    mask(unit * (200_000 // len(unit)))
    assert time.process_time() - start < 4

"""Numbers read back on another channel: a card number goes, a telephone number stays."""

from collections.abc import Iterator

import pytest

from callward.cards.grammar import Sound
from callward.cards.listen import numbers
from callward.cardscan.together import together

CARD = ("4929", "1234", "5678", "9012")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LENGTH, PAUSE = 0.35, 0.6


def _spoken(digits: str, start: float) -> Iterator[Sound]:
    for index, digit in enumerate(digits):
        at = start + index * (LENGTH + 0.02)
        yield Sound(NAMES[int(digit)], at, at + LENGTH)


def _read_back(groups: tuple[str, ...], echoed: tuple[str, ...]) -> list[list[Sound]]:
    """One channel says the groups, the other repeats each; ordinary words around them."""
    now, caller, agent = 1.5, [Sound("", 0.0, 1.0)], [Sound("", 0.0, 0.5)]
    for group, echo in zip(groups, echoed, strict=True):
        for digits, channel in ((group, caller), (echo, agent)):
            channel.extend(_spoken(digits, now))
            now += len(digits) * (LENGTH + 0.02) + (PAUSE if digits else 0)
    caller.append(Sound("", now + 3, now + 4))
    return [caller, agent]


def test_a_card_number_read_back_group_by_group_is_found() -> None:
    """No channel alone has digits enough in a row; both together have, from first to last."""
    channels = _read_back(CARD, CARD)
    assert [numbers(one) for one in channels] == [[], []]
    (found,) = together(channels)
    assert found.start == pytest.approx(1.5)
    assert found.end == pytest.approx(channels[1][-1].end)


def test_what_is_misheard_is_found_all_the_same() -> None:
    """A digit or two of every repetition heard otherwise, and one not at all."""
    assert len(together(_read_back(CARD, ("4929", "1334", "567", "0913")))) == 1


def test_a_number_said_by_two_in_turn_is_found() -> None:
    """Caller and agent share it: nobody repeats anything."""
    groups, empty = ("4929", "", "5678", ""), ("", "1234", "", "9012")
    assert len(together(_read_back(groups, empty))) == 1


@pytest.mark.parametrize(
    "echoed",
    [("07700", "900", "123"), ("07701", "980", "123"), ("", "", "07700900123")],
    ids=["each", "misheard", "at-the-end"],
)
def test_a_telephone_number_read_back_survives(echoed: tuple[str, ...]) -> None:
    """However it is repeated it has eleven digits, and begins with a zero."""
    channels = _read_back(("07700", "900", "123"), echoed)
    assert together(channels) == []


def test_an_echo_is_not_counted_twice() -> None:
    """A telephone number that both channels hear at the same time."""
    said = list(_spoken("07700900123", 1.0))
    late = [Sound(one.word, one.start + 0.1, one.end + 0.1) for one in said]
    assert together([said, late]) == []


def test_one_channel_is_not_our_business() -> None:
    """Nothing is found in one channel, or in none."""
    said = list(_spoken("4929123456789012", 1.0))
    assert together([said]) == together([said, []]) == together([]) == []


def test_ordinary_talk_with_a_few_digits_is_left() -> None:
    """Short, scattered sounds on both channels that pass for digits."""
    talk = [
        [Sound("two" if n % 2 else "", 0.6 * n + late, 0.6 * n + late + 0.15) for n in range(60)]
        for late in (0.0, 0.25)
    ]
    assert together(talk) == []

"""The scanner of card data: text a second, and time for a short message."""

import random
import time
from typing import Any

from callward.cards.text import mask

MEGABYTES = 20
MESSAGES = 50_000
_WORDS = (
    "hello thank you for calling about your delivery please let me know whether the parcel was "
    "left with a neighbour as I can see that it went out on the van this morning and we have had "
    "no word from the driver since would you like us to send another or to have your money back"
)


def measure(megabytes: int = MEGABYTES, messages: int = MESSAGES) -> dict[str, Any]:
    """Ordinary text with a date, a reference or a telephone number here and there."""
    chance = random.Random(11)
    words = _WORDS.split()
    letters = [_letter(chance, words) for _ in range(500)]
    text = "\n\n".join(letters * (megabytes * 1_000_000 // sum(map(len, letters))))
    start = time.process_time()
    _, found = mask(text)
    long = time.process_time() - start
    short = [" ".join(chance.choice(words) for _ in range(19)) for _ in range(1000)]
    start = time.process_time()
    for place in range(messages):
        mask(short[place % len(short)])
    each = (time.process_time() - start) / messages
    return {
        "megabytes": round(len(text) / 1e6, 1),
        "megabytes_per_second": round(len(text) / 1e6 / long, 1),
        "found": found,
        "short_message_characters": sum(map(len, short)) // len(short),
        "short_message_microseconds": round(each * 1e6, 2),
    }


def _letter(chance: random.Random, words: list[str]) -> str:
    """About two thousand characters of prose with two or three numbers in them."""
    lines = [" ".join(chance.choice(words) for _ in range(60)) + "." for _ in range(6)]
    day, minute = chance.randint(1, 28), chance.randint(10, 59)
    lines.insert(
        2, f"Your order {chance.randint(10**7, 10**8)} of {day}/11/2026 left at 10:{minute}."
    )
    lines.append(f"Ring us on 020 7946 0{chance.randint(100, 999)} if you need anything.")
    return "\n".join(lines)

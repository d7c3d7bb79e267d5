"""Card numbers in every dress, and numbers of other kinds: made here, from a seed.

Ranges are the published ones of each scheme, written down apart from the detector's.
"""

import random
from collections.abc import Callable, Iterator

# A scheme, its prefixes as pairs of low and high, and its lengths.
RANGES: tuple[tuple[str, tuple[tuple[int, int], ...], tuple[int, ...]], ...] = (
    ("visa", ((4, 4),), (16, 16, 13, 19)),
    ("mastercard", ((51, 55), (2221, 2720)), (16,)),
    ("american-express", ((34, 34), (37, 37)), (15,)),
    ("discover", ((6011, 6011), (644, 649), (65, 65)), (16, 19)),
    ("diners-club", ((300, 305), (36, 36), (38, 39)), (14, 14, 16)),
    ("jcb", ((3528, 3589),), (16, 16, 19)),
    ("unionpay", ((62, 62), (8100, 8171)), (16, 17, 18, 19)),
    ("maestro", ((5018, 5018), (5020, 5020), (5038, 5038), (6304, 6304), (6759, 6763)),
     (13, 14, 15, 16, 18, 19)),
    ("mir", ((2200, 2204),), (16,)),
    ("rupay", ((60, 60), (65, 65), (508, 508)), (16,)),
    ("elo", ((506699, 506778), (509000, 509999), (650031, 650033)), (16,)),
    ("hipercard", ((606282, 606282),), (16,)),
    ("troy", ((9792, 9792),), (16,)),
    ("uatp", ((1, 1),), (15,)),
    ("verve", ((506099, 506198), (507865, 507964)), (16, 18, 19)),
    ("dankort", ((5019, 5019),), (16,)),
    ("interpayment", ((636, 636),), (16, 17, 18, 19)),
    ("lankapay", ((357111, 357111),), (16,)),
)  # fmt: skip
_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCRIPTS = (0xFF10, 0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0x1D7CE, 0x1D7F6)
_APART = (" ", "-", "\n", "\r\n", "\u00a0")
_SIGNS = (*"-.\u2010\u2011\u2012\u2013\u2014\u2212_/·", " - ", " . ", "\t", "\n", "\r\n")
_SPACES = ("\u00a0", "\u2007", "\u2009", "\u202f", "\u3000", "\u2003", "  ", " ")
_UNSEEN = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
_ENTITIES = ("&nbsp;", "&#160;", "&#xA0;", "&#32;", "&ndash;", "&#45;", "<br>", "%20")


def check_digit(body: str) -> str:
    """The digit that makes ``body`` satisfy Luhn."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def number(chance: random.Random) -> str:
    """A number of some scheme, made up."""
    _, prefixes, lengths = chance.choice(RANGES)
    low, high = chance.choice(prefixes)
    body = str(chance.randint(low, high))
    length = chance.choice(lengths)
    body += "".join(chance.choice("0123456789") for _ in range(length - 1 - len(body)))
    return body + check_digit(body)


def grouped(digits: str) -> list[str]:
    """In groups as printed on cards: 4-6-5, 4-6-4, or fours and the rest."""
    if len(digits) == 15:
        return [digits[:4], digits[4:10], digits[10:]]
    if len(digits) == 14:
        return [digits[:4], digits[4:10], digits[10:]]
    return [digits[place : place + 4] for place in range(0, len(digits), 4)]


def spoken(digits: str, chance: random.Random) -> str:
    """In English words, with doubles, triples, tens and "oh"s as they come."""
    words: list[str] = []
    place = 0
    while place < len(digits):
        digit = digits[place]
        run = next((n for n in (4, 3, 2) if digits[place : place + n] == digit * n), 1)
        unit = _UNITS[int(digit)] if digit != "0" else chance.choice(("zero", "oh", "nought", "o"))
        first = place == 0
        if run in {2, 3} and chance.random() < 0.8 and not (first and digit == "0"):
            words.append(
                f"{chance.choice(('double', 'triple', 'treble')[run - 2 : run - 1])} {unit}"
            )
            place += run
        elif _said_as_pair(digits, place) and chance.random() < 0.2:
            words.append(_pair(int(digits[place : place + 2]), chance))
            place += 2
        else:
            words.append(unit)
            place += 1
        if chance.random() < 0.08 and place < len(digits):
            words.append(chance.choice(("uh", "um", "then", "and then", "dash", "okay")))
    return chance.choice((" ", ", ", " ")).join(words)


def _said_as_pair(digits: str, place: int) -> bool:
    """Not before nought, and no "forty" before a digit that would make it forty-one."""
    pair, following = digits[place : place + 2], digits[place + 2 : place + 3]
    return len(pair) == 2 and pair[0] != "0" and (pair[1] != "0" or following in {"", "0"})


def _pair(value: int, chance: random.Random) -> str:
    if value < 20:
        return _TEENS[value - 10]
    tens, unit = divmod(value, 10)
    return _TENS[tens] + (chance.choice(" -") + _UNITS[unit] if unit else "")


def _scripted(digits: str, chance: random.Random) -> str:
    zero = chance.choice(_SCRIPTS)
    text = "".join(chr(zero + int(digit)) for digit in digits)
    return chance.choice(("", " ", "\u3000")).join(grouped(text))


def _hundreds(digits: str, chance: random.Random) -> str:
    """A number some of whose fours end in noughts, said in hundreds."""
    words = []
    for group in grouped(digits):
        if len(group) == 4 and group[2:] == "00" and group[0] != "0":
            words.append(f"{_pair(int(group[:2]), chance)} hundred")
        else:
            words.append(" ".join(_UNITS[int(digit)] for digit in group))
    return ", ".join(words)


def _mixed(digits: str, chance: random.Random) -> str:
    return " ".join(
        group if chance.random() < 0.5 else " ".join(_UNITS[int(digit)] for digit in group)
        for group in grouped(digits)
    )


def _references(digits: str, chance: random.Random) -> str:
    form = chance.choice(("&#{};", "&#x{:x};", "&#0{};"))
    return "".join(form.format(ord(digit)) for digit in digits)


DRESSES: dict[str, Callable[[str, random.Random], str]] = {
    "bare": lambda digits, _: digits,
    "groups": lambda digits, _: " ".join(grouped(digits)),
    "signs": lambda digits, chance: chance.choice(_SIGNS).join(grouped(digits)),
    "spaces": lambda digits, chance: chance.choice(_SPACES).join(grouped(digits)),
    "unseen": lambda digits, chance: chance.choice(_UNSEEN).join(digits),
    "singles": lambda digits, chance: chance.choice(_APART).join(digits),
    "scripts": _scripted,
    "references": _references,
    "entities": lambda digits, chance: chance.choice(_ENTITIES).join(grouped(digits)),
    "tags": lambda digits, _: "".join(f"<span>{group}</span> " for group in grouped(digits)),
    "glued": lambda digits, chance: f"{chance.choice(('card', 'no', 'Visa:', 'x'))}{digits}x",
    "quoted": lambda digits, chance: chance.choice(('"{}"', "'{}'", "({})", "[{}]", "<{}>")).format(
        digits
    ),
    "spoken": spoken,
    "hundreds": _hundreds,
    "mixed": _mixed,
}  # fmt: skip
_FRAMES = (
    "{}", "my card number is {}", "Sure, it's {} thanks", "{} is the long number.", "\n{}\n",
    "Please charge {} today", "Can you try {}?", "Name: J Doe\nCard: {}\nThanks",
)  # fmt: skip


def cards(count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Dress, digits and text of made-up numbers, every dress in turn."""
    chance = random.Random(seed)
    names = list(DRESSES)
    for place in range(count):
        name = names[place % len(names)]
        digits = number(chance)
        if name == "hundreds":
            digits = digits[:4] + digits[4:6] + "00" + digits[8:-1]
            digits += check_digit(digits)
        yield name, digits, chance.choice(_FRAMES).format(DRESSES[name](digits, chance))

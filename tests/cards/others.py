"""Numbers that are no card's: made here, from a seed, in the words they come with."""

import random
import uuid
from collections.abc import Callable, Iterator

from tests.cards.renderings import check_digit, number


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _imei(chance: random.Random) -> str:
    body = chance.choice(("35", "86", "01", "99", "49")) + _digits(chance, 12)
    imei = body + check_digit(body)
    return chance.choice((imei, f"{imei[:2]}-{imei[2:8]}-{imei[8:14]}-{imei[14]}"))


def _iban(chance: random.Random) -> str:
    country, body = chance.choice(
        (("GB", "NWBK" + _digits(chance, 14)), ("DE", _digits(chance, 18)),
         ("FR", _digits(chance, 23)), ("NL", "ABNA" + _digits(chance, 10)))
    )  # fmt: skip
    moved = "".join(str(int(sign, 36)) for sign in body + country + "00")
    iban = f"{country}{98 - int(moved) % 97:02d}{body}"
    return chance.choice(
        (iban, " ".join(iban[place : place + 4] for place in range(0, len(iban), 4)))
    )


def _phone(chance: random.Random) -> str:
    forms = (
        "07### ######", "+44 7### ######", "(020) 7### ####", "0161 496 0###",
        "+44 (0)20 #### ####",
        "0044 7#########", "+49 151 ########", "+1 415-555-####", "447#########", "01632 960###",
        "+353 1 ### ####", "+4915########", "ring 020 7946 0### or 07700 900###",
    )  # fmt: skip
    form = chance.choice(forms)
    return "".join(chance.choice("0123456789") if sign == "#" else sign for sign in form)


def _moment(chance: random.Random) -> str:
    seconds = chance.randint(1_600_000_000, 1_900_000_000)
    return chance.choice(
        (str(seconds), f"{seconds}{_digits(chance, 3)}", f"{seconds}{_digits(chance, 6)}",
         f"{seconds}{_digits(chance, 9)}", f"{seconds}.{_digits(chance, 6)}",
         (f"2026-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T10:15:33."
         f"{_digits(chance, 6)}Z"),
         f"2026{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}{_digits(chance, 6)}")
    )  # fmt: skip


def _near_miss(chance: random.Random) -> str:
    """A card number with one digit wrong, in a common dress."""
    while True:
        digits = number(chance)
        # 19 in fours might be 16 and a code; some schemes have numbers without check digit.
        if digits[:2] not in {"62", "81", "50", "63", "67"} and len(digits) < 17:
            break
    place = chance.randrange(len(digits))
    wrong = digits[:place] + str((int(digits[place]) + chance.randint(1, 9)) % 10)
    wrong += digits[place + 1 :]
    return chance.choice((wrong, " ".join(wrong[at : at + 4] for at in range(0, len(wrong), 4))))


def _dates(chance: random.Random) -> str:
    sign = chance.choice("/-.")
    days = [
        f"{chance.randint(1, 28):02d}{sign}{chance.randint(1, 12):02d}{sign}2026"
        for _ in range(chance.randint(2, 6))
    ]
    return chance.choice((" ", " - ", ", ", "\n")).join(days)


def _table(chance: random.Random) -> str:
    sign = chance.choice((" ", "\t", ", ", ","))
    return "\n".join(
        sign.join(str(chance.randint(0, 999)) for _ in range(chance.randint(4, 9)))
        for _ in range(chance.randint(2, 6))
    )


_SAID = "we had one or two calls at nine thirty and then four more for twenty minutes so far"


def _prose(chance: random.Random) -> str:
    return " ".join(chance.choice(_SAID.split(" ")) for _ in range(30))


def _order(chance: random.Random) -> str:
    return f"order {chance.choice(('', '#', 'no. '))}{_digits(chance, chance.randint(6, 11))}"


def _account(chance: random.Random) -> str:
    bank = chance.choice(("30", "60", "40", "56"))
    between = chance.choice((" ", ", account ", " acc "))
    return (
        f"sort code {bank}-{_digits(chance, 2)}-{_digits(chance, 2)}{between}{_digits(chance, 8)}"
    )


def _tax(chance: random.Random) -> str:
    utr, vat, nino = _digits(chance, 10), _digits(chance, 9), _digits(chance, 6)
    return f"UTR {utr}, VAT GB{vat}, NINO QQ{nino}C"


def _parcel(chance: random.Random) -> str:
    groups = " ".join(_digits(chance, 4) for _ in range(4))
    return f"tracking 9400 {groups} {_digits(chance, 2)}"


def _address(chance: random.Random) -> str:
    house, area, account = _digits(chance, 3), _digits(chance, 2), _digits(chance, 5)
    return f"{house} High Street, M{area} 1AA {account}"


OTHERS: dict[str, Callable[[random.Random], str]] = {
    "order": _order,
    "order, lettered": lambda chance: f"ORD-{_digits(chance, 4)}-{_digits(chance, 6)}",
    "booking": lambda chance: f"booking ref {chance.choice('ABCXYZ')}{_digits(chance, 8)}",
    "account": _account,
    "imei": lambda chance: f"{chance.choice(('IMEI ', '', 'handset '))}{_imei(chance)}",
    "iccid": lambda chance: f"SIM 8944{_digits(chance, chance.choice((15, 16)))}",
    "iban": _iban,
    "phone": _phone,
    "moment": _moment,
    "near miss": _near_miss,
    "dates": _dates,
    "table": _table,
    "uuid": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
    "hash": lambda chance: f"{chance.getrandbits(256):064x}",
    "decimals": lambda chance: f"{chance.random() * 180:.14f}, {chance.random():.16f}",
    "long digits": lambda chance: _digits(chance, chance.randint(25, 60)),
    "money": lambda chance: f"£{chance.randint(10**6, 10**13):,}",
    "tax": _tax,
    "parcel": _parcel,
    "address": _address,
    "spoken phone": lambda chance: "oh seven " + " ".join(
        chance.choice(("one", "two", "three", "double four", "five", "six")) for _ in range(7)
    ),
    "prose": _prose,
}  # fmt: skip


def others(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Kind and text, every kind in turn."""
    chance = random.Random(seed)
    names = list(OTHERS)
    for place in range(count):
        name = names[place % len(names)]
        yield name, OTHERS[name](chance)

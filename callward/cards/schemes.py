"""Whose number it may be: issuer ranges, lengths, and whether a check digit is kept.

Sources, as of 2026: ISO/IEC 7812-1 (the first digit and the length), the schemes' own
published ranges (Mastercard rules 2-series 2221-2720; Discover Global Network IPP ranges
with 622126-622925, 644-649, 65; JCB 3528-3589; Mir 2200-2204; Troy 9792; Elo's table of
BINs; UATP 1), Wikipedia's "Payment card number" for the smaller national schemes, and the
ranges processors take (Braintree's credit-card-type, ActiveMerchant) for old and
private-label ones. Ranges overlap; the first that fits names the scheme, so the narrow
ones stand before the wide ones. What matters is that a range is there, not its name.
"""

from dataclasses import dataclass, field

SHORTEST, LONGEST = 12, 19


@dataclass(frozen=True, slots=True)
class Scheme:
    """Issuer ranges of one scheme.

    ``prefixes`` are "4" or "2221-2720" (both ends included, equal length). ``lengths`` are
    the digits a number may have. ``weak`` lengths are so rare, or so like other numbers,
    that a label such as "IMEI" or "ticket" before them is believed. ``unchecked`` lengths
    may lack a Luhn digit: such numbers are only believed beside words about cards.
    """

    name: str
    prefixes: tuple[str, ...]
    lengths: frozenset[int]
    weak: frozenset[int] = field(default=frozenset())
    unchecked: frozenset[int] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Issued:
    """A number's scheme and how far it may be believed."""

    scheme: str
    weak: bool
    unchecked: bool


def _scheme(
    name: str,
    prefixes: str,
    lengths: tuple[int, ...],
    *,
    weak: tuple[int, ...] = (),
    unchecked: tuple[int, ...] = (),
) -> Scheme:
    return Scheme(
        name, tuple(prefixes.split()), frozenset(lengths), frozenset(weak), frozenset(unchecked)
    )


_LONG = (16, 17, 18, 19)

SCHEMES: tuple[Scheme, ...] = (
    _scheme("elo", "401178-401179 438935 431274 451416 457393 457631-457632", (16,)),
    _scheme("visa", "4", (13, 16, 18, 19), weak=(13,)),
    _scheme("mastercard", "51-55 2221-2720", (16,)),
    _scheme("american-express", "34 37", (15,)),
    _scheme("diners-club", "300-305 309 36 38-39", (14, 16, 17, 18, 19)),
    _scheme("lankapay", "357111", (16,)),
    _scheme("jcb", "3528-3589 3088-3094 3096-3102 3112-3120 3158-3159 3337-3349", _LONG),
    _scheme("jcb", "2131 1800", (15,), weak=(15,)),
    _scheme("mir", "2200-2204", _LONG),
    _scheme("borica", "2205", (16,)),
    _scheme("enroute", "2014 2149", (15,), weak=(15,), unchecked=(15,)),
    _scheme("carnet", "286900", (16,)),
    _scheme("gpn", "1946", (16,)),
    _scheme("uatp", "1", (15,), weak=(15,)),
    _scheme("dankort", "5019", (16,)),
    _scheme("maestro-unchecked", "501080-501082", tuple(range(12, 20)), unchecked=(16, 19)),
    _scheme("sodexo", "505864-505865", (16,), unchecked=(16,)),
    _scheme("alia", "504997 505878 505874 601030 601073", (16,), unchecked=(16,)),
    _scheme("confiable", "560718", (16,), unchecked=(16,)),
    _scheme("elo", "504175 506699-506778 509000-509999 627780 636297-636298 636368", (16,)),
    _scheme("elo", "650031-650033 650035-650051 650405-650439 650485-650538", (16,)),
    _scheme("elo", "650541-650598 650700-650727 650901-650978 651652-651704", (16,)),
    _scheme("elo", "655000-655019 655021-655058", (16,)),
    _scheme("verve", "506099-506198 507865-507964 650002-650027", (16, 18, 19)),
    _scheme("hipercard", "606282 384100 384140 384160 637095 637568 637599", (13, 16, 19)),
    _scheme("hipercard", "637609 637612", (16,)),
    _scheme("naranja", "589562", (16,), unchecked=(16,)),
    _scheme("creditel", "601933", (16,), unchecked=(16,)),
    _scheme("anda", "603199", (16,), unchecked=(16,)),
    _scheme("tarjeta-d", "601828", (16,), unchecked=(16,)),
    _scheme("unionpay", "62 81", (14, 15, *_LONG), weak=(14, 15, 17, 18), unchecked=_LONG),
    _scheme("discover", "6011 644-649 65", _LONG),
    _scheme("rupay", "508 60 65 82", (16,)),
    _scheme("interpayment", "636", _LONG),
    _scheme("troy", "9792", (16,)),
    _scheme("mada", "968201-968211", (16,)),
    _scheme("napas", "9704", (16, 19)),
    _scheme("humo", "9860", (16,)),
    _scheme("uzcard", "8600 5614", (16,)),
    _scheme("bp-plus", "7050", (17,), weak=(17,)),
    _scheme("synchrony", "700600", (16,), weak=(16,)),
    _scheme("routex", "700674-700678", (18, 19), weak=(18, 19)),
    _scheme(
        "maestro",
        "50 56-69",
        tuple(range(12, 20)),
        weak=(12, 13, 14, 15, 17),
        unchecked=(19,),
    ),
)


def _by_first_digit() -> dict[str, tuple[tuple[int, str, str, Scheme], ...]]:
    found: dict[str, list[tuple[int, str, str, Scheme]]] = {}
    for scheme in SCHEMES:
        for prefix in scheme.prefixes:
            low, _, high = prefix.partition("-")
            high = high or low
            for first in range(int(low[0]), int(high[0]) + 1):
                found.setdefault(str(first), []).append((len(low), low, high, scheme))
    return {first: tuple(entries) for first, entries in found.items()}


_BY_FIRST = _by_first_digit()


def issued(digits: str) -> Issued | None:
    """The scheme that issues numbers like ``digits`` (ASCII), by range and length alone."""
    length = len(digits)
    for width, low, high, scheme in _BY_FIRST.get(digits[:1], ()):
        if length in scheme.lengths and low <= digits[:width] <= high:
            return Issued(scheme.name, length in scheme.weak, length in scheme.unchecked)
    return None

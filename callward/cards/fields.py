"""What the name of a field says about its value: a code, an expiry date, a card, or not one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_OTHER = re.compile(r"[^a-z0-9]")
_CODE = re.compile(
    r".*(?:cvv|cvc|cvn|ccv|cvd)2?|.*cvv?2|(?:.*card)?csc|.*(?:cvv|cvc|cvn|ccv|csc)(?:code|number|value)"
    r"|.*security(?:code|number|value|digits)|.*verification(?:code|value|number)"
    r"|.*card(?:code|verification)|(?:.*(?:card|cc))?cv(?:number|code|value)"
)
_EXPIRY = re.compile(
    r"(?:.*(?:expiry|expiration|expires|expire|valid(?:thru|through|to|till|until)"
    r"|good(?:thru|through))|(?:.*(?:card|cc|pan))?exp)"
    r"(?:date|month|year|mmyyyy|mmyy|yymm|yyyymm|mm|yyyy|yy|m|y)?"
)
_CARD = frozenset(
    ["card", "cards", "pan", "creditcard", "debitcard", "bankcard", "paymentcard", "ccnum",
     "ccnumber", "ccno", "cardno", "cardnum", "cardnumber", "cardholder", "cardtype",
     "cardbrand", "cardscheme", "cardexpiry", "cardexp", "cardpan", "cardcvv", "cardcvc"]
)  # fmt: skip
_NO_CARD = frozenset(
    ["order", "transaction", "txn", "ref", "reference", "id", "ids", "session", "uuid", "guid",
     "booking", "ticket", "tracking", "phone", "msisdn", "imei", "timestamp", "orderid",
     "transactionid", "sessionid", "callid"]
)  # fmt: skip
_SPEAKER = (
    "from", "speaker", "speakerid", "speakerlabel", "role", "participantrole", "participantid",
    "participant", "author", "sender", "senderid", "user", "userid", "party", "parties",
    "originator", "channel", "channeltag", "who", "direction", "name",
)  # fmt: skip
_NO_TEXT = frozenset(
    ["id", "seq", "sequence", "index", "time", "timestamp", "date", "start", "end", "starttime",
     "endtime", "begin", "offset", "duration", "confidence", "status", "state", "type", "kind",
     "to", "createdat", "updatedat", "at", *(name for name in _SPEAKER if name != "user")]
)  # fmt: skip
_LABELS = ("label", "name", "key", "field", "title", "question", "Label", "Name", "Key", "Field")
_VALUES = frozenset(["value", "answer", "Value", "Answer"])
_LONGEST_NAME: Final = 48
_MOST_DIGITS: Final = 4
_MOST_KNOWN: Final = 4096


@dataclass(frozen=True, slots=True)
class Field:
    """What a name says. ``rank``: how well it names who speaks (0 best, -1 not at all)."""

    code: bool
    expiry: bool
    card: bool
    refuted: bool
    text: bool
    rank: int
    harmless: bool


_known: dict[str, Field] = {}
"""Names met so far: every record of a file has the same ones."""


def field(name: str) -> Field:
    """What ``name`` says; names that could hold card data themselves are not remembered."""
    found = _known.get(name)
    if found is None:
        found = _field(name[:_LONGEST_NAME])
        digits = sum(map(str.isdigit, name))
        if len(name) <= _LONGEST_NAME and digits <= _MOST_DIGITS and len(_known) < _MOST_KNOWN:
            _known[name] = found
    return found


def _field(name: str) -> Field:
    bare = _OTHER.sub("", name.casefold())
    words = {word.casefold() for word in _WORDS.findall(name)}
    card = not words.isdisjoint(_CARD) or {"cc", "number"} <= words or {"cc", "num"} <= words
    code = _CODE.fullmatch(bare) is not None
    return Field(
        code=code,
        expiry=_EXPIRY.fullmatch(bare) is not None,
        card=card or code or bare in _CARD,
        refuted=not card and not words.isdisjoint(_NO_CARD),
        text=bare not in _NO_TEXT,
        rank=_SPEAKER.index(bare) if bare in _SPEAKER else -1,
        harmless=len(name) <= _LONGEST_NAME and not any(map(str.isdigit, name)) and " " not in name,
    )


def label(value: Mapping[str, object]) -> str:
    """What a pair of name and value kept in two fields is named; nothing for others."""
    if _VALUES.isdisjoint(value):
        return ""
    for name in _LABELS:
        told = value.get(name)
        if isinstance(told, str):
            return told
    return ""


def is_value(name: str) -> bool:
    """Whether a field of such a pair holds the value."""
    return name in _VALUES

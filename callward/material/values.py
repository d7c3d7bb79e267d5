"""How a fact's value is written: opaque, short, the same for the same thing. Pure."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from callward.ledger.canonical import Json, canonical

MOST: Final = 120
"""Characters of a value; the ledger takes a few more."""
NONE: Final = "none"
_OPAQUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]*")


def digest(value: Json) -> str:
    """32 hex digits (SHA-256) of a plain JSON value."""
    return hashlib.sha256(canonical(value)).hexdigest()[:32]


def code(text: str) -> str:
    """``text`` itself, with '-' for spaces, if ids and codes are all it holds, else its digest."""
    joined = text.replace(" ", "-")
    return joined if _OPAQUE.fullmatch(joined) and len(joined) <= MOST else digest(text)


def codes(texts: Iterable[str]) -> str:
    """Several codes as one; ``none`` if there are none."""
    return code("+".join(texts)) if (texts := list(texts)) else NONE

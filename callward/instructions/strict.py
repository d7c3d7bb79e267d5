"""How every part of an instruction is validated: strictly, and without repeating the file."""

import re
import unicodedata
from collections.abc import Hashable
from datetime import date
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T", bound=Hashable)

_HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("not one plain line")
    return text


def _no_address(text: str) -> str:
    if "@" in text:
        raise ValueError("an address")
    return text


_NUMBER = re.compile(r"\d(?:[\W_]*\d)*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_MOST_DIGITS = 4
_MOST_BESIDE_A_YEAR = 3
_MOST_YEARS = 2


def _numbers(text: str) -> list[list[str]]:
    """The groups of digits of each number: with anything but letters between, it is one."""
    plain = unicodedata.normalize("NFKC", text)
    return [re.findall(r"\d+", one) for one in _NUMBER.findall(plain)]


def _is_long(groups: list[str]) -> bool:
    return sum(map(len, groups)) > _MOST_DIGITS


def _no_long_number(text: str) -> str:
    if any(map(_is_long, _numbers(text))):
        raise ValueError("a long number")
    return text


def each_once(found: tuple[T, ...]) -> tuple[T, ...]:
    """What is listed, unless something is listed twice: ValueError."""
    if len(set(found)) != len(found):
        raise ValueError("listed twice")
    return found


def endpoint(text: str) -> str:
    """An address without secrets, ``https://…`` or a host's name; ValueError otherwise."""
    host = text
    if text.startswith("https://"):
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port  # ValueError for one that is none
    # A name, a key or a question in an address may be a secret.
    if not _HOST.fullmatch(host) or set(text) & set("@?#"):
        raise ValueError("not an address without secrets")
    return text


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
"""A short name: 1 to 40 of ``a-z``, ``0-9`` and ``-``, no ``-`` in front."""

Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_one_line),
]
"""One line of plain text, 1 to 200 characters, no blanks around it."""

Reference = Annotated[Line, AfterValidator(_no_address)]
"""A reference of somebody's own files, which is no e-mail's."""

Office = Annotated[Line, AfterValidator(_no_address), AfterValidator(_no_long_number)]
"""An office rather than a person (decision 0003): a net with wide meshes."""

Phrase = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60),
    AfterValidator(_one_line),
    AfterValidator(_no_address),
    AfterValidator(_no_long_number),
]
"""A few words on one line that are neither an address nor a telephone number."""

_STANDARD = re.compile(r"\bISO(?:/IEC)? ?[0-9]{4,5}(?::[0-9]{4})?\b")
_DAY = re.compile(r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}\b")
_TICKET = re.compile(r"\b[A-Z]{2,10}[-/]?[0-9]{1,7}\b")


def _without_day(found: re.Match[str]) -> str:
    try:
        date.fromisoformat(found[0])
    except ValueError:
        return found[0]
    return "-"


def _has_year(groups: list[str]) -> bool:
    """Whether a number is a year and few digits more, or one year and another."""
    others = [one for one in groups if not _YEAR.fullmatch(one)]
    years = len(groups) - len(others)
    if years == 1:
        return sum(map(len, others)) <= _MOST_BESIDE_A_YEAR
    return not others and years <= _MOST_YEARS


def _no_telephone(text: str) -> str:
    """Long numbers that people do write are those of standards, days and years."""
    rest = _DAY.sub(_without_day, _STANDARD.sub("-", text))
    if any(_is_long(one) and not _has_year(one) for one in _numbers(rest)):
        raise ValueError("a long number")
    return text


def _no_telephone_but_tickets(text: str) -> str:
    _no_telephone(_TICKET.sub("-", text))
    return text


Filed = Annotated[Reference, AfterValidator(_no_telephone_but_tickets)]
"""A reference without a long number other than that of a standard, a day, a year or a ticket.

A ticket's number is of at most 7 digits and behind a code in capitals, as in ``INC0012345``.
"""


Remark = Annotated[
    str,
    StringConstraints(min_length=1, max_length=400, pattern=r"^[^<>]+$"),
    AfterValidator(_one_line),
    AfterValidator(_no_address),
    AfterValidator(_no_telephone),
]
"""One line of at most 400 characters; long numbers are those of standards, days and years only."""


class Strict(BaseModel):
    """No key that is not known, no value that is nearly right; frozen."""

    # hide_input: pydantic's own messages must not repeat the file's content.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        validate_default=True,
        serialize_by_alias=True,
    )

"""How every part of an instruction is validated: strictly, and without repeating the file."""

import re
from collections.abc import Hashable
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


def _no_long_number(text: str) -> str:
    # Written with blanks or dashes between, a telephone number is still one.
    if re.search(r"\d(?:[ ()./-]?\d){4}", text):
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

_NO_TELEPHONE = re.compile(
    r"\b(?:ISO(?:/IEC)? ?[0-9]{4,5}(?::[0-9]{4})?|20[0-9]{2}-[0-9]{2}-[0-9]{2})\b"
)
"""Long numbers that people do write: standards and days."""


def _no_telephone(text: str) -> str:
    _no_long_number(_NO_TELEPHONE.sub("-", text))
    return text


Remark = Annotated[
    str,
    StringConstraints(min_length=1, max_length=400, pattern=r"^[^<>]+$"),
    AfterValidator(_one_line),
    AfterValidator(_no_address),
    AfterValidator(_no_telephone),
]
"""One line of at most 400 characters; long numbers are those of standards and days only."""


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

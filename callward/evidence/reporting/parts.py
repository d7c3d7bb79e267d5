"""What a report is made of: plain values that both the web page and the PDF show.

All text is data. Nothing here knows how a part looks.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "",
    "strong",
    "faint",
    "code",
    "gap",
    "partly",
    "met",
    "not-applicable",
    "better",
    "worse",
    "new",
    "changed",
]
"""How a span is meant. Verdicts and changes are shown with a sign and their words."""

VERDICTS: Final[tuple[Kind, ...]] = ("gap", "partly", "met", "not-applicable")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text; ``href``: where it leads, relative to the report or ``#key``."""

    text: str
    kind: Kind = ""
    href: str = ""


Line = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """Text from pieces."""
    return tuple(one if isinstance(one, Span) else Span(one) for one in parts)


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    line: Line
    style: Literal["plain", "lead", "note", "draft"] = "plain"
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of things of equal rank."""

    items: tuple[Line, ...]
    type: Literal["bullets"] = "bullets"


@dataclass(frozen=True, slots=True)
class Terms:
    """Names and what they stand for."""

    rows: tuple[tuple[str, Line], ...]
    type: Literal["terms"] = "terms"


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be read, or typed, letter by letter."""

    text: str
    type: Literal["code"] = "code"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; ``numeric`` ones are set to the right; ``share`` of the width."""

    name: str
    numeric: bool = False
    share: int = 0
    """Parts of the width left over; 0: as wide as it needs."""


@dataclass(frozen=True, slots=True)
class Table:
    """The first column names the row; ``total``: the last row sums up the others."""

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Line, ...], ...]
    total: bool = False
    type: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Light:
    """How many clauses came to a verdict, and what it means."""

    verdict: Kind
    word: str
    count: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Lights:
    """The verdicts counted."""

    lights: tuple[Light, ...]
    type: Literal["lights"] = "lights"


@dataclass(frozen=True, slots=True)
class Figure:
    """Figures as a table and, where there is something to draw, as a picture beside it.

    ``svg`` is made of escaped text by ``charts``; ``says`` tells what it shows to those who
    do not see it; ``source``: the file the figures came from. ``number`` is given last.
    """

    key: str
    title: str
    table: Table
    source: Line = ()
    svg: str = ""
    says: str = ""
    beside: bool = False
    """Whether the table is small enough to stand beside the picture."""
    number: int = 0
    type: Literal["figure"] = "figure"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it; ``verdict``: what became of the clause, if it is one."""

    key: str
    title: str
    blocks: tuple["Block", ...]
    verdict: Kind = ""
    word: str = ""
    type: Literal["section"] = "section"


Block = Text | Bullets | Terms | Code | Table | Lights | Figure | Section


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report; ``summary`` is its first page."""

    title: str
    subtitle: str
    draft: bool
    about: Terms
    summary: Section
    sections: tuple[Section, ...]
    instance: str
    crowd: Literal["few", "some", "many"] = "few"
    """How much stands on the first page: a browser cannot fit type to a sheet by itself."""

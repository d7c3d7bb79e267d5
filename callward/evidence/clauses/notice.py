"""Reading the clause map: the published privacy notice, as data.

The instance's own ``notice.yaml`` in its home counts, else the one delivered with Callward.
"""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, field_validator

from callward.errors import OperatorError
from callward.evidence.clauses.model import Clause, Need
from callward.instructions.strict import Line, Name, Office, Strict, each_once
from callward.strictyaml import Form, Said, read_file

FILE: Final = "notice.yaml"
DELIVERED: Final = Path(__file__).parents[1] / FILE


class NoticeError(OperatorError):
    """The clause map does not say what it must."""

    code = "notice"


ClauseId = Annotated[str, Field(pattern=r"^[A-Z][0-9]{1,2}(\.[0-9]{1,2})?$")]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\n\r@<>]+$")]
Lines = Annotated[tuple[Line, ...], Field(strict=False, max_length=20)]


class Evidence(Strict):
    """An evidence item that a clause rests on (``model.Need``)."""

    item: Name
    fresh_days: Annotated[int, Field(ge=0, le=1100)] | None = None
    judge: Name
    options: dict[Name, Line] = Field(default_factory=dict, max_length=10)


class MappedClause(Strict):
    """One duty out of a promise (``model.Clause``)."""

    id: ClauseId
    promise: ClauseId
    title: Line
    duty: Sentence
    legal_basis: Lines
    iso27001: Lines
    ico: Lines
    owner: Office
    evidence: Annotated[tuple[Evidence, ...], Field(strict=False, max_length=20)]

    @property
    def clause(self) -> Clause:
        """The same as a plain value."""
        return Clause(
            id=self.id,
            promise=self.promise,
            title=self.title,
            duty=self.duty,
            legal_basis=self.legal_basis,
            iso27001=self.iso27001,
            ico=self.ico,
            owner=self.owner,
            needs=tuple(
                Need(one.item, one.fresh_days, one.judge, dict(one.options))
                for one in self.evidence
            ),
        )


class Law(Strict):
    """A law the notice rests on, and the day of the text it was written after."""

    id: Name
    title: Line
    as_of: date


class Notice(Strict):
    """The whole map; ``published``: the day of the notice it breaks into clauses."""

    notice: Line
    edition: Line
    published: date
    laws: Annotated[tuple[Law, ...], Field(strict=False, max_length=100)]
    clauses: Annotated[tuple[MappedClause, ...], Field(strict=False, min_length=1, max_length=500)]

    @field_validator("clauses")
    @classmethod
    def _each_once(cls, clauses: tuple[MappedClause, ...]) -> tuple[MappedClause, ...]:
        each_once(tuple(one.id for one in clauses))
        return clauses


_LINE: Final = "one line of at most 200 characters"
_LINES: Final = f"a list of at most 20, each {_LINE}"
_NAME: Final = "1 to 40 characters from a-z, 0-9 and '-', no '-' in front"
_DAY: Final = "a day such as 2026-01-31"
_ID: Final = "a number such as N1 or N1.1, each once"

EXPECTED: Final[dict[str, str]] = {
    "": "keys and values, as in 'notice: Privacy notice'",
    "notice": f"what the notice is called, on {_LINE}",
    "edition": f"which of its editions, in quotes, on {_LINE}",
    "published": _DAY,
    "laws": "a list of laws, each with " + ", ".join(Law.model_fields),
    "laws.*": "the keys " + ", ".join(Law.model_fields),
    "laws.*.id": _NAME,
    "laws.*.title": _LINE,
    "laws.*.as_of": _DAY,
    "clauses": "a list of clauses, each id once",
    "clauses.*": "the keys " + ", ".join(MappedClause.model_fields),
    "clauses.*.id": _ID,
    "clauses.*.promise": _ID,
    "clauses.*.title": _LINE,
    "clauses.*.duty": "a sentence of at most 400 characters, without '@', '<' and '>'",
    "clauses.*.legal_basis": _LINES,
    "clauses.*.iso27001": _LINES,
    "clauses.*.ico": _LINES,
    "clauses.*.owner": "an office rather than a person, without '@' and without long numbers",
    "clauses.*.evidence": "a list of what proves it; empty if nothing does",
    "clauses.*.evidence.*": "the keys " + ", ".join(Evidence.model_fields),
    "clauses.*.evidence.*.item": f"a kind of evidence, {_NAME}",
    "clauses.*.evidence.*.fresh_days": "days from 0 to 1100, or left out",
    "clauses.*.evidence.*.judge": f"the name of a rule, {_NAME}",
    "clauses.*.evidence.*.options": "what the rule is to be told, by name",
    "clauses.*.evidence.*.options.*": _LINE,
}
"""What each key must hold, for error messages."""

FORM: Final = Form(Notice, EXPECTED, NoticeError, "notice", "clause maps")


def read_notice(path: Path) -> Said[Notice]:
    """Read and validate a clause map; NoticeError lists every problem with its line."""
    return read_file(path, FORM)


def notice_of(home: Path) -> Said[Notice]:
    """The map that counts for the instance at ``home``."""
    own = home / FILE
    path = own if own.exists() else DELIVERED
    try:
        return _read(path, path.read_bytes())
    except OSError:
        return read_notice(path)  # which says what is wrong


@lru_cache(maxsize=4)
def _read(path: Path, _content: bytes) -> Said[Notice]:
    """Parsing takes a fifth of a second, and every night asks."""
    return read_notice(path)


def as_json(notice: Notice) -> dict[str, Any]:
    """The map as plain values, for packs."""
    return notice.model_dump(mode="json")

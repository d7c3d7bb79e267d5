"""What the assurance register says of one item: the validated form of its YAML file."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from callward.instructions.periods import Period, due_day
from callward.instructions.strict import Line, Office, Reference, Strict, endpoint
from callward.registers.book import Listed

Kind = Literal[
    "iso-27001",
    "iso-9001",
    "cyber-essentials-plus",
    "penetration-test",
    "ico-registration",
    "dpo",
    "other",
]
Status = Literal["active", "ended"]

TEST_COUNTS: Final = Period(years=1)
"""A penetration test is to be annual (promise N13): its anniversary is its last day."""

_GRANTED: Final = frozenset({"issuer", "issued", "expires"})
NEEDED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "iso-27001": _GRANTED | {"document"},
        "iso-9001": _GRANTED | {"document"},
        "cyber-essentials-plus": _GRANTED | {"document"},
        "ico-registration": _GRANTED | {"document"},
        "other": _GRANTED | {"document"},
        "penetration-test": frozenset({"tester", "performed", "findings", "document"}),
        "dpo": frozenset({"office", "contact", "appointed", "review"}),
    }
)
"""What an item of a kind must say beyond what all say; what it does not need it must not say."""

_SPARED: Final = frozenset({("dpo", "document")})
"""What an item may say or leave out."""


def _page(text: str) -> str:
    if not text.startswith("https://"):
        raise ValueError("not a page")
    return endpoint(text)


Count = Annotated[int, Field(ge=0, le=100_000)]
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Tester(Strict):
    """Who has tested; ``crest``: its number or name in CREST's list of members."""

    name: Line
    crest: Reference | None = None


class OpenFindings(Strict):
    """What a test has found and nobody has put right yet; ``remediated_by`` is the last day."""

    critical: Count
    high: Count
    medium: Count
    low: Count
    remediated_by: date | None = None

    @property
    def grave(self) -> int:
        """How many are critical or high."""
        return self.critical + self.high

    @field_validator("remediated_by")
    @classmethod
    def _said_for_grave_ones(cls, by: date | None, info: ValidationInfo) -> date | None:
        if by is None and any(info.data.get(name) for name in ("critical", "high")):
            raise ValueError("no day by which they are put right")
        return by


class Document(Strict):
    """The paper itself: a file in ``assurance/documents/``, and the SHA-256 (hex) it must have."""

    file: FileName
    sha256: Digest


class Item(Listed):
    """One thing that assures others of us; which of the keys below ``scope`` it has, its kind says.

    Days are London's, and a last day still counts.
    """

    kind: Kind
    status: Status = "active"
    holder: Line
    reference: Reference
    scope: Line
    issuer: Line | None = None
    issued: date | None = None
    expires: date | None = None
    tester: Tester | None = None
    performed: date | None = None
    findings: OpenFindings | None = None
    office: Office | None = None
    contact: Annotated[Line, AfterValidator(_page)] | None = None
    appointed: date | None = None
    review: date | None = None
    document: Document | None = None

    @field_validator(*sorted(frozenset().union(*NEEDED.values())))
    @classmethod
    def _as_its_kind_says(cls, value: object, info: ValidationInfo) -> object:
        kind, name = info.data.get("kind"), str(info.field_name)
        if kind is None or (kind, name) in _SPARED:  # it is the kind that is wrong
            return value
        if (value is None) is (name in NEEDED[kind]):
            raise ValueError("missing, or not this kind's")
        return value

    @field_validator("expires", "review")
    @classmethod
    def _after_it_began(cls, last: date | None, info: ValidationInfo) -> date | None:
        began = info.data.get("issued") or info.data.get("appointed")
        if last is not None and began is not None and last < began:
            raise ValueError("over before it began")
        return last

    @property
    def first_day(self) -> date:
        """The day from which it counts."""
        return self.issued or self.performed or self.appointed or date.max

    @property
    def last_day(self) -> date:
        """The last day on which it counts."""
        if self.performed is not None:
            return due_day(self.performed, TEST_COUNTS)
        return self.expires or self.review or date.min


_ID: Final = "1 to 40 characters from a-z, 0-9 and '-', no '-' in front"
_DAY: Final = "a day such as 2026-01-31"
_LINE: Final = "one line of at most 200 characters"


def _of(key: str) -> str:
    kinds = [kind for kind in get_args(Kind) if key in NEEDED[kind]]
    return f"for {', '.join(kinds)} and no other kind"


EXPECTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "keys and values, as in 'kind: iso-27001'",
        "id": _ID,
        "kind": "one of " + ", ".join(get_args(Kind)),
        "status": "one of " + ", ".join(get_args(Status)),
        "holder": f"the legal entity that holds it, on {_LINE}",
        "reference": f"its number, or our reference, on {_LINE}, without '@'",
        "scope": f"what it covers, on {_LINE}",
        "issuer": f"who has issued it, on {_LINE}, {_of('issuer')}",
        "issued": f"{_DAY}, {_of('issued')}",
        "expires": f"its last day, {_DAY}, not before it was issued, {_of('expires')}",
        "tester": f"the keys {', '.join(Tester.model_fields)}, {_of('tester')}",
        "tester.name": f"the tester's legal name, on {_LINE}",
        "tester.crest": f"its reference as a member of CREST, on {_LINE}, without '@'",
        "performed": f"{_DAY}, {_of('performed')}",
        "findings": f"the keys {', '.join(OpenFindings.model_fields)}, {_of('findings')}",
        "findings.critical": "how many are open, from 0",
        "findings.high": "how many are open, from 0",
        "findings.medium": "how many are open, from 0",
        "findings.low": "how many are open, from 0",
        "findings.remediated_by": f"{_DAY}, which open critical and high findings must have",
        "office": "an office rather than a person, without '@' and without numbers of 5 digits, "
        + _of("office"),
        "contact": "the address of a page, https://… without name, key, '?' or '#', "
        + _of("contact"),
        "appointed": f"{_DAY}, {_of('appointed')}",
        "review": f"the day by which it is to be looked at again, {_DAY}, "
        f"not before the appointment, {_of('review')}",
        "document": f"the keys {', '.join(Document.model_fields)}, {_of('document')} but dpo",
        "document.file": "a file's name of 1 to 80 characters from a-z, 0-9, '.', '_' and '-', "
        "no folder",
        "document.sha256": "its SHA-256, 64 of 0-9 and a-f",
    }
)
"""What each key must hold, for error messages."""

"""What the register says of one sub-processor: the validated form of its YAML file."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from callward.instructions.strict import Line, Office, Reference, Strict, each_once, endpoint
from callward.regions import Country
from callward.registers.book import Listed

UNTIL_TERMINATED: Final = "until terminated"
SafeguardKind = Literal["IDTA", "UK Addendum", "SCCs"]
CertificateKind = Literal[
    "ISO 27001",
    "SOC 2",
    "ISO 27017",
    "ISO 27018",
    "ISO 27701",
    "ISO 42001",
    "ISO 9001",
    "C5",
    "Cyber Essentials",
    "Cyber Essentials Plus",
    "PCI DSS",
]
Risk = Literal["low", "medium", "high"]
Status = Literal["active", "ended"]

Expiry = date | Literal["until terminated"]
Countries = Annotated[
    tuple[Country, ...],
    Field(strict=False, min_length=1, max_length=249),
    AfterValidator(each_once),
]


class Agreement(Strict):
    """The data processing agreement (UK GDPR Art 28(3)-(4)); it counts from ``signed``.

    ``expires`` is its last day, and ``review`` the day by which it is to be read
    again, which one without a last day must have.
    """

    reference: Reference
    signed: date
    expires: Expiry
    review: date | None = None

    @field_validator("review")
    @classmethod
    def _once_at_least(cls, review: date | None, info: ValidationInfo) -> date | None:
        if review is None and info.data.get("expires") == UNTIL_TERMINATED:
            raise ValueError("no day on which anybody looks at it")
        return review


class SafeguardSigned(Strict):
    """What covers transfers to ``countries`` (UK GDPR Art 46): from ``signed`` to ``expires``."""

    kind: SafeguardKind
    reference: Reference
    signed: date
    expires: Expiry
    countries: Countries


class Certificate(Strict):
    """A certificate or report of somebody independent; ``expires`` is its last day.

    A SOC 2 report has none of its own: a year after its period is usual.
    """

    kind: CertificateKind
    issuer: Line
    reference: Reference
    expires: date


class Commitments(Strict):
    """What it has bound itself to in writing; both are said, whatever the answer."""

    no_training: bool
    no_onward_use: bool


class SubProcessor(Listed):
    """Another processor that we engage (UK GDPR Art 28(2) and (4)), and what we know of it.

    What may be left out is what can be missing in fact: it may then not be used.
    ``regions``: the countries in which it processes. Days are London's.
    """

    name: Line
    service: Line
    status: Status
    endpoints: Annotated[
        tuple[Annotated[Line, AfterValidator(endpoint)], ...],
        Field(strict=False, max_length=20),
        AfterValidator(each_once),
    ] = ()
    regions: Countries
    agreement: Agreement | None = None
    safeguards: Annotated[tuple[SafeguardSigned, ...], Field(strict=False, max_length=50)] = ()
    certificates: Annotated[tuple[Certificate, ...], Field(strict=False, max_length=50)] = ()
    commitments: Commitments
    risk: Risk
    due_diligence: date | None = None
    next_review: date | None = None
    approved_by: Office | None = None


_ID: Final = "1 to 40 characters from a-z, 0-9 and '-', no '-' in front"
_DAY: Final = "a day such as 2026-01-31"
_LAST_DAY: Final = f"{_DAY}, or '{UNTIL_TERMINATED}'"
_LINE: Final = "one line of at most 200 characters"
_COUNTRIES: Final = (
    "a list of countries, each once and by its two capital letters (ISO 3166-1): "
    'GB rather than UK, and "NO" in quotes'
)

EXPECTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "keys and values, as in 'name: Northwind Speech Ltd'",
        "id": _ID,
        "name": f"the organisation's legal name, on {_LINE}",
        "service": f"what it does for us, on {_LINE}",
        "status": "one of " + ", ".join(get_args(Status)),
        "endpoints": "a list of at most 20 addresses, each once: https://… without name, key, "
        "'?' or '#', or a host's name in small letters",
        "regions": _COUNTRIES,
        "agreement": "the keys " + ", ".join(Agreement.model_fields),
        "agreement.reference": f"our reference, on {_LINE}, without '@'",
        "agreement.signed": _DAY,
        "agreement.expires": _LAST_DAY,
        "agreement.review": f"{_DAY}, which an agreement '{UNTIL_TERMINATED}' must have",
        "safeguards": "a list, each with " + ", ".join(SafeguardSigned.model_fields),
        "safeguards.*": "the keys " + ", ".join(SafeguardSigned.model_fields),
        "safeguards.*.kind": "one of " + ", ".join(get_args(SafeguardKind)),
        "safeguards.*.reference": f"our reference, on {_LINE}, without '@'",
        "safeguards.*.signed": _DAY,
        "safeguards.*.expires": _LAST_DAY,
        "safeguards.*.countries": _COUNTRIES,
        "certificates": "a list, each with " + ", ".join(Certificate.model_fields),
        "certificates.*": "the keys " + ", ".join(Certificate.model_fields),
        "certificates.*.kind": "one of " + ", ".join(get_args(CertificateKind)),
        "certificates.*.issuer": f"who issued it, on {_LINE}",
        "certificates.*.reference": f"its number, on {_LINE}, without '@'",
        "certificates.*.expires": _DAY,
        "commitments": "the keys " + ", ".join(Commitments.model_fields),
        "commitments.no_training": "true or false",
        "commitments.no_onward_use": "true or false",
        "risk": "one of " + ", ".join(get_args(Risk)),
        "due_diligence": f"the day on which it was looked into, {_DAY}",
        "next_review": f"the day by which it is to be looked into again, {_DAY}",
        "approved_by": "an office rather than a person, without '@' and without numbers of "
        "5 digits",
    }
)
"""What each key must hold, for error messages; ``*`` is a place in a list."""

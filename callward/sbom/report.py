"""What is kept of a report of vulnerable packages that another program has made.

Its file is not trusted: read up to a bound, as strict JSON, and reduced to what matches
one of the patterns below. Nothing else of it is stored, and none of it repeated.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, NoReturn

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callward.errors import OperatorError
from callward.instructions.strict import Strict

MOST_BYTES: Final = 8 * 1024**2
MOST_DEPTH: Final = 24
MOST: Final = 20_000
"""Packages, vulnerabilities or results in a report, at most."""

_ID: Final = (
    r"CVE-[0-9]{4}-[0-9]{4,12}"
    r"|GHSA(?:-[0-9a-z]{4}){3}"
    r"|PYSEC-[0-9]{4}-[0-9]{1,9}"
    r"|MAL-[0-9]{4}-[0-9]{1,9}"
    r"|OSV-[0-9]{4}-[0-9]{1,9}"
)
_IN_TEXT: Final = re.compile(rf"(?<![A-Za-z0-9-])(?:{_ID})(?![0-9a-z])")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}")
_KEY: Final = r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?"


class ReportError(OperatorError):
    """A report of vulnerabilities cannot be read as one, or does not say what it must."""

    code = "vulnerability-report"


class Severity(StrEnum):
    """How grave a vulnerability is said to be, the gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNTOLD = "not told"


Key = Annotated[str, Field(pattern=f"^{_KEY}$")]
Version = Annotated[str, Field(pattern=f"^{_VERSION.pattern}$")]
Format = Literal["pip-audit", "sarif"]


class Vulnerability(Strict):
    """One that is known of a package in a version; ``fixed``: versions without it."""

    id: Annotated[str, Field(pattern=f"^(?:{_ID})$")]
    package: Key
    version: Version
    fixed: tuple[Version, ...] = ()
    severity: Severity = Severity.UNTOLD


class Report(Strict):
    """A report, reduced.

    ``packages``: what was looked at, by name, with versions; None if it does not say.
    ``skipped``: what the program says it could not look at. ``elsewhere``: how many of
    its findings are of packages that are not Python's.
    """

    format: Format
    tool: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}$")]
    tool_version: Version | None = None
    made_at: datetime | None = None
    packages: Mapping[Key, Version] | None = None
    skipped: tuple[Key, ...] = ()
    vulnerabilities: tuple[Vulnerability, ...] = ()
    elsewhere: int = 0


class Theirs(BaseModel):
    """What is read of a foreign document; what else is in it is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, hide_input_in_errors=True)


def strict_json(content: bytes) -> Any:
    """Read JSON without doubled names, ``NaN`` and deep nests; ReportError says what it is not."""
    if len(content) > MOST_BYTES:
        raise ReportError(f"the report has more than {MOST_BYTES // 1024**2} MiB")
    try:
        value = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_each_once, parse_constant=_no_number
        )
    except (ValueError, RecursionError):
        raise ReportError("the report is not strict JSON in UTF-8") from None
    if _deeper(value, MOST_DEPTH):
        raise ReportError(f"the report is nested deeper than {MOST_DEPTH}")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a number")


def _deeper(value: Any, most: int) -> bool:
    """Whether lists and objects stand in each other more than ``most`` times."""
    level = [value]
    for _ in range(most + 1):
        level = [
            one
            for outer in level
            if isinstance(outer, dict | list)
            for one in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def misfit(error: ValidationError) -> ReportError:
    """Where a document is not as expected, by our own names of its parts."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return ReportError(f"the report is not as expected, first at {place or 'its top'}")


def key_of(name: str, place: str) -> str:
    """A package's name in the one form in which names are compared."""
    key = canonicalize_name(name) if len(name) <= 100 and name.isascii() else ""  # noqa: PLR2004 - as _KEY
    if not re.fullmatch(_KEY, key):
        raise ReportError(f"{place}: expected a package's name")
    return key


def version_of(text: str | None, place: str) -> str:
    """A version as it is written."""
    if text is None or not _VERSION.fullmatch(text):
        raise ReportError(f"{place}: expected a version")
    return text


def id_in(*texts: str) -> str | None:
    """The first id of a vulnerability that one of the texts holds."""
    found = (_IN_TEXT.search(text[:200]) for text in texts)
    return next((one[0] for one in found if one), None)

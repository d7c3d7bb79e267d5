"""Reports of pip-audit (``pip-audit -f json``): every package it looked at, and what it knows.

They say neither when they were made nor how grave a vulnerability is.
"""

from typing import Annotated, Any

from pydantic import Field, ValidationError

from callward.sbom.report import (
    MOST,
    Report,
    ReportError,
    Theirs,
    Vulnerability,
    id_in,
    key_of,
    misfit,
    version_of,
)

Texts = Annotated[list[str], Field(max_length=1000)]


class _Vulnerability(Theirs):
    id: str
    fix_versions: Texts = Field(default_factory=list)
    aliases: Texts = Field(default_factory=list)


class _Dependency(Theirs):
    name: str
    version: str | None = None
    vulns: Annotated[list[_Vulnerability], Field(max_length=1000)] = Field(default_factory=list)
    skip_reason: str | None = None


class _Document(Theirs):
    dependencies: Annotated[list[_Dependency], Field(max_length=MOST)]


def read_pip_audit(value: Any) -> Report:
    """Reduce a report; ReportError says where it is not one."""
    try:
        document = _Document.model_validate(value)
    except ValidationError as error:
        raise misfit(error) from None
    packages: dict[str, str] = {}
    skipped: list[str] = []
    known: list[Vulnerability] = []
    for at, one in enumerate(document.dependencies):
        place = f"dependencies.{at}"
        key = key_of(one.name, place)
        if one.skip_reason is not None:
            skipped.append(key)
            continue
        packages[key] = version_of(one.version, place)
        known += [
            _vulnerability(found, key, packages[key], f"{place}.vulns.{number}")
            for number, found in enumerate(one.vulns)
        ]
    return Report(
        format="pip-audit",
        tool="pip-audit",
        packages=dict(sorted(packages.items())),
        skipped=tuple(sorted(set(skipped))),
        vulnerabilities=tuple(known),
    )


def _vulnerability(found: _Vulnerability, key: str, version: str, place: str) -> Vulnerability:
    name = id_in(found.id, *found.aliases)
    if name is None:
        raise ReportError(f"{place}: expected an id of CVE, GHSA or PYSEC")
    fixed = tuple(version_of(text, place) for text in found.fix_versions)
    return Vulnerability(id=name, package=key, version=version, fixed=fixed)

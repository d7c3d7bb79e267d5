"""What is installed, as Python's own metadata tells it: names, versions, licences, needs.

Neither paths nor user names are read: of a package's RECORD only its digest is kept.
"""

import hashlib
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, MetadataPathFinder
from typing import Any, Final

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from callward.errors import OperatorError
from callward.sbom.licences import Licence, declared, first

_NO_EXTRA: Final = ""


class EnvironmentUnclearError(OperatorError):
    """An installed package does not say what it is, so that no list of them would be whole."""

    code = "environment-unclear"


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package. ``key``: its name in the one form in which names are compared.

    ``record``: SHA-256 (hex) of its RECORD, which lists the digest of every file of it.
    ``needs``: Requires-Dist as it stands.
    """

    key: str
    name: str
    version: str
    licences: tuple[Licence, ...] = ()
    record: str | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """Every package by its key, sorted, and the Python that runs them.

    ``markers``: what requirements may ask about the machine (PEP 508); none of it is told.
    """

    packages: Mapping[str, Package]
    python: str
    implementation: str
    markers: Mapping[str, str]


def environment(path: Sequence[str] | None = None) -> Environment:
    """What is installed on ``path`` (default: where this program finds its modules).

    Of two packages of a name the first on the path is the one that is imported.
    """
    found: dict[str, Package] = {}
    for folder in sys.path if path is None else path:
        for one in _packages(folder):
            found.setdefault(one.key, one)
    markers = {name: str(value) for name, value in default_environment().items()}
    return Environment(
        dict(sorted(found.items())),
        platform.python_version(),
        platform.python_implementation(),
        markers,
    )


def _packages(folder: str) -> list[Package]:
    """Those of one folder, in an order that does not depend on the disk's.

    Each is asked for by its name once more: what an installer has renamed and left behind
    is not found by it.
    """
    names = {_package(one).name for one in _found(path=[folder])}
    read = [_package(one) for name in names for one in _found(name=name, path=[folder])]
    return sorted(read, key=lambda one: (one.key, one.version, one.record or ""))


def _found(**sought: Any) -> Iterable[Distribution]:
    return MetadataPathFinder.find_distributions(MetadataPathFinder.Context(**sought))


def _package(found: Distribution) -> Package:
    name, version = (first(found.metadata, field) for field in ("Name", "Version"))
    if not name or not version:
        raise EnvironmentUnclearError("an installed package has no name or no version")
    record = found.read_text("RECORD")
    return Package(
        key=canonicalize_name(name),
        name=name,
        version=version,
        licences=declared(found.metadata),
        record=None if record is None else hashlib.sha256(record.encode()).hexdigest(),
        needs=tuple(sorted(found.requires or ())),
    )


def needed(found: Environment) -> tuple[Mapping[str, frozenset[str]], int]:
    """Which installed packages each needs here, by key; and how many needs cannot be read.

    An extra counts once another package asks for it. What is needed and not installed
    is left out.
    """
    read, unread = _read_needs(found)
    asked: dict[str, set[str]] = {key: {_NO_EXTRA} for key in found.packages}
    edges: dict[str, set[str]] = {key: set() for key in found.packages}
    waiting = [(key, _NO_EXTRA) for key in found.packages]
    while waiting:
        key, extra = waiting.pop()
        for need in _applying(read[key], extra, found.markers):
            other = canonicalize_name(need.name)
            if other not in found.packages:
                continue
            if other != key:  # a package's extra may be made of its others
                edges[key].add(other)
            new = {canonicalize_name(one) for one in need.extras} - asked[other]
            asked[other] |= new
            waiting.extend((other, one) for one in new)
    return {key: frozenset(others) for key, others in edges.items()}, unread


def _read_needs(found: Environment) -> tuple[dict[str, list[Requirement]], int]:
    read: dict[str, list[Requirement]] = {key: [] for key in found.packages}
    unread = 0
    for key, package in found.packages.items():
        for text in package.needs:
            try:
                read[key].append(Requirement(text))
            except InvalidRequirement:
                unread += 1
    return read, unread


def _applying(
    needs: Sequence[Requirement], extra: str, markers: Mapping[str, str]
) -> Iterator[Requirement]:
    """Those that hold on this machine under an extra."""
    for need in needs:
        if need.marker is None or need.marker.evaluate({**markers, "extra": extra}):
            yield need

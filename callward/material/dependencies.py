"""Facts of the software in use: the major version of whatever Callward depends on directly."""

from collections.abc import Mapping, Sequence
from importlib import metadata
from platform import python_version
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from callward import __version__
from callward.material.model import About, Kind
from callward.material.values import code

_US: Final = "callward"
_PYTHON: Final = "python"


def direct(needs: Sequence[str]) -> list[str]:
    """The names of those that a plain installation brings here, of Requires-Dist as it stands."""
    read = [Requirement(text) for text in needs]
    here = [one for one in read if one.marker is None or one.marker.evaluate({"extra": ""})]
    return sorted({canonicalize_name(one.name) for one in here})


def of_software() -> dict[About, str]:
    """Of what is installed: majors of direct dependencies, Python's and our own minor version."""
    versions = {name: _part(version, 1) for name, version in _installed().items()}
    versions[_PYTHON] = _part(python_version(), 2)
    versions[_US] = _part(__version__, 2)
    return {About(Kind.DEPENDENCY, name): version for name, version in versions.items()}


def _installed() -> Mapping[str, str]:
    try:
        needs = metadata.requires(_US) or []
    except metadata.PackageNotFoundError:  # run out of a folder, without having been installed
        return {}
    found: dict[str, str] = {}
    for name in direct(needs):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _part(version: str, parts: int) -> str:
    return code(".".join(version.split(".")[:parts]))

"""The software bill of materials: CycloneDX 1.6 JSON (ECMA-424) of an environment.

The same environment at the same moment gives the same bytes. It holds no paths, no
user names and nothing of the machine but the version of its Python.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from callward import __version__
from callward.sbom.environment import Environment, Package, needed

SPEC_VERSION: Final = "1.6"
_OURS: Final = "callward"
_HASHED: Final = {"name": "callward:hash-of", "value": "dist-info/RECORD"}
_UNREAD: Final = "callward:requirements-not-read"


def bill(found: Environment, at: datetime) -> bytes:
    """The bill of an environment at a moment (aware), in UTF-8."""
    whole = _content(found, at)
    digest = hashlib.sha256(_encoded(whole)).digest()
    return _encoded({**whole, "serialNumber": f"urn:uuid:{_uuid(digest)}"})


def purl(package: Package) -> str:
    """A package's URL (purl-spec, type pypi)."""
    name = package.name.lower().replace("_", "-")
    return f"pkg:pypi/{quote(name, safe='')}@{quote(package.version, safe='')}"


def _content(found: Environment, at: datetime) -> dict[str, Any]:
    edges, unread = needed(found)
    ours = found.packages.get(_OURS, Package(_OURS, _OURS, __version__))
    others = [one for key, one in found.packages.items() if key != _OURS]
    metadata = {
        "timestamp": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "lifecycles": [{"phase": "operations"}],
        "tools": {"components": [{"type": "application", "name": _OURS, "version": __version__}]},
        "component": _component(ours, "application"),
    }
    if unread:
        metadata["properties"] = [{"name": _UNREAD, "value": str(unread)}]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": metadata,
        "components": [_python(found), *(_component(one, "library") for one in others)],
        "dependencies": list(_dependencies(found, ours, edges)),
    }


def _dependencies(
    found: Environment, ours: Package, edges: Mapping[str, frozenset[str]]
) -> Iterator[dict[str, Any]]:
    """What each needs, by reference; Python is needed by Callward, and so by all."""
    python = _python(found)["bom-ref"]
    yield {"ref": python, "dependsOn": []}
    for package in {**found.packages, _OURS: ours}.values():
        refs = {purl(found.packages[one]) for one in edges.get(package.key, ())}
        if package.key == _OURS:
            refs.add(python)
        yield {"ref": purl(package), "dependsOn": sorted(refs)}


def _component(package: Package, kind: str) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": kind,
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
    }
    if package.licences:
        component["licenses"] = [
            {"expression": one.name, "acknowledgement": "declared"}
            if one.spdx
            else {"license": {"name": one.name, "acknowledgement": "declared"}}
            for one in package.licences
        ]
    if package.record is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": package.record}]
        component["properties"] = [_HASHED]
    return component


def _python(found: Environment) -> dict[str, Any]:
    name, version = found.implementation, found.python
    url = f"pkg:generic/{quote(name.lower(), safe='')}@{quote(version, safe='')}"
    return {"type": "platform", "bom-ref": url, "name": name, "version": version, "purl": url}


def _uuid(digest: bytes) -> UUID:
    """A UUID of version 8 (RFC 9562 §5.8) made of a digest."""
    number = int.from_bytes(digest[:16])
    number = number & ~(0xF << 76) | 8 << 76
    return UUID(int=number & ~(0x3 << 62) | 2 << 62)


def _encoded(whole: Mapping[str, Any]) -> bytes:
    text = json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True)
    return f"{text}\n".encode()

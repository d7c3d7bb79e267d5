"""A pack's description as an RO-Crate (1.1, https://w3id.org/ro/crate/1.1), JSON-LD.

In a bag the crate's root is the payload folder: ids are relative to ``data/``. Sizes,
forms and who made it are in the terms of the published context (schema.org's); ``sha512``
is not among them, and is that of https://w3id.org/ro/terms/workflow-run.
"""

import base64
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from callward.errors import DefectError
from callward.evidence.gathering import encoded, moment
from callward.evidence.model import PackContents, PackKind, Period, Previous

NAME: Final = "ro-crate-metadata.json"
ROOT: Final = "data/"
SPECIFICATION: Final = "https://w3id.org/ro/crate/1.1"
CONTEXT: Final = (
    f"{SPECIFICATION}/context",
    {"sha512": "https://w3id.org/ro/terms/workflow-run#sha512"},
)

_SELF: Final = "./"
_MAKING: Final = "#making"
_SOFTWARE: Final = "#callward"
_MAKER: Final = "#instance"
_CONDITIONS: Final = "#conditions-of-access"
_PERSONAL: Final = "It holds ids, codes, counts, days and digests, and no personal data."
_MAY_READ: Final = (
    "Confidential: for the instance's board and auditors, and for whom they show it to."
)

_KINDS: Final[Mapping[PackKind, str]] = {
    "nightly": "Evidence of a night",
    "monthly": "Evidence of a month",
    "draft": "Evidence for the annual review, draft",
    "annual": "Evidence of the annual review",
}
_FORMS: Final[Mapping[str, str]] = {
    "": "text/plain",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".pem": "application/x-pem-file",
    ".png": "image/png",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".tsr": "application/timestamp-reply",
    ".txt": "text/plain",
}
_UNKNOWN: Final = "application/octet-stream"
_NAMES: Final[Mapping[str, str]] = {
    "certificates/index.csv": "Certificates of destruction: where each lies",
    "clauses.json": "The notice clause by clause, and what became of each",
    "counts.csv": "What each stage counted, night by night",
    "disclosures.json": "Recordings that went to sub-processors",
    "flow-runs-compared.json": "What does not fit between flow runs, ledger and nights",
    "flow-runs.json": "Flow runs",
    "gates.json": "Results of the gates",
    "instructions.json": "Controllers' instructions, version by version",
    "items.json": "Evidence items",
    "ledger/anchors.json": "Where the ledger has each certificate",
    "ledger/certified.jsonl": "The ledger's leaves that enter certificates, with their items",
    "ledger/checkpoint": "The ledger's signed checkpoint",
    "ledger/checkpoint.tsr": "Time stamp of the checkpoint",
    "ledger/flow-runs.json": "Items of the leaves that enter flow runs",
    "ledger/flow-runs.jsonl": "The ledger's leaves that enter flow runs, with their items",
    "ledger/leaves.jsonl": "The ledger's leaves of the period",
    "ledger/slice.json": "Where the leaves belong in the ledger",
    "report.html": "Report",
    "report.pdf": "Report, for printing",
    "review.json": "What the annual review has decided",
}

Described = tuple[str, int, str]
"""A payload file: its path in the bag (``data/…``), bytes, SHA-512 in hex."""


def ro_crate(contents: PackContents, files: Iterable[Described]) -> bytes:
    """The metadata document for ``data/ro-crate-metadata.json``; the same gives the same bytes.

    ``files``: every other payload file. DefectError for one outside ``data/``, or twice.
    """
    parts = [_file(contents, one) for one in sorted(files) if one[0] != ROOT + NAME]
    if len({one["@id"] for one in parts}) != len(parts):
        raise DefectError("a pack's files are described more than once")
    before = contents.previous
    graph = [
        _descriptor(),
        _root(contents, parts),
        _conditions(),
        _maker(contents),
        _software(contents),
        _making(contents),
        *([_previous(before)] if before else []),
        *parts,
    ]
    return encoded({"@context": list(CONTEXT), "@graph": graph})


def _descriptor() -> dict[str, Any]:
    return {
        "@id": NAME,
        "@type": "CreativeWork",
        "about": _link(_SELF),
        "conformsTo": _link(SPECIFICATION),
    }


def _root(contents: PackContents, parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    kind, period = _KINDS[contents.kind], contents.period
    name = f"{kind}, {period.from_day} to {period.to_day}"
    root = {
        "@id": _SELF,
        "@type": "Dataset",
        "name": name,
        "description": f"How the privacy notice was kept: what proves each clause, with the ledger "
        f"of the period and the certificates of destruction. {_PERSONAL}",
        "datePublished": moment(contents.made_at),
        "temporalCoverage": _coverage(period),
        "license": _link(_CONDITIONS),
        "conditionsOfAccess": _MAY_READ,
        "author": _link(_MAKER),
        "publisher": _link(_MAKER),
        "mentions": _link(_MAKING),
        "hasPart": [_link(one["@id"]) for one in parts],
    }
    if contents.previous:
        root["isBasedOn"] = _link(_address(contents.previous))
    return root


def _conditions() -> dict[str, Any]:
    return {
        "@id": _CONDITIONS,
        "@type": "CreativeWork",
        "name": "Conditions of access",
        "description": _MAY_READ,
    }


def _maker(contents: PackContents) -> dict[str, Any]:
    return {
        "@id": _MAKER,
        "@type": "Organization",
        "name": f"The organisation that runs instance {contents.instance}",
        "identifier": contents.instance,
    }


def _software(contents: PackContents) -> dict[str, Any]:
    return {
        "@id": _SOFTWARE,
        "@type": "SoftwareApplication",
        "name": "Callward",
        "softwareVersion": contents.callward_version,
    }


def _making(contents: PackContents) -> dict[str, Any]:
    return {
        "@id": _MAKING,
        "@type": "CreateAction",
        "name": "Making of the pack",
        "agent": _link(_MAKER),
        "instrument": _link(_SOFTWARE),
        "result": _link(_SELF),
        "endTime": moment(contents.made_at),
    }


def _previous(before: Previous) -> dict[str, Any]:
    return {
        "@id": _address(before),
        "@type": "CreativeWork",
        "name": f"The pack before, {before.period.from_day} to {before.period.to_day}",
        "description": f"The file {before.name}; its SHA-256 is {before.id}.",
        "identifier": before.id,
        "temporalCoverage": _coverage(before.period),
    }


def _address(before: Previous) -> str:
    """A file by its digest (RFC 6920), wherever it may lie."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(before.id)).decode().rstrip("=")
    return f"ni:///sha-256;{digest}"


def _file(contents: PackContents, described: Described) -> dict[str, Any]:
    path, size, sha512 = described
    if not path.startswith(ROOT):
        raise DefectError("a file outside the payload is no part of a crate")
    inside = path.removeprefix(ROOT)
    return {
        "@id": quote(inside),
        "@type": "File",
        "name": _called(contents, path, inside),
        "encodingFormat": _FORMS.get(PurePosixPath(inside).suffix, _UNKNOWN),
        "contentSize": str(size),
        "sha512": sha512,
    }


def _called(contents: PackContents, path: str, inside: str) -> str:
    kinds = {item.file: kind for kind, item in contents.proof.items.items()}
    if path in kinds:
        return f"Evidence: {kinds[path]}"
    if inside in _NAMES:
        return _NAMES[inside]
    if inside.startswith("certificates/"):
        return f"Certificates of destruction, {PurePosixPath(inside).stem}"
    return inside


def _coverage(period: Period) -> str:
    return f"{period.from_day.isoformat()}/{period.to_day.isoformat()}"


def _link(to: str) -> dict[str, str]:
    return {"@id": to}

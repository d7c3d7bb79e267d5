"""The pack's RO-Crate: everything described once, every id resolved, nothing beside it."""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zipfile import ZipFile

import pytest

from callward.errors import DefectError
from callward.evidence.clauses.model import Item, Period
from callward.evidence.conform.rocrate import CONTEXT, NAME, Described, ro_crate
from callward.evidence.model import PackContents, Previous, Proof
from tests.evidence.packs import Maker, make_contents, make_signer

BEFORE = Previous(
    "ab" * 32, "before.zip", Period(date(2026, 2, 1), date(2026, 2, 28)), 40, {"N1.1": "met"}
)


def payload(maker: Maker) -> list[Described]:
    """The payload files of a real pack, but for the description."""
    with ZipFile(maker.build()) as archive:
        inside = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    return [
        (name, len(content), hashlib.sha512(content).hexdigest())
        for name, content in inside.items()
        if name.startswith("data/") and name != f"data/{NAME}"
    ]


def graph(contents: PackContents, files: list[Described]) -> dict[str, dict[str, Any]]:
    """The crate's entities by id; each is there once."""
    crate = json.loads(ro_crate(contents, files))
    assert crate.keys() == {"@context", "@graph"}
    assert crate["@context"] == list(CONTEXT)
    assert CONTEXT[0] == "https://w3id.org/ro/crate/1.1/context"
    found = {one["@id"]: one for one in crate["@graph"]}
    assert len(found) == len(crate["@graph"])
    return found


def links(entity: Mapping[str, Any]) -> Iterator[str]:
    """The ids an entity refers to."""
    for value in entity.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                assert one.keys() == {"@id"}
                yield one["@id"]


def reached(found: Mapping[str, Mapping[str, Any]], start: str) -> set[str]:
    """Every entity that can be come to from one."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        one = todo.pop()
        if one in found and one not in seen:
            seen.add(one)
            todo.extend(links(found[one]))
    return seen


def test_descriptor_and_root(maker: Maker) -> None:
    """As the specification has them: about the payload folder, which says what it must."""
    found = graph(maker.contents, payload(maker))
    assert found[NAME] == {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    root = found["./"]
    assert root["@type"] == "Dataset"
    assert root["name"] == "Evidence of a night, 2026-03-01 to 2026-03-02"
    assert root["datePublished"] == "2026-03-02T01:09:00Z"
    assert {"description", "license", "author", "publisher"} <= root.keys()


def test_every_file_is_described_once(maker: Maker) -> None:
    """With its form, size and digest, and as a part of the root; nothing else is a part."""
    files = payload(maker)
    found = graph(maker.contents, files)
    described = {
        f"data/{one['@id']}": (int(one["contentSize"]), one["sha512"])
        for one in found.values()
        if one["@type"] == "File"
    }
    assert described == {path: (size, digest) for path, size, digest in files}
    assert len(described) > 10
    parts = [one["@id"] for one in found["./"]["hasPart"]]
    assert sorted(f"data/{one}" for one in parts) == sorted(described)
    assert found["report.html"]["encodingFormat"] == "text/html"
    forms = {one.get("encodingFormat") for one in found.values()}
    assert "application/octet-stream" not in forms


@pytest.mark.parametrize("previous", [None, BEFORE])
def test_every_id_resolves_and_nothing_is_beside_it(
    maker: Maker, previous: Previous | None
) -> None:
    """From the descriptor everything is reached; what is named is there, or on the web."""
    found = graph(replace(maker.contents, previous=previous), payload(maker))
    assert reached(found, NAME) == found.keys()
    named = {one for entity in found.values() for one in links(entity)}
    assert named - found.keys() == {"https://w3id.org/ro/crate/1.1"}


def test_the_pack_before(maker: Maker) -> None:
    """Is what this one is based on, by its digest (RFC 6920)."""
    contents = replace(maker.contents, kind="annual", previous=BEFORE)
    found = graph(contents, payload(maker))
    address = "ni:///sha-256;" + "q6ur" * 10 + "q6s"
    assert found["./"]["isBasedOn"] == {"@id": address}
    assert found[address]["identifier"] == BEFORE.id
    assert found["./"]["name"].startswith("Evidence of the annual review, ")


def test_who_and_what_made_it(maker: Maker) -> None:
    """The instance with Callward; no person is named."""
    found = graph(maker.contents, payload(maker))
    making = found["#making"]
    assert making["@type"] == "CreateAction"
    assert found[making["instrument"]["@id"]]["softwareVersion"] == "0.1.0"
    assert found[making["agent"]["@id"]]["identifier"] == maker.contents.instance
    assert all(one["@type"] != "Person" for one in found.values())


def test_evidence_is_called_what_it_is() -> None:
    """By its kind; and a name that is no address is made one."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    path = "data/evidence/assurance.json"
    period = Period(date(2026, 3, 1), date(2026, 3, 2))
    item = Item("i", "assurance", period, at, "register", None, path, "00", {})
    contents = replace(make_contents(make_signer()), proof=Proof(items={"assurance": item}))
    found = graph(contents, [(path, 2, "ab"), ("data/a b%.svg", 1, "cd")])
    assert found["evidence/assurance.json"]["name"] == "Evidence: assurance"
    assert found["a%20b%25.svg"]["encodingFormat"] == "image/svg+xml"


def test_the_same_gives_the_same_bytes(maker: Maker) -> None:
    """In whatever order the files come; its own description is not described."""
    files = payload(maker)
    once = ro_crate(maker.contents, files)
    random.Random(1).shuffle(files)
    assert ro_crate(maker.contents, iter([*files, (f"data/{NAME}", 1, "00")])) == once


@pytest.mark.parametrize(
    "files", [[("bagit.txt", 1, "00")], [("data/a.json", 1, "00"), ("data/a.json", 2, "01")]]
)
def test_what_cannot_be_described(maker: Maker, files: list[Described]) -> None:
    """A file outside the payload; one told twice."""
    with pytest.raises(DefectError):
        ro_crate(maker.contents, files)

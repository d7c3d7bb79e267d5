"""The bill of materials: what CycloneDX 1.6 asks of it, and what it must not hold."""

import getpass
import json
import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from callward.sbom.document import bill, purl
from callward.sbom.environment import Environment, Package, environment
from callward.sbom.licences import Licence
from tests.commands import callward
from tests.sbom.installed import made_of, package

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SMALL = made_of(
    Package("callward", "callward", "0.1.0", needs=("some-lib>=2", "absent")),
    Package(
        "some-lib",
        "Some_Lib",
        "2.0+local",
        (Licence("MIT OR Apache-2.0", spdx=True),),
        "ab" * 32,
        ("zed",),
    ),
    Package("zed", "zed", "1!3", (Licence("A", spdx=False), Licence("B", spdx=False))),
)


@pytest.fixture(scope="module")
def here() -> Environment:
    """This very environment."""
    return environment()


def made(found: Environment, at: datetime = AT) -> dict[str, Any]:
    """Its bill, read."""
    whole: dict[str, Any] = json.loads(bill(found, at))
    return whole


def strings(value: Any) -> Iterator[str]:
    """Every text in it, names of members too."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


def check(whole: dict[str, Any]) -> None:
    """What the specification's schema says of the members that are used."""
    assert set(whole) == {
        *("bomFormat", "specVersion", "serialNumber", "version"),
        *("metadata", "components", "dependencies"),
    }
    assert (whole["bomFormat"], whole["specVersion"], whole["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(
        r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        whole["serialNumber"],
    )
    metadata = whole["metadata"]
    assert set(metadata) <= {*("timestamp", "lifecycles", "tools", "component", "properties")}
    assert datetime.fromisoformat(metadata["timestamp"]).tzinfo is not None
    assert metadata["lifecycles"] == [{"phase": "operations"}]
    components = [metadata["component"], *whole["components"]]
    for one in components:
        check_component(one)
    refs = [one["bom-ref"] for one in components]
    assert len(refs) == len(set(refs))
    assert sorted(one["ref"] for one in whole["dependencies"]) == sorted(refs)
    for one in whole["dependencies"]:
        assert set(one) == {"ref", "dependsOn"}
        assert set(one["dependsOn"]) <= set(refs)
        assert len(one["dependsOn"]) == len(set(one["dependsOn"]))


def check_component(one: dict[str, Any]) -> None:
    """Of one component."""
    assert {"type", "name", "version", "bom-ref", "purl"} <= set(one)
    assert set(one) <= {
        *("type", "name", "version", "bom-ref", "purl", "licenses", "hashes", "properties")
    }
    assert one["type"] in {"application", "library", "platform"}
    assert re.fullmatch(r"pkg:(pypi|generic)/[a-z0-9.-]+@[A-Za-z0-9.%_-]+", one["purl"])
    licences = one.get("licenses", [])
    # Either licences, or one expression alone.
    assert len(licences) == 1 or all("license" in licence for licence in licences)
    for licence in licences:
        inner = licence.get("license", licence)
        assert set(inner) in ({"name", "acknowledgement"}, {"expression", "acknowledgement"})
        assert inner["acknowledgement"] == "declared"
    for digest in one.get("hashes", []):
        assert set(digest) == {"alg", "content"}
        assert digest["alg"] == "SHA-256"
        assert re.fullmatch("[0-9a-f]{64}", digest["content"])


def test_a_small_one() -> None:
    """Whole: components, licences, digests, who needs whom; Python too."""
    whole = made(SMALL)
    check(whole)
    python, some, zed = whole["components"]
    assert python["purl"] == "pkg:generic/cpython@3.11.7"
    assert some == {
        "type": "library",
        "bom-ref": "pkg:pypi/some-lib@2.0%2Blocal",
        "purl": "pkg:pypi/some-lib@2.0%2Blocal",
        "name": "Some_Lib",
        "version": "2.0+local",
        "licenses": [{"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}],
        "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
        "properties": [{"name": "callward:hash-of", "value": "dist-info/RECORD"}],
    }
    assert [one["license"]["name"] for one in zed["licenses"]] == ["A", "B"]
    assert {one["ref"]: one["dependsOn"] for one in whole["dependencies"]} == {
        python["purl"]: [],
        "pkg:pypi/callward@0.1.0": [python["purl"], some["purl"]],
        some["purl"]: [zed["purl"]],
        zed["purl"]: [],
    }
    assert whole["metadata"]["component"]["purl"] == "pkg:pypi/callward@0.1.0"
    assert whole["metadata"]["timestamp"] == "2026-11-20T09:30:00Z"


def test_this_environment(here: Environment) -> None:
    """Is a good one too, and whole."""
    whole = made(here)
    check(whole)
    assert len(whole["components"]) == len(here.packages)  # Callward out, Python in
    refs = {one["ref"]: one["dependsOn"] for one in whole["dependencies"]}
    ours = refs[whole["metadata"]["component"]["bom-ref"]]
    assert purl(here.packages["sqlalchemy"]) in ours
    # Asked for by an extra: psycopg[binary].
    assert purl(here.packages["psycopg-binary"]) in refs[purl(here.packages["psycopg"])]


def test_it_tells_nothing_of_the_machine(here: Environment) -> None:
    """No path, no user, no host, no name of the system's release."""
    texts = set(strings(made(here)))
    assert not [text for text in texts if text.startswith(("/", "file:", "\\")) or "/home" in text]
    where = {str(Path(__file__).parents[2]), str(Path.home()), platform.node()}
    where |= {platform.release(), f"/{getpass.getuser()}"}
    assert not [text for text in texts for one in where if one and one in text]


def test_the_same_gives_the_same() -> None:
    """To the byte, however the moment is written; another moment or version does not."""
    first = bill(SMALL, AT)
    assert bill(SMALL, AT.astimezone(timezone(timedelta(hours=1)))) == first
    serials = {
        made(SMALL)["serialNumber"],
        made(SMALL, AT + timedelta(seconds=1))["serialNumber"],
        made(made_of(package("zed", "4")))["serialNumber"],
    }
    assert len(serials) == 3
    assert UUID(made(SMALL)["serialNumber"].removeprefix("urn:uuid:")).version == 8


def test_callward_need_not_be_installed() -> None:
    """It is what the bill is of all the same; needs that cannot be read are counted."""
    whole = made(made_of(package("zed", needs=["???"])))
    check(whole)
    assert whole["metadata"]["component"]["name"] == "callward"
    assert whole["metadata"]["properties"] == [
        {"name": "callward:requirements-not-read", "value": "1"}
    ]


def test_from_a_terminal(tmp_path: Path) -> None:
    """Printed, or written into a file; no instance is needed."""
    said = callward(tmp_path / "nowhere", "evidence", "sbom")
    assert (said.status, said.err) == (0, "")
    check(said.json)
    out = tmp_path / "bill.json"
    said = callward(tmp_path / "nowhere", "evidence", "sbom", "--out", str(out))
    assert said.status == 0
    assert said.last == f"{len(json.loads(out.read_text())['components'])} components written"
    assert not (tmp_path / "nowhere").exists()

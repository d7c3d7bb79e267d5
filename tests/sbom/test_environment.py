"""What is installed: read from metadata alone, in one order, each package once."""

import hashlib
from collections.abc import Sequence
from email.message import Message
from importlib.metadata import PackageMetadata
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from callward.sbom.environment import EnvironmentUnclearError, Package, environment, needed
from callward.sbom.licences import Licence, declared
from tests.sbom.installed import install, made_of, package


def test_what_is_installed_here() -> None:
    """This very environment: what tests run on is in it, with its digest and its licence."""
    found = environment()
    assert found.packages["pytest"].licences == (Licence("MIT", spdx=True),)
    assert found.packages["pydantic-core"].record is not None
    assert found.implementation == "CPython"
    assert list(found.packages) == sorted(found.packages)


def test_a_package_is_read(tmp_path: Path) -> None:
    """Name as it is written and as it is compared, digest of its RECORD, needs sorted."""
    record = "../../../bin/x,sha256=abc,1\n"
    lines = ("License-Expression: MIT", "Requires-Dist: b>=1", "Requires-Dist: a")
    install(tmp_path, "My_Package", "1.0+local", *lines, record=record)
    (one,) = environment([str(tmp_path)]).packages.values()
    assert (one.key, one.name, one.version) == ("my-package", "My_Package", "1.0+local")
    assert one.needs == ("a", "b>=1")
    assert one.record == hashlib.sha256(record.encode()).hexdigest()


def test_the_first_on_the_path_counts(tmp_path: Path) -> None:
    """As it is the one that is imported; one without RECORD has no digest."""
    for folder, version in (("a", "2.0"), ("b", "1.0")):
        install(tmp_path / folder, "one", version, record=None)
    found = environment([str(tmp_path / "a"), str(tmp_path / "b")])
    assert [(one.version, one.record) for one in found.packages.values()] == [("2.0", None)]


def test_what_an_installer_left_behind_is_not_found(tmp_path: Path) -> None:
    """It has renamed the old one, and could not remove it."""
    install(tmp_path, "one", "1.0")
    (tmp_path / "one-1.0.dist-info").rename(tmp_path / "~ne-1.0.dist-info")
    install(tmp_path, "one", "2.0")
    assert [one.version for one in environment([str(tmp_path)]).packages.values()] == ["2.0"]


@pytest.mark.parametrize(("name", "version"), [("", "1.0"), ("canary", "")])
def test_one_that_does_not_say_what_it_is(tmp_path: Path, name: str, version: str) -> None:
    """Makes the whole unclear, and is not repeated."""
    install(tmp_path, name, version)
    with pytest.raises(EnvironmentUnclearError) as caught:
        environment([str(tmp_path)])
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["License-Expression: mit OR apache-2.0"], [("MIT OR Apache-2.0", True)]),
        (["License-Expression: MIT", "License: BSD"], [("MIT", True)]),
        (["License: Apache-2.0"], [("Apache-2.0", True)]),
        (["License: Apache License 2.0"], [("Apache License 2.0", False)]),
        (["License: Dual License"], [("Dual License", False)]),
        # A licence's whole text is not its name.
        ([f"License: {'x' * 101}"], []),
        (
            [
                f"License: {'x ' * 101}",
                "Classifier: License :: OSI Approved :: BSD License",
                "Classifier: License :: OSI Approved",
                "Classifier: Programming Language :: Python",
            ],
            [("BSD License", False)],
        ),
        (
            ["Classifier: License :: B", "Classifier: License :: OSI Approved :: A"],
            [("A", False), ("B", False)],
        ),
        ([], []),
    ],
)
def test_licences_as_declared(lines: list[str], expected: list[tuple[str, bool]]) -> None:
    """An expression if it is one, else a name, else what the classifiers say."""
    metadata = headers(*(line.split(": ", 1) for line in lines))
    assert [(one.name, one.spdx) for one in declared(metadata)] == expected


@given(st.text(max_size=120))
def test_any_licence_is_told_or_left_out(text: str) -> None:
    """Never on more than a line, never too long, never a crash."""
    plain = "".join(one for one in text if one not in "\r\n")
    for one in declared(headers(("License", plain))):
        assert one.name.isprintable()
        assert 0 < len(one.name) <= 100


def headers(*pairs: Sequence[str]) -> PackageMetadata:
    """A package's metadata with these headers."""
    metadata = Message()
    for name, value in pairs:
        metadata[name] = value
    return cast("PackageMetadata", metadata)


def edges(*packages: Package) -> dict[str, set[str]]:
    """Who needs whom."""
    return {key: set(others) for key, others in needed(made_of(*packages))[0].items()}


def test_markers_are_asked() -> None:
    """What is for other machines is not needed; what is not installed cannot be shown."""
    found = edges(
        package("a", needs=["b>=1; sys_platform == 'linux'", "c; sys_platform == 'win32'", "d"]),
        package("b"),
        package("c"),
    )
    assert found == {"a": {"b"}, "b": set(), "c": set()}


def test_extras_count_once_somebody_asks() -> None:
    """Also those that an extra asks for, and a package's own."""
    found = edges(
        package("a", needs=["b[Fast_er]"]),
        package("b", needs=["c; extra == 'fast-er'", "b[more]; extra == 'fast-er'",
                            "d[x]; extra == 'more'", "e; extra == 'other'"]),
        package("c"),
        package("d", needs=["a; extra == 'x'"]),
        package("e"),
    )  # fmt: skip
    assert found == {"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"a"}, "e": set()}


def test_needs_that_cannot_be_read_are_counted() -> None:
    """Rather than passed over."""
    found, unread = needed(made_of(package("a", needs=["b", "??? canary"]), package("b")))
    assert (set(found["a"]), unread) == ({"b"}, 1)


@given(st.lists(st.text(max_size=30), max_size=5))
def test_no_need_gets_past(needs: list[str]) -> None:
    """Whatever stands there is read or counted."""
    _, unread = needed(made_of(package("a", needs=needs)))
    assert unread <= len(needs)
    assert Requirement("a").name == "a"

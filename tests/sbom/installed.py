"""Made-up environments for tests: folders of metadata as installers leave them."""

from collections.abc import Sequence
from pathlib import Path

from callward.sbom.environment import Environment, Package

MARKERS = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
}


def install(
    folder: Path, name: str, version: str = "1.0", *lines: str, record: str | None = "a.py,,\n"
) -> None:
    """Leave a package's metadata in a folder; ``lines`` are further headers."""
    where = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    where.mkdir(parents=True)
    head = [
        "Metadata-Version: 2.4",
        *([f"Name: {name}"] if name else []),
        *([f"Version: {version}"] if version else []),
    ]
    (where / "METADATA").write_text("\n".join([*head, *lines]) + "\n")
    if record is not None:
        (where / "RECORD").write_text(record)


def made_of(*packages: Package) -> Environment:
    """An environment of these packages on a made-up machine."""
    return Environment({one.key: one for one in packages}, "3.11.7", "CPython", MARKERS)


def package(name: str, version: str = "1.0", needs: Sequence[str] = ()) -> Package:
    """A package that needs others."""
    return Package(name, name, version, needs=tuple(needs))

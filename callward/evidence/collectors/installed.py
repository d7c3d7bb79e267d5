"""The environment that runs this, read once for as long as nobody installs anything."""

import os
import sys
from functools import lru_cache

from callward.sbom.environment import Environment, environment

_Stamp = tuple[tuple[str, int], ...]


def installed() -> Environment:
    """What is installed now. Reading it takes half a second, and two collectors want it."""
    return _read(tuple((folder, _changed(folder)) for folder in sys.path))


@lru_cache(maxsize=2)
def _read(stamp: _Stamp) -> Environment:
    return environment([folder for folder, _ in stamp])


def _changed(folder: str) -> int:
    """When an entry was last added to or taken from a folder: installers do both."""
    try:
        return os.stat(folder or ".").st_mtime_ns  # noqa: PTH116 - sys.path holds texts
    except OSError:
        return 0

"""The API key of a speech server: from a file that is its owner's alone, or the environment."""

import os
import re
import stat
from pathlib import Path
from typing import Final

from callward.enginesettings import HttpSettings
from callward.speech.httperrors import EngineKeyUnusableError

_OPEN_TO_OTHERS: Final = 0o077
_MAX_BYTES: Final = 4096
_KEY: Final = re.compile(rb"[\x21-\x7e]+")  # else it is no part of a header


def key_of(settings: HttpSettings, home: Path) -> str | None:
    """The key, None if the settings name none. EngineKeyUnusableError without naming it."""
    if settings.key_file is not None:
        content = _of_file(home / settings.key_file)
    elif settings.key_env is not None:
        content = os.environb.get(settings.key_env.encode(), b"")
    else:
        return None
    first = content.partition(b"\n")[0].rstrip(b"\r")
    if not _KEY.fullmatch(first) or len(content) > _MAX_BYTES:
        raise EngineKeyUnusableError("there is no API key where the settings say, or it is no key")
    return first.decode("ascii")


def _of_file(path: Path) -> bytes:
    try:
        # Without waiting: a pipe that nobody writes to would never open.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise EngineKeyUnusableError(
            f"the API key's file cannot be opened (errno {error.errno})"
        ) from None
    try:
        mode = os.fstat(file).st_mode
        if not stat.S_ISREG(mode):
            raise EngineKeyUnusableError("the API key's file is not a regular one")
        if mode & _OPEN_TO_OTHERS:
            raise EngineKeyUnusableError(
                "the API key can be read by others; its file's mode must be 0600"
            )
        return os.read(file, _MAX_BYTES + 1)
    finally:
        os.close(file)

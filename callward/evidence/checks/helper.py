"""Reading certificates: here and, if there are many, a part of them in a process beside.

The helper is a fresh interpreter that is told what to read by its standard input; nothing
is forked or pickled, so it works from wherever this was loaded, ``verify.py`` included.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import callward
from callward.errors import IntegrityError
from callward.evidence.checks.issued import Issued, Read, read_files
from callward.evidence.container import Member
from callward.ledger.keys import History, Period

MANY: Final = 4
"""Files of certificates from which on a helper is worth its start."""

_LEAF: Final = 0.3
"""What a byte of leaves takes, of what a byte of certificates does."""

_START: Final = "from callward.evidence.checks.helper import help_out; help_out()"
_BOOT: Final = f"import sys; sys.path[:] = sys.argv[1:]; {_START}"
_BOOT_CARRIED: Final = (
    "import runpy, sys; sys.path[:] = sys.argv[2:]; "
    f"runpy.run_path(sys.argv[1], run_name='carried'); {_START}"
)

Files = Sequence[tuple[str, Member]]


class Helper:
    """Reads ``files`` of the archive at ``path`` beside whoever has started it."""

    def __init__(self, path: Path, files: Files, keys: History) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - ourselves, by the interpreter running
            _command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        order = json.dumps(
            {
                "path": str(path.absolute()),
                "files": [(name, one.start, one.size, one.sha512) for name, one in files],
                "keys": [(one.verifier, one.since, one.until) for one in keys.periods],
            }
        ).encode()
        stdin = self._process.stdin
        if stdin is not None:
            with suppress(OSError):  # one that is dead already shows by its result
                stdin.write(order)
                stdin.close()

    def result(self) -> Read:
        """Wait for it; IntegrityError if it has not done its part."""
        stdout = self._process.stdout
        content = b"" if stdout is None else stdout.read()
        if self._process.wait() != 0:
            raise IntegrityError("the process that reads certificates beside this one has failed")
        told = json.loads(content)
        return Read([Issued(*one) for one in told["issued"]], told["failure"])

    def stop(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self._process.communicate()


@dataclass(frozen=True, slots=True)
class Begun:
    """A helper at work on the last of the files; ``keys`` by which it checks them."""

    helper: Helper
    files: Files
    keys: History


def begin(path: Path, files: Files, keys: History, others: int = 0) -> Begun | None:
    """Start a helper, if there is enough to read; ``others``: bytes of leaves read meanwhile."""
    if len(files) < MANY:
        return None
    mine = sum(member.size for _, member in files)
    share = min(1.0, 0.5 + others * _LEAF / (2 * mine)) if mine else 0.5
    theirs = files[len(files) - round(share * len(files)) :]
    if not theirs:
        return None
    try:
        return Begun(Helper(path, theirs, keys), theirs, keys)
    except OSError:
        return None  # no other process can be had here: one will do


def read_beside(path: Path, files: Files, keys: History, begun: Begun | None) -> list[Read]:
    """What the certificates in these files of the archive at ``path`` came to, in order.

    What was ``begun`` counts if it was by the same keys.
    """
    if begun is not None and begun.keys != keys:
        begun.helper.stop()
        begun = None
    begun = begun or begin(path, files, keys)
    try:
        with path.open("rb") as file:
            found = [
                read_files(file, files[: len(files) - len(begun.files if begun else ())], keys)
            ]
        return [*found, begun.helper.result()] if begun else found
    except BaseException:
        if begun is not None:
            begun.helper.stop()
        raise


def help_out() -> None:
    """Do what standard input asks for, and say on standard output what it came to."""
    order: dict[str, Any] = json.load(sys.stdin)
    keys = History(tuple(Period(*one) for one in order["keys"]))
    files = [(name, Member(*one)) for name, *one in order["files"]]
    with Path(order["path"]).open("rb") as file:
        found = read_files(file, files, keys)
    json.dump({"issued": found.issued, "failure": found.failure}, sys.stdout)


def _command() -> list[str]:
    carrier = getattr(callward.__loader__, "carrier", None)
    if carrier is None:
        return [sys.executable, "-P", "-c", _BOOT, *sys.path]
    return [sys.executable, "-P", "-c", _BOOT_CARRIED, carrier, *sys.path]

"""Calling the command line in this process, as a shell would."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from callward.cli import main


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)

    @property
    def last(self) -> str:
        """The last line of standard output."""
        return self.out.rstrip().rpartition("\n")[2]


def callward(home: Path, *arguments: str, stdin: str = "") -> Said:
    """Run ``callward --home HOME ARGUMENTS…``."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["callward", "--home", str(home), *arguments])
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Said(status, out.getvalue(), err.getvalue())

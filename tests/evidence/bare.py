"""Runs ``verify.py`` as a stranger would: Python, ``cryptography``, and nothing else."""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from callward.evidence.standalone import verifier_source

_NEEDED = ("cryptography", "_cffi_backend")
# Neither site packages nor the checkout: what is not beside the standard library is not there.
_START = (
    "import runpy, sys; sys.path.append(sys.argv[1]); sys.argv = sys.argv[2:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


class Bare:
    """A folder with the verifier, and one with the only package that can be imported."""

    def __init__(self, folder: Path) -> None:
        self._script, self._packages = folder / "verify.py", folder / "packages"
        self._packages.mkdir(parents=True)
        self._script.write_text(verifier_source(), encoding="utf-8")
        for name in _NEEDED:
            spec = find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            place = Path(spec.origin)
            place = place.parent if place.name == "__init__.py" else place
            (self._packages / place.name).symlink_to(place)

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        command = [sys.executable, "-I", "-S", "-c", _START, self._packages, self._script]
        return subprocess.run(
            [*map(str, command), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._packages,
            env={},
        )

    def verify(self, paths: Sequence[Path], *options: str | Path) -> list[dict[str, bool | None]]:
        """Each pack's checks by name, of many packs in one process."""
        done = self.run(*paths, *options, "--json")
        assert done.returncode in (0, 4), done.stderr
        told = list(_documents(done.stdout))
        assert len(told) == len(paths)
        return [{one["what"]: one["ok"] for one in each["checks"]} for each in told]


def _documents(text: str) -> Any:
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        document, place = decoder.raw_decode(text, place)
        place += len(text[place:]) - len(text[place:].lstrip())
        yield document

"""The style rules hold: what ``make check`` would say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = ("callward", "data_checks", "deployments", "flows", "tasks", "tests")


def _run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    """Every rule that is not ignored with a reason."""
    _run("ruff", "check", *CODE)


def test_code_is_formatted() -> None:
    """As ruff formats it."""
    _run("ruff", "format", "--check", *CODE)


def test_types_hold() -> None:
    """Mypy, strict, on code and tests alike."""
    _run("mypy")

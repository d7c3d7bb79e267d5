"""A SoftHSM2 token: a real PKCS#11 library, with its objects in files."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
_INSTALL_SECONDS = 120


@dataclass(frozen=True)
class HsmToken:
    """One initialised token; tests on it keep apart by their cells' labels."""

    module: Path
    folder: Path
    """Where its objects are."""
    pin_file: Path
    token: str = "callward"
    pin: str = "kestrel-4711"


@contextmanager
def softhsm_token(folder: Path) -> Iterator[HsmToken]:
    """Make a token in ``folder``; skips, saying why, where SoftHSM2 cannot be had."""
    module = _module()
    tokens = folder / "tokens"
    tokens.mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(
        f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    made = HsmToken(module, tokens, folder / "pin")
    made.pin_file.write_text(f"{made.pin}\n")
    made.pin_file.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(settings))
        _softhsm2_util("--init-token", "--free", "--label", made.token, "--pin", made.pin)
        yield made


def _softhsm2_util(*arguments: str) -> None:
    subprocess.run(
        ["softhsm2-util", *arguments, "--so-pin", "made-up-officer"],
        check=True,
        capture_output=True,
    )


def _module() -> Path:
    found = _installed()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        found = _installed()
    if found is None:
        pytest.skip("SoftHSM2 is not installed (Debian: apt-get install softhsm2)")
    return found


def _installed() -> Path | None:
    if shutil.which("softhsm2-util") is None:
        return None
    return next((Path(one) for one in _MODULES if Path(one).exists()), None)


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ("apt-get", "install", "-qq", "--no-install-recommends", "softhsm2")
    for one in (("apt-get", "update", "-qq"), command):
        try:
            subprocess.run(
                one, env=environment, capture_output=True, timeout=_INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return

"""Opens the key cells that the settings name. Nothing is asked of a device until it is needed."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from callward.errors import SettingsError
from callward.vault.cells import CellError, FileCell, KeyCell
from callward.vault.cellsettings import CellSettings, Pkcs11CellSettings, folder

_OPEN_TO_OTHERS = 0o077
_MAX_PIN_BYTES = 1024


def open_cells(cells: Sequence[CellSettings], home: Path) -> list[KeyCell]:
    """The cells in the order of the settings, which is that in which they are asked to unwrap."""
    return [_open(cell, home) for cell in cells]


def require_unused(settings: Sequence[CellSettings], cells: Sequence[KeyCell], home: Path) -> None:
    """Before an instance is made: SettingsError if a cell outside its home holds roots already.

    They are another instance's, settings copied and all, and would be destroyed by
    the first turn of either.
    """
    for said, cell in zip(settings, cells, strict=True):
        if said.kind != "pkcs11" and folder(said, home).resolve().is_relative_to(home.resolve()):
            continue
        if cell.generations():
            raise SettingsError(
                f"key cell {cell.name} holds roots already: another instance's, or those of "
                "a creation cut short; give this one a label or a folder of its own"
            )


def _open(cell: CellSettings, home: Path) -> KeyCell:
    if cell.kind == "file":
        return FileCell(folder(cell, home), cell.name)
    if cell.kind == "pkcs11":
        # Here, like boto3's below: who has no such cell does without.
        from callward.vault.pkcs11 import Pkcs11Cell  # noqa: PLC0415

        return Pkcs11Cell(cell.module, cell.token, cell.label, pin_of(cell, home), cell.name)
    from callward.vault.kms import KmsCell  # noqa: PLC0415 - boto3 takes its time

    return KmsCell(
        folder(cell, home),
        cell.label,
        region=cell.region,
        endpoint_url=cell.endpoint_url,
        window_days=cell.window_days,
        name=cell.name,
    )


def pin_of(cell: Pkcs11CellSettings, home: Path) -> Callable[[], str]:
    """How to get a token's PIN. CellError, when called, if it is not there or open to others."""

    def from_file() -> str:
        path = home / (cell.pin_file or "")
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & _OPEN_TO_OTHERS:
                    raise _no_pin(cell.name, "pin-file-open-to-others")
                content = file.read(_MAX_PIN_BYTES)
        except OSError:
            raise _no_pin(cell.name, "pin-file-unreadable") from None
        return _pin(content, cell.name)

    def from_environment() -> str:
        return _pin(os.environb.get((cell.pin_env or "").encode(), b""), cell.name)

    return from_file if cell.pin_file is not None else from_environment


def _pin(content: bytes, name: str) -> str:
    first, _, _ = content.partition(b"\n")
    try:
        pin = first.rstrip(b"\r").decode()
    except UnicodeDecodeError:
        raise _no_pin(name, "pin-not-utf-8") from None
    if not pin:
        raise _no_pin(name, "pin-missing")
    return pin


def _no_pin(name: str, word: str) -> CellError:
    return CellError(f"key cell {name}: {word}", word)

"""Licences as packages declare them: an SPDX expression if it is one, else a name."""

from dataclasses import dataclass
from importlib.metadata import PackageMetadata
from typing import Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

_CLASSIFIER: Final = "License :: "
_MOST_CHARACTERS: Final = 100
"""What is longer is a licence's text rather than its name."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What a licence is called; ``spdx``: whether that is an SPDX expression."""

    name: str
    spdx: bool


def declared(metadata: PackageMetadata) -> tuple[Licence, ...]:
    """What a package declares: License-Expression, else License, else its classifiers."""
    for field in ("License-Expression", "License"):
        text = first(metadata, field)
        expression = _expression(text)
        if expression is not None:
            return (Licence(expression, spdx=True),)
        if _is_name(text):
            return (Licence(text, spdx=False),)
    names = {
        text.rpartition(" :: ")[2]
        for text in map(str, metadata.get_all("Classifier") or ())
        if text.startswith(_CLASSIFIER) and text != f"{_CLASSIFIER}OSI Approved"
    }
    return tuple(Licence(name, spdx=False) for name in sorted(filter(_is_name, names)))


def first(metadata: PackageMetadata, field: str) -> str:
    """A header as it stands first; empty if it is not there."""
    return str((metadata.get_all(field) or [""])[0])


def _is_name(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _MOST_CHARACTERS and text.isprintable()


def _expression(text: str) -> str | None:
    if len(text) > _MOST_CHARACTERS:
        return None
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None

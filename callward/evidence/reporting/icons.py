"""Small signs beside words, different in shape as well as colour. Drawn for white paper."""

from collections.abc import Mapping
from typing import Final

_HEAD: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16" height="16" '
    'aria-hidden="true" focusable="false">'
)
_MARK: Final = 'class="sign-mark" fill="none" stroke="#ffffff" stroke-width="2"'


def _sign(kind: str, colour: str, shape: str, mark: str) -> str:
    return (
        f'{_HEAD}<g class="sign-{kind}" fill="{colour}">{shape}</g><path {_MARK} d="{mark}"/></svg>'
    )


_ROUND: Final = '<circle cx="8" cy="8" r="8"/>'
_SQUARE: Final = '<rect width="16" height="16" rx="2"/>'
_UP: Final = '<path d="M8 0L16 15H0Z"/>'

ICONS: Final[Mapping[str, str]] = {
    "gap": _sign("gap", "#9c1c1c", _SQUARE, "M4.5 4.5L11.5 11.5M11.5 4.5L4.5 11.5"),
    "partly": _sign("partly", "#8a4b00", _UP, "M8 5V10M8 11.5V13.3"),
    "met": _sign("met", "#1d6537", _ROUND, "M4 8.5L7 11.5L12 5"),
    "not-applicable": _sign("none", "#55606d", _ROUND, "M4 8H12"),
    "worse": _sign("gap", "#9c1c1c", _ROUND, "M8 3.5V12M4.5 8.5L8 12L11.5 8.5"),
    "better": _sign("met", "#1d6537", _ROUND, "M8 12.5V4M4.5 7.5L8 4L11.5 7.5"),
    "new": _sign("none", "#55606d", _ROUND, "M8 4V12M4 8H12"),
    "changed": _sign("none", "#55606d", _ROUND, "M4 6H12M4 10H12"),
}
"""By kind of span (``parts.Kind``)."""

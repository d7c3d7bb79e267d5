"""The report as a PDF that screen readers can follow (PDF/UA-1, PDF/A-2a), set by typst.

Template and fonts are in the wheels; nothing is read from elsewhere, and all text goes in as
data. The same document and moment give the same bytes.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from callward.evidence.reporting.icons import ICONS
from callward.evidence.reporting.parts import Block, Document, Figure, Section

if TYPE_CHECKING:
    import typst

_TEMPLATE: Final = files("callward.evidence") / "templates" / "report.typ"
_STANDARDS: Final = ("ua-1", "a-2a")
_UNKNOWN: Final = re.compile(
    r"[^\n\x20-\x7e\xa0-\u017f\u0391-\u03a1\u03a3-\u03c9\u0400-\u045f"
    r"\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u2022\u00d7\u2192\u2212\u2264\u2265]"
)
"""What the fonts of the wheel may not have: a PDF/UA must not show a box for a letter."""
_LONG: Final = re.compile(r"[^\s/]{40,}")
_PIECES: Final = re.compile(r".{1,8}")
_BREAK: Final = "\u200b"
"""Zero width: a line may end here."""


def paper(document: Document, made_at: datetime) -> bytes:
    """Set a document as PDF, dated ``made_at``."""
    (page,) = _compile(
        document,
        format="pdf",
        pdf_standards=list(_STANDARDS),
        timestamp=int(made_at.timestamp()),
    )
    return page


def pictures(document: Document, ppi: int = 110) -> list[bytes]:
    """The same as PNG, one a page, for looking at."""
    return _compile(document, format="png", ppi=ppi)


def _compile(document: Document, **options: Any) -> list[bytes]:
    said = {"document": asdict(document), "icons": dict(ICONS), "keys": list(keys(document))}
    inputs = {"said": json.dumps(shown(said))}
    made = _compiler().compile(_TEMPLATE.read_bytes(), sys_inputs=inputs, **options)
    return made if isinstance(made, list) else [made or b""]


def keys(document: Document) -> Iterator[str]:
    """Where links within the document can lead: its sections and figures."""
    waiting: list[Block] = [document.summary, *document.sections]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Section | Figure):
            yield one.key
        if isinstance(one, Section):
            waiting.extend(one.blocks)


def shown(value: Any, *, narrow: bool = False) -> Any:
    """The same with characters that the fonts do not have by their numbers, ``[U+1F600]``.

    Words longer than any column may be broken in the rows of tables (``narrow``).
    """
    if isinstance(value, str):
        text = _UNKNOWN.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)
        return (
            _LONG.sub(lambda found: _BREAK.join(_PIECES.findall(found[0])), text)
            if narrow
            else text
        )
    if isinstance(value, dict):
        return {
            key: shown(each, narrow=(narrow and key != "href") or key == "rows")
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [shown(each, narrow=narrow) for each in value]
    return value


@lru_cache(maxsize=1)
def _compiler() -> "typst.Compiler":
    """The typesetter with the fonts of its wheel, read once."""
    import typst  # noqa: PLC0415 - heavy, and needed where a report is set only

    return typst.Compiler(ignore_system_fonts=True)

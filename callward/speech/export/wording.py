"""What an engine wrote, made fit for files and terminals: its text is not ours to trust."""

import json
import re
from typing import Any, Final

_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls (ESC and the 8-bit CSI steer terminals), separators of lines, what turns the
direction of text around, and halves of characters, which no file can hold."""
_INSTEAD: Final = "\ufffd"


def line_of(text: str) -> str:
    """Text as one line: white space is one space, and what is unfit is U+FFFD."""
    return _UNFIT.sub(_INSTEAD, " ".join(text.split()))


def json_of(document: Any) -> bytes:
    """UTF-8 JSON on one line, in the order given; what is unfit is escaped, and so not lost."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _UNFIT.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode() + b"\n"

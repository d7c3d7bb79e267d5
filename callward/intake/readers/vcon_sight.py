"""What a vCon looks like from outside: by the members its first object has.

draft-ietf-vcon-vcon-core (-04, section 5.5): unsigned by ``parties``, ``dialog``,
``analysis`` or ``attachments``; signed (JWS) by ``payload`` and ``signatures``;
encrypted (JWE) by ``ciphertext`` and ``recipients``.
"""

import base64
import re
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from callward.intake.readers.base import WHOLE_BYTES, Sight
from callward.intake.reasons import Reason, Refusal

ENDINGS: Final = (".vcon", ".vcon.json", ".vcon.jsonl")
_BODY: Final = frozenset({"parties", "dialog", "analysis", "attachments"})
_DIALOG: Final = frozenset({"type", "start", "parties"})
_MEDIA: Final = frozenset({"body", "encoding", "url", "mediatype", "mimetype"})
_JWE: Final = frozenset({"iv", "protected", "recipients", "unprotected", "encrypted_key"})
_TOKEN = re.compile(r'"([^"\\]*+(?:\\(?:.|\Z)[^"\\]*+)*+)(?:"|\Z)|[\[\]{}:]', re.DOTALL)
_DEPTH_OF_ITEM: Final = 3
_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class _Seen:
    """Names of the first object's members, of those of the objects in its lists; its payload."""

    names: set[str] = field(default_factory=set)
    inner: set[str] = field(default_factory=set)
    payload: list[str] = field(default_factory=list)


def looks_like_vcon(sight: Sight) -> bool:
    """Whether a file's first bytes, or its name and first bytes, are those of a vCon."""
    text = _text(sight.head).lstrip()
    if text[:1] not in {"{", "["}:
        return False
    if sight.name.lower().endswith(ENDINGS):
        return True
    seen = _look(text)
    if _unsigned(seen) or ("ciphertext" in seen.names and seen.names & _JWE):
        return True
    return any(_unsigned(_look(_decoded(payload))) for payload in seen.payload)


def is_lines(file: BinaryIO) -> bool:
    """Whether the file is one vCon a line, told by its first two lines that are not blank.

    No single JSON text goes on after a line's closing brace but with ``,``, ``]`` or
    ``}``, nor opens an object at a line's start but after ``[``, ``,`` or ``:``.
    """
    file.seek(0)
    first = _next_line(file).removeprefix(_MARK).strip()
    second = _next_line(file).strip()
    if not first or not second:
        return False
    if first.startswith(b"{") and first.endswith(b"}") and second[:1] not in b",]}":
        return True
    return second.startswith(b"{") and first[-1:] not in b"[,:"


def _next_line(file: BinaryIO) -> bytes:
    """The next line that is not blank; Refusal too-large."""
    while line := file.readline(WHOLE_BYTES + 1):
        if len(line) > WHOLE_BYTES:
            raise Refusal(Reason.TOO_LARGE)
        if line.strip():
            return line
    return b""


def _unsigned(seen: _Seen) -> bool:
    names = seen.names
    if "$schema" in names:
        return False
    if "vcon" in names and names & (_BODY | {"uuid"}):
        return True
    if {"parties", "dialog"} <= names:
        return True
    return "dialog" in names and seen.inner >= _DIALOG and bool(seen.inner & _MEDIA)


def _look(text: str) -> _Seen:
    """What can be seen in the beginning of a JSON text, cut anywhere."""
    seen, stack = _Seen(), ""
    base = text[:1] == "["
    word, name = "", ""
    for found in _TOKEN.finditer(text):
        mark = found[0][0]
        if mark == '"':
            word = found[1]
            if name == "payload" and len(stack) == 1 + base:
                seen.payload.append(word)
            name = ""
        elif mark == ":":
            name = word
            _note(seen, stack[base:], word)
        elif mark in "[{":
            stack, name = stack + mark, ""
        else:
            stack = stack[:-1]
            if len(stack) <= base:
                break
        if len(stack) > _DEEPEST:
            break
    return seen


_DEEPEST: Final = 128


def _note(seen: _Seen, stack: str, name: str) -> None:
    if stack == "{":
        seen.names.add(name)
    elif stack == "{[{":
        seen.inner.add(name)


def _decoded(payload: str) -> str:
    """The beginning of a JWS payload, as far as it can be read."""
    whole = payload[: len(payload) // 4 * 4]
    try:
        return base64.urlsafe_b64decode(whole).decode("utf-8", "replace").lstrip()
    except ValueError:
        return ""


def _text(head: bytes) -> str:
    encoding = "utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    return head.decode(encoding, "replace")

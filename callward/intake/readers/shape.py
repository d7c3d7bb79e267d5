"""What a JSON file looks like from its first bytes, for readers asked whether it is theirs."""

import re
from typing import Final

_TOKEN: Final = re.compile(
    r'"((?:[^"\\]|\\.)*+)"|([\[\]{},:])|([^\s"\[\]{},:]++|"(?:[^"\\]|\\.)*+)', re.DOTALL
)
"""A string, a mark, or anything else, a string that never ends included: passed over once."""
_DEEPEST: Final = 3
_MOST_OPEN: Final = 64


def paths(head: bytes) -> frozenset[str]:
    """Dotted names of the members of the first levels; lists are seen through.

    ``[{"a": {"b": 1}}]`` gives ``a`` and ``a.b``. Never raises; empty for what is no JSON
    object or list. The head may stop anywhere.
    """
    encoding = "utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    text = head.decode(encoding, errors="ignore").lstrip()
    return frozenset(_names(text)) if text[:1] in {"{", "["} else frozenset()


def _names(text: str) -> set[str]:
    found: set[str] = set()
    open_: list[str] = []  # one bracket each
    names: list[str] = [""]  # the path that leads to each
    last = ""
    for string, mark, bare in _TOKEN.findall(text):
        if mark in {"{", "["}:
            open_.append(mark)
            names.append(last)
            if len(open_) > _MOST_OPEN:
                break
        elif mark in {"}", "]"}:
            if not open_:
                break
            open_.pop()
            names.pop()
            last = names[-1]
        elif mark == ",":
            last = names[-1]
        elif not (mark or bare) and open_ and open_[-1] == "{" and last == names[-1]:
            last = f"{names[-1]}.{string}" if names[-1] else string
            if last.count(".") < _DEEPEST:
                found.add(last)
    return found

"""Card data in text: not masked yet."""

from collections.abc import Mapping, Sequence
from typing import Any


def mask(text: str) -> tuple[str, int]:
    """The text as it is."""
    return text, 0


def mask_texts(texts: Sequence[str]) -> tuple[list[str], int]:
    """The texts as they are."""
    return list(texts), 0


def mask_document(document: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The document as it is."""
    return dict(document), 0


def mask_bytes(data: bytes) -> tuple[bytes, int] | None:
    """The bytes as they are."""
    return None if b"\0" in data else (data, 0)

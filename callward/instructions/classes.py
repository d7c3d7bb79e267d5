"""Which retention class a kind of object belongs to: one table for all who file."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

RetentionClass = Literal["recordings", "voicemail", "messages", "interactions", "agent-accounts"]
RETENTION_CLASSES: Final[tuple[RetentionClass, ...]] = get_args(RetentionClass)

WHILE_ACTIVE: Final = "agent-accounts"
"""The class whose objects have no due day until the day from which they count is known."""

CLASS_OF_KIND: Final[Mapping[str, RetentionClass]] = MappingProxyType(
    {
        "recording": "recordings",
        "voicemail": "voicemail",
        "media": "recordings",  # refused, and nobody says what it is
        "sms": "messages",
        "email": "messages",
        "chat": "messages",
        "social": "messages",
        "attachment": "messages",
        "details": "interactions",
        "call": "interactions",
        "contact": "interactions",
        "technical": "interactions",
        "note": "interactions",
        "transaction": "interactions",
        "agent-account": "agent-accounts",
        "record": "interactions",  # refused, and nobody says what it is
    }
)

FOLLOWERS: Final = frozenset({"transcript", "manifest-row"})
"""Kinds that have class and days of what they belong to: a recording, a refused file."""
NOTES: Final = frozenset(
    {
        "hold-reason",
        "restriction-reason",
        "opening-reason",
        "erasure-reason",
        "redo-reason",
        "approval-note",
        "review-note",
    }
)
"""Our own notes, of class ``administration``: no instruction moves them."""


def class_of(kind: str) -> RetentionClass:
    """The class of a kind that has one of its own; KeyError for any other."""
    return CLASS_OF_KIND[kind]

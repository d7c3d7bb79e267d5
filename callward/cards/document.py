"""Card data masked in JSON documents: every string, every name, every long whole number."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from callward.cards.dress import MARK
from callward.cards.fields import field, is_value, label
from callward.cards.messages import mask
from callward.cards.sequences import Place, spread

_LONG_NUMBER: Final = 10**11
"""From twelve digits on a whole number may be a card's."""
_LONGEST_NUMBER: Final = 10**19
_MOST_CODE: Final = 4
_MOST_EXPIRY: Final = 7
_PLAIN: Final = 48
_DATE = re.compile(
    r"\s*(?:[0-9]{1,4}\s*[-/. ]\s*){1,2}[0-9]{1,4}\s*"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{4,16}(?:Z|[+-][0-9:]{2,5})?"
    r"|\s*(?:[0-9]{1,2} )?[A-Za-z]{3,9}[-./, ]{0,2}[0-9]{2,4}\s*"
)


def mask_document(document: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The document without card data, and how many finds were masked.

    The strings of one field, over all the lists on the way to it, are read in sequence, so
    that a number spread over messages or words is found, whoever says its parts. A whole
    number that must be masked becomes a string. Fields named after security codes lose
    their digits, and so do those named after expiry dates beside a card. Depth is the
    caller's to bound.
    """
    changed, count = spread(document)
    walk = _Walk(changed)
    masked = walk.mapping(document, about_card=False)
    return masked, count + walk.count


class _Walk:
    """One pass over a document; counts what it masks."""

    def __init__(self, changed: Mapping[Place, str]) -> None:
        self.count = 0
        self._changed = changed
        self._masked: dict[tuple[str, bool], tuple[str, int]] = {}

    def mapping(self, value: Mapping[str, Any], *, about_card: bool) -> dict[str, Any]:
        """A mapping with names and values masked."""
        before, own = self.count, False
        named = label(value)
        about_card = about_card or field(named).card or any(field(name).card for name in value)
        masked = {}
        for name, inner in value.items():
            so_far = self.count
            means = named if named and is_value(name) else name
            masked[self._name(name)] = self._field(
                (id(value), name), means, inner, about_card=about_card
            )
            if self.count > so_far:
                own |= _is_plain(inner)
        if not about_card and self.count == before:
            return masked
        return {
            name: self._dates(named if named and is_value(name) else name, inner, deep=own)
            for name, inner in masked.items()
        }

    def _field(self, place: Place, name: str, value: object, *, about_card: bool) -> object:
        said = field(name)
        if said.code:
            return self._coded(value)
        return self._value(place, value, about_card=about_card and not said.refuted)

    def _coded(self, value: object) -> object:
        """What a field named after a security code holds, without the code."""
        if isinstance(value, Mapping):
            return {self._name(name): self._coded(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._coded(inner) for inner in value]
        return self._emptied(value, _MOST_CODE)

    def _name(self, name: str) -> str:
        return name if field(name).harmless else self._text(name, about_card=False)

    def _dates(self, name: str, value: object, *, deep: bool) -> object:
        """A value masked beside a card: expiry dates go, and with ``deep`` those inside it."""
        if field(name).expiry:
            return self._undated(value)
        if deep and isinstance(value, dict):
            return {key: self._dates(key, inner, deep=True) for key, inner in value.items()}
        if deep and isinstance(value, list):
            return [
                self._dates("", inner, deep=True) if isinstance(inner, dict) else inner
                for inner in value
            ]
        return value

    def _undated(self, value: object) -> object:
        """What a field named after an expiry date holds, without the date."""
        if isinstance(value, dict):
            return {name: self._undated(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._undated(inner) for inner in value]
        return self._emptied(value, _MOST_EXPIRY, dates=True)

    def _emptied(self, value: object, most: int, *, dates: bool = False) -> object:
        """A short value without its digits; other values as anywhere."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | str):
            return self._value((0, ""), value, about_card=True)
        text = str(value)
        short = len(text.strip()) <= most or (dates and _DATE.fullmatch(text) is not None)
        if not short or not any(map(str.isdigit, text)):
            return value if dates else self._value((0, ""), value, about_card=True)
        self.count += 1
        return "".join(MARK if sign.isdigit() else sign for sign in text)

    def _value(self, place: Place, value: object, *, about_card: bool) -> object:
        if isinstance(value, str):
            return self._text(self._changed.get(place, value), about_card=about_card)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value, about_card=about_card)
        if isinstance(value, Mapping):
            return self.mapping(value, about_card=about_card)
        if isinstance(value, list | tuple):
            return self._list(value, about_card=about_card)
        return value

    def _list(self, items: Sequence[object], *, about_card: bool) -> list[object]:
        about_card = about_card or any(
            field(label(item)).card for item in items if isinstance(item, Mapping)
        )
        return [
            self._value((id(items), at), item, about_card=about_card)
            for at, item in enumerate(items)
        ]

    def _number(self, value: float, *, about_card: bool) -> object:
        """A whole number, also one written with a point, that may be a card's."""
        if not _LONG_NUMBER <= abs(value) < _LONGEST_NUMBER or value != int(value):
            return value
        text = str(int(value))
        masked = self._text(text, about_card=about_card)
        return value if masked == text else masked

    def _text(self, text: str, *, about_card: bool) -> str:
        # What a record says stands in it twice as often as not: raw, and as what it means.
        found = self._masked.get((text, about_card))
        if found is None:
            found = self._masked[text, about_card] = mask(text, carded=about_card)
        masked, count = found
        self.count += count
        return masked


def _is_plain(value: object) -> bool:
    """Whether a value is a number by itself, not prose that holds one."""
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) <= _PLAIN)

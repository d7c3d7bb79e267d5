"""Card data masked in JSON documents: every string, every name, every long whole number."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from callward.cards.dress import MARK
from callward.cards.messages import mask, mask_texts

_CODE_FIELD = re.compile(
    r"(?i)(?:card_?)?(?:cv[vcn]2?|cv2|csc|cvv_?code|security_?code|card_?code"
    r"|(?:card_?)?(?:verification|security)_?(?:code|value|number))"
)
_EXPIRY_FIELD = re.compile(
    r"(?i)(?:card_?|cc_?)?exp(?:iry|iration|ires)?_?(?:date|month|year|mm|yy|yyyy)?"
)
_CARD_FIELD = re.compile(r"(?i)card|\bpan\b|payment|cc_?num|expir")
_NONE: Final[Mapping[str, str]] = {}
_LONG_NUMBER: Final = 10**11
"""From twelve digits on a whole number may be a card's."""
_MOST_CODE: Final = 4
_MOST_EXPIRY: Final = 7


def mask_document(document: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The document without card data, and how many finds were masked.

    Lists of strings, and the same field of the objects of a list, are read in sequence,
    so that a number spread over messages is found; what was masked there is masked
    wherever the same string stands again. A whole number that must be masked becomes a
    string. Fields named after security codes lose their digits, and so do those named
    after expiry dates beside a card. Depth is the caller's to bound.
    """
    spread: dict[str, str] = {}
    for texts in _sequences(document):
        masked, count = mask_texts(texts)
        if count:
            spread.update(pair for pair in zip(texts, masked, strict=True) if pair[0] != pair[1])
    walk = _Walk(spread)
    return walk.mapping(document, about_card=False), walk.count


def _sequences(value: object) -> Iterator[list[str]]:
    """Strings that follow each other: lists of them, and same fields along a list."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _sequences(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        yield from _along(value)
        for inner in value:
            yield from _sequences(inner)


def _along(items: Sequence[object]) -> Iterator[list[str]]:
    for places in _fields(items).values():
        yield [text for _, text in places]


def _fields(items: Sequence[object]) -> dict[str | None, list[tuple[int, str]]]:
    """Strings of a list by the field they are of (no field: the items themselves)."""
    fields: dict[str | None, list[tuple[int, str]]] = {}
    for place, item in enumerate(items):
        if isinstance(item, str):
            fields.setdefault(None, []).append((place, item))
        elif isinstance(item, Mapping):
            for name, inner in item.items():
                if isinstance(inner, str):
                    fields.setdefault(name, []).append((place, inner))
    return {name: places for name, places in fields.items() if len(places) > 1}


class _Walk:
    """One pass over a document; counts what it masks."""

    def __init__(self, spread: Mapping[str, str]) -> None:
        self.count = 0
        self._spread = spread

    def mapping(
        self, value: Mapping[str, Any], *, about_card: bool, done: Mapping[str, str] = _NONE
    ) -> dict[str, Any]:
        """A mapping with names and values masked; the fields ``done`` are already."""
        before = self.count - bool(done)
        about_card = about_card or any(map(_CARD_FIELD.search, value))
        masked = {
            self._text(name, about_card=False): done[name]
            if name in done
            else self._field(name, inner, about_card=about_card)
            for name, inner in value.items()
        }
        if about_card or self.count > before:
            return {name: self._date(name, inner) for name, inner in masked.items()}
        return masked

    def _field(self, name: str, value: object, *, about_card: bool) -> object:
        if _CODE_FIELD.fullmatch(name):
            return self._emptied(value, _MOST_CODE)
        return self._value(value, about_card=about_card)

    def _date(self, name: str, value: object) -> object:
        if _EXPIRY_FIELD.fullmatch(name):
            return self._emptied(value, _MOST_EXPIRY)
        return value

    def _emptied(self, value: object, most: int) -> object:
        """A short value without its digits."""
        if isinstance(value, bool) or not isinstance(value, int | str):
            return self._value(value, about_card=True)
        text = str(value)
        if not any(map(str.isdigit, text)) or len(text) > most:
            return self._value(value, about_card=True)
        self.count += 1
        return "".join(MARK if sign.isdigit() else sign for sign in text)

    def _value(self, value: object, *, about_card: bool) -> object:
        if isinstance(value, str):
            return self._text(value, about_card=about_card)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LONG_NUMBER:
            masked = self._text(str(value), about_card=about_card)
            return value if masked == str(value) else masked
        if isinstance(value, Mapping):
            return self.mapping(value, about_card=about_card)
        if isinstance(value, list | tuple):
            return self._list(value, about_card=about_card)
        return value

    def _list(self, items: Sequence[object], *, about_card: bool) -> list[object]:
        """A list read in sequence, field by field, then item by item."""
        done: dict[int, dict[str | None, str]] = {}
        for name, places in _fields(items).items():
            masked, count = mask_texts([text for _, text in places])
            self.count += count
            if count:
                for (place, _), text in zip(places, masked, strict=True):
                    done.setdefault(place, {})[name] = text
        return [
            self._item(item, done.get(place, {}), about_card=about_card)
            for place, item in enumerate(items)
        ]

    def _item(self, item: object, done: dict[str | None, str], *, about_card: bool) -> object:
        if isinstance(item, str) and None in done:
            return done[None]
        if isinstance(item, Mapping):
            fields = {name: text for name, text in done.items() if name is not None}
            return self.mapping(item, about_card=about_card, done=fields)
        return self._value(item, about_card=about_card)

    def _text(self, text: str, *, about_card: bool) -> str:
        masked, count = mask(self._spread.get(text, text), carded=about_card)
        self.count += count
        return masked

"""Card numbers said over several records: a chat of which every message is a row, texts in a row.

Seen within one slice (500 records): a number that begins in one slice and ends in the
next, or in another file, is not.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from callward.cards.text import mask_texts
from callward.intake.records import TEXTS, Record, Refused

_MESSAGES: Final = frozenset({"sms", "chat", "social", "note", "transcript"})
_MOST: Final = 200_000
"""Characters looked at together; what is longer is no exchange of short messages."""


def masked_together(made: Sequence[Record | Refused]) -> tuple[list[Record | Refused], int]:
    """The records, card numbers masked that stand in several of them; how many there were."""
    talks: dict[Hashable, list[int]] = defaultdict(list)
    for place, one in enumerate(made):
        if isinstance(one, Record) and one.kind in _MESSAGES and TEXTS in one.document:
            talks[_talk(one)].append(place)
    found, count = list(made), 0
    for places in talks.values():
        if len(places) > 1:
            count += _mask(found, places)
    return found, count


def _talk(one: Record) -> Hashable:
    """What ties messages together: their conversation, else who wrote to whom."""
    if one.conversation and one.conversation != one.external_id:
        return one.conversation
    return one.kind, frozenset(person.text for person in one.people) or one.external_id


def _mask(made: list[Record | Refused], places: Sequence[int]) -> int:
    records = {place: one for place in places if isinstance(one := made[place], Record)}
    order = sorted(records, key=lambda place: records[place].started_at)
    texts = [(place, text) for place in order for text in _texts(records[place])]
    if sum(len(text) for _, text in texts) > _MOST:
        return 0
    masked, count = mask_texts([text for _, text in texts])
    changes: dict[int, dict[str, str]] = defaultdict(dict)
    for (place, text), new in zip(texts, masked, strict=True):
        if new != text:
            changes[place][text] = new
    for place, new_texts in changes.items():
        document = _replaced(records[place].document, new_texts)
        made[place] = replace(records[place], document=document)
    return count


def _texts(one: Record) -> Iterator[str]:
    for said in one.document[TEXTS]:
        if isinstance(said, Mapping) and isinstance(said.get("text"), str):
            yield said["text"]


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    """The same with those texts replaced, wherever in the record they stand again."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, Mapping):
        return {name: _replaced(inner, texts) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, texts) for inner in value]
    return value

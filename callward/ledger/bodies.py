"""Reading a million bodies: as strict as ``leaves.parse_leaf`` and ``parse_item``, and cheaper.

Almost every body is recognised by one regular expression that describes what
``encoded`` writes; only the order of names, which no expression can check, is
looked at separately. What is not recognised is left to the strict reader,
which says what is wrong with it, if anything is.
"""

import re
from operator import lt
from typing import Final, NamedTuple

from callward.ledger.leaves import MAX_BODY, parse_item, parse_leaf

_WORD: Final = "[A-Za-z0-9:._+/-]{0,128}+"
_ID: Final = "[A-Za-z0-9:._+/-]{1,64}+"
_WHOLE: Final = "(?:0|-?[1-9][0-9]{0,14}+)"  # below 2^53; longer ones are for the strict reader
_MOMENT: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"


def _members(member: str) -> str:
    return f"(?:{member}(?:,{member})*)?"


_COUNTS: Final = _members(f'"{_WORD}":{_WHOLE}')
_IDS: Final = _members(f'"{_WORD}":"{_WORD}"')
_LEAF: Final = re.compile(
    rf'\{{"at":"({_MOMENT})","counts":\{{({_COUNTS})\}},"event":"({_ID})","ids":\{{({_IDS})\}},'
    rf'"items":(0|[1-9][0-9]{{0,14}}),"items_root":"([0-9a-f]{{64}})","v":1\}}'
)
_VALUE: Final = f'(?:"{_WORD}"|{_WHOLE}|true|false|null)'
_ITEM: Final = re.compile(r"\{" + _members(f'"{_WORD}":{_VALUE}') + r"\}")
_SUBJECT: Final = re.compile(f'[{{,]"subject":"({_ID})"')

# A name, and its value as far as quotes could be mistaken in it.
_NAME: Final = re.compile('"([^"]*)":(?:"[^"]*")?')
_COMMA: Final = ","  # in no word: so there is but one member
_PLUS: Final = '"+'  # may begin a phone number: for the strict reader


class LeafFacts(NamedTuple):
    """What verification compares; ``items_root`` in hex."""

    event: str
    at: str
    items: int
    items_root: str


def leaf_facts(body: str) -> LeafFacts:
    """Read a leaf's body; IntegrityError unless ``Leaf.encoded`` could have written it."""
    found = _LEAF.fullmatch(body)
    if found is not None and _PLUS not in body and len(body) <= MAX_BODY:
        at, counts, event, ids, items, items_root = found.groups()
        if _ordered(counts) and _ordered(ids):
            return LeafFacts(event, at, int(items), items_root)
    leaf = parse_leaf(body)
    return LeafFacts(leaf.event, leaf.at, leaf.items, leaf.items_root.hex())


def item_subject(body: str) -> str:
    """Read an item's body; IntegrityError unless ``Item.encoded`` could have written it."""
    if _ITEM.fullmatch(body) is not None and _PLUS not in body and _ordered(body):
        found = _SUBJECT.search(body)
        if found is not None:
            return found[1]
    return parse_item(body).subject


def _ordered(members: str) -> bool:
    """Whether the names of members that match the pattern come in order, none twice."""
    if _COMMA not in members:
        return True
    names = _NAME.findall(members)
    return all(map(lt, names, names[1:]))

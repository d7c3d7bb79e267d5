"""Whether the ledger enters every certificate of a pack, and the pack every one entered."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callward.errors import IntegrityError
from callward.evidence.checks.model import NotCheckedError
from callward.evidence.checks.pack import Pack
from callward.evidence.layout import CERTIFIED
from callward.evidence.predicate import SWEPT
from callward.ledger.bodies import item_subject
from callward.ledger.leaves import Leaf, body_hash
from callward.ledger.merkle import root

Entries = Mapping[str, tuple[int, str]]
"""Of each certificate the position of the leaf that enters it, and the digest that it says."""

_DIGEST: Final = "sha256"


def check_anchors(pack: Pack) -> str:
    """The leaf that each names says its digest, and its head is one of this very log."""
    head = pack.need_head()
    swept = {position: leaf for position, leaf in head.leaves.items() if leaf.event == SWEPT}
    entries = _entries(pack, swept)
    for one in pack.issued:
        place = entries.get(one.id)
        if place is None:
            raise IntegrityError(f"certificate {one.id} is in no leaf of the slice")
        if place != (one.complete, one.digest):
            raise IntegrityError(f"certificate {one.id} is entered elsewhere, or with other bytes")
        if one.size != one.complete or one.root != head.roots[one.size].hex():
            raise IntegrityError(f"certificate {one.id} rests on another ledger's head")
        if swept[place[0]].ids.get("sweep") != one.sweep:
            raise IntegrityError(f"certificate {one.id} is of another sweep than its leaf")
    if not pack.all_issued:
        raise NotCheckedError(f"{len(pack.issued)} are in leaves; not all could be read")
    others = _others(pack, entries, swept)
    if not pack.issued:
        return f"none to look for{others}"
    return f"the digests of all {len(pack.issued)} are in leaves under the signed root{others}"


def _others(pack: Pack, entries: Entries, swept: Mapping[int, Leaf]) -> str:
    """What is entered and not in the pack must be of other days than the pack's."""
    missing = entries.keys() - {one.id for one in pack.issued}
    if not missing:
        return ""
    period = pack.need_said().period
    try:
        london = ZoneInfo("Europe/London")
    except ZoneInfoNotFoundError:
        return f"; {len(missing)} more are in leaves, of days that cannot be told here"
    for one in sorted(missing):
        at = datetime.fromisoformat(swept[entries[one][0]].at)
        if period.from_day <= at.astimezone(london).date() <= period.to_day:
            raise IntegrityError(f"certificate {one} is entered in the period and not in the pack")
    return f"; {len(missing)} more are in leaves, of other days than the pack's"


def _entries(pack: Pack, swept: Mapping[int, Leaf]) -> Entries:
    """What the leaves of completed sweeps enter, after seeing that their items are theirs."""
    entries: dict[str, tuple[int, str]] = {}
    given = set()
    for position, bodies in leaf_items(pack, CERTIFIED):
        leaf = swept.get(position)
        if leaf is None or position in given:
            raise IntegrityError(f"{CERTIFIED}: leaf {position} does not complete a sweep")
        given.add(position)
        require_items(position, leaf, bodies)
        for body in bodies:
            subject = item_subject(body)
            if subject in entries:
                raise IntegrityError(f"certificate {subject} is entered twice")
            entries[subject] = (position, str(json.loads(body).get(_DIGEST)))
    if swept.keys() - given:
        raise IntegrityError(f"{CERTIFIED}: leaf {min(swept.keys() - given)} is left out")
    return entries


def leaf_items(pack: Pack, name: str) -> Iterator[tuple[int, list[str]]]:
    """The leaves, and the bodies of their items, of a file that has one a line."""
    for some in pack.lines(name):
        for line in some:
            document = json.loads(line)
            position, bodies = document["leaf"], document["items"]
            if type(position) is not int or not all(isinstance(one, str) for one in bodies):
                raise IntegrityError(f"{name} is malformed")
            yield position, bodies


def require_items(position: int, leaf: Leaf, bodies: list[str]) -> None:
    """IntegrityError unless these are all items of the leaf, in order."""
    if len(bodies) != leaf.items or root(map(body_hash, bodies)) != leaf.items_root:
        raise IntegrityError(f"leaf {position} has other items than are given of it")

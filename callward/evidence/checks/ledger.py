"""The pack's signed checkpoint, and the leaves that lead to it: read once, none is kept in vain."""

import json
from typing import Final

from callward.errors import IntegrityError
from callward.evidence.checks.model import NotCheckedError
from callward.evidence.checks.pack import Head, Pack
from callward.evidence.checks.period import earlier_size
from callward.evidence.layout import CHECKPOINT, LEAVES, SLICE
from callward.evidence.predicate import SWEPT
from callward.flowruns.model import RECORDED
from callward.ledger.bodies import leaf_facts
from callward.ledger.keys import ROTATED, History, Period, rotation_of
from callward.ledger.leaves import body_hash, parse_leaf
from callward.ledger.merkle import Frontier
from callward.ledger.notes import verify_checkpoint

_KEPT: Final = frozenset({ROTATED, SWEPT, RECORDED})
"""Events of leaves that other checks look into."""
_MAX_SLICE: Final = 64 * 1024
"""Bytes of the file that says where the leaves belong: a few dozen digests."""


def check_checkpoint(pack: Pack) -> str:
    """The checkpoint is signed by the pack's key, and is the one its statement names."""
    said = pack.need_said()
    head = verify_checkpoint(pack.text(CHECKPOINT), [said.key])
    if pack.expected is not None and pack.expected.knows(said.key):
        pack.expected.require(said.key, head.size)
    if said.predicate["ledger"] != {"size": head.size, "root": head.root.hex()}:
        raise IntegrityError("the pack's statement is of another checkpoint")
    if said.predicate["signed_as"] != head.origin:
        raise IntegrityError("the checkpoint is of another log than the pack's statement says")
    pack.head = Head(size=head.size, root=head.root, origin=head.origin)
    return f"signed by the same key; {head.size} leaves, root {head.root.hex()}"


def check_ledger(pack: Pack) -> str:
    """All leaves of the slice lead to the signed root."""
    head = pack.head
    if pack.member(SLICE).size > _MAX_SLICE:
        raise IntegrityError(f"{SLICE} is larger than {_MAX_SLICE} bytes")
    bounds = json.loads(pack.text(SLICE))
    first, size = bounds["first"], bounds["size"]
    if type(first) is not int or type(size) is not int or not 0 <= first <= size:
        raise IntegrityError(f"{SLICE} has no ends")
    before = Frontier(first, tuple(bytes.fromhex(each) for each in bounds["before"]))
    head.first = first
    at = earlier_size(pack.wanted.earlier)
    frontier = _walk(pack, before, at)
    if frontier.size != size:
        raise IntegrityError(f"{LEAVES} has not the leaves between the ends of the slice")
    if not head.root:
        raise NotCheckedError("not checked, because there is no signed checkpoint")
    if size != head.size:
        raise IntegrityError("the slice does not end at the checkpoint")
    if frontier.root != head.root:
        raise IntegrityError(f"leaves {first} to {size} do not lead to the root")
    head.keys = _history(pack)
    head.proved = True
    earlier = f"; the {first} earlier ones only as digests" if first else ""
    return f"{size - first} leaves, up to number {size}, lead to the signed root{earlier}"


def _walk(pack: Pack, frontier: Frontier, wanted: int | None) -> Frontier:
    """The frontier after all leaves; what others need is kept on the way."""
    head = pack.head
    pending: list[bytes] = []
    position = frontier.size
    for some in pack.lines(LEAVES):
        for body in some:
            if position == wanted:
                frontier, pending = frontier.extend(pending), []
                head.roots[position] = frontier.root
            try:
                facts = leaf_facts(body)
            except IntegrityError as error:
                raise IntegrityError(f"leaf {position}: {error.args[0]}") from None
            if facts.event in _KEPT:
                head.leaves[position] = parse_leaf(body)
                if facts.event == SWEPT:
                    frontier, pending = frontier.extend(pending), []
                    head.roots[position] = frontier.root
            pending.append(body_hash(body))
            position += 1
        frontier, pending = frontier.extend(pending), []
    if position == wanted:
        head.roots[position] = frontier.root
    return frontier


def _history(pack: Pack) -> History:
    """The keys of the log in the slice: the pack's, and those it followed by the leaves."""
    key, until = pack.need_said().key, None
    periods = []
    for position, leaf in sorted(pack.head.leaves.items(), reverse=True):
        if leaf.event == ROTATED:
            old, new = rotation_of(leaf)
            if new == key:
                periods.append(Period(key, position + 1, until))
                key, until = old, position + 1
    return History((*periods, Period(key, 0, until)))

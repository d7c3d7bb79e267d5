"""Whether a certificate's facts bear it out: pure, and the same for builder and verifier."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from callward.errors import IntegrityError
from callward.evidence.predicate import COMPLETE, LOOKED
from callward.ledger import merkle
from callward.ledger.keys import History
from callward.ledger.leaves import Leaf, body_hash, parse_leaf
from callward.ledger.merkle import verify_inclusion
from callward.ledger.notes import Checkpoint

Subjects = Sequence[tuple[str, str]]


def contradiction(predicate: Mapping[str, Any], subjects: Subjects, keys: History) -> str:
    """Return what in a statement contradicts it, or nothing.

    The predicate is well formed (``predicate.PREDICATE``), the subjects are sorted.
    """
    flaw = _count_flaw(predicate, subjects) or _ledger_flaw(predicate, subjects, keys)
    if flaw:
        return flaw
    if predicate["state"] == COMPLETE:
        return _unfit(predicate)
    return _overstated(predicate)


def _count_flaw(predicate: Mapping[str, Any], subjects: Subjects) -> str:
    objects, sweep = predicate["objects"], predicate["sweep"]
    days = [each for by_day in objects["due_days"].values() for each in by_day.items()]
    kinds, due = sum(objects["kinds"].values()), sum(count for _, count in days)
    if not kinds == due == objects["total"]:
        return "its counts do not add up"
    # A statement about nothing has the plan for its subject, as it must have one.
    expected = objects["total"] or 1
    if len(subjects) != expected:
        return "it counts other objects than it lists"
    if not objects["total"] and tuple(subjects) != ((sweep["id"], sweep["plan_sha256"]),):
        return "its subject is not the plan"
    return "an object was not yet due" if any(on > sweep["as_of"] for on, _ in days) else ""


def _ledger_flaw(predicate: Mapping[str, Any], subjects: Subjects, keys: History) -> str:
    ledger = predicate["ledger"]
    try:
        checkpoint = _head(keys, ledger["checkpoint"])
        intent = _leaf(ledger["intent"], checkpoint)
        gone = _leaf(ledger["keys_destroyed"], checkpoint)
    except IntegrityError as error:
        return str(error.args[0])
    if checkpoint.origin != predicate["instance"]:
        return "its checkpoint is another instance's"
    wanted = checkpoint.size if predicate["state"] == COMPLETE else None
    if ledger["complete"] != wanted:
        return "its own place in the ledger is another"
    return _leaf_flaw(predicate, intent, gone) or _list_flaw(predicate, subjects, gone)


def _leaf_flaw(predicate: Mapping[str, Any], intent: Leaf | None, gone: Leaf | None) -> str:
    ledger, sweep = predicate["ledger"], predicate["sweep"]["id"]
    if intent and (intent.event, intent.ids.get("sweep")) != ("sweep-intent", sweep):
        return "its intent is another sweep's"
    if gone is None:
        return ""
    if (gone.event, gone.ids.get("sweep")) != ("keys-destroyed", sweep):
        return "its keys' end is another sweep's"
    if intent is None or ledger["intent"]["position"] >= ledger["keys_destroyed"]["position"]:
        return "no intent comes before the keys' end"
    return ""


def _list_flaw(predicate: Mapping[str, Any], subjects: Subjects, gone: Leaf | None) -> str:
    total = predicate["objects"]["total"]
    if gone and gone.items < total:
        return "it lists more objects than the ledger"
    same = gone is not None and lists(gone, subjects)
    return "" if predicate["ledger"]["exactly"] == same else "it lists others than the ledger"


def lists(leaf: Leaf, subjects: Subjects) -> bool:
    """Whether a leaf's items are exactly these subjects (sorted), each by its id alone."""
    if leaf.items != len(subjects):
        return False
    items = (body_hash(f'{{"subject":"{name}"}}') for name, _ in subjects)
    return merkle.root(items) == leaf.items_root


def _leaf(part: Mapping[str, Any] | None, checkpoint: Checkpoint) -> Leaf | None:
    """The leaf that is proved to be in the log; IntegrityError if it is not."""
    if part is None:
        return None
    return _proved(part["body"], part["position"], tuple(part["path"]), checkpoint)


# The certificates of one sweep rest on one head and the same few leaves.
@lru_cache(maxsize=256)
def _proved(body: str, position: int, path: tuple[str, ...], checkpoint: Checkpoint) -> Leaf:
    hashes = [bytes.fromhex(each) for each in path]
    verify_inclusion(body_hash(body), position, checkpoint.size, hashes, checkpoint.root)
    return parse_leaf(body)


@lru_cache(maxsize=256)
def _head(keys: History, note: str) -> Checkpoint:
    return keys.verify_checkpoint(note)


def _unfit(predicate: Mapping[str, Any]) -> str:
    """Why this may not be certified, or nothing."""
    if not predicate["objects"]["total"]:
        return "nothing was destroyed"
    if predicate["ledger"]["keys_destroyed"] is None:
        return "the ledger does not say that its keys were destroyed"
    if predicate["pending_until"] is not None:
        return "it is pending"
    if not predicate["limits"]:
        return "it does not say what it cannot prove"
    return _root_flaw(predicate["generations"]) or _trace_flaw(predicate)


def _root_flaw(generations: Mapping[str, Any]) -> str:
    before, after, cells = generations["before"], generations["after"], generations["cells"]
    if before is None or after is None or not before < after:
        return "the root was not turned"
    if generations["unsettled"]:
        return "a root that could open it lives"
    if before not in {one["generation"] for one in cells}:
        return "no cell was asked about the root before"
    if any(one["answer"] != "destroyed" or one["generation"] >= after for one in cells):
        return "a cell has not destroyed a root"
    asked = [(one["generation"], one["cell"]) for one in cells]
    return "" if asked == sorted(set(asked)) else "a cell answers twice or out of order"


def _trace_flaw(predicate: Mapping[str, Any]) -> str:
    stores = predicate["residual"]["stores"]
    if not stores:
        return "no store was searched for what might be left"
    if any(count for name, count in figures(stores) if name != LOOKED):
        return "something is left"
    if predicate["checks"].get("old_wraps_opened", 0):
        return "an old wrap still opens"
    gate = predicate["holds"]["gate"]
    if gate is not None and gate["outcome"] == "failed":
        return "the gate in front of it failed"
    return "a known backup can still open it" if predicate["backups"]["able"] else ""


def figures(stores: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, int]]:
    """Every figure of a residual scan, by its code."""
    return (figure for each in stores.values() for figure in each.items())


def _overstated(predicate: Mapping[str, Any]) -> str:
    """Why a statement may not be in the state it says, or nothing."""
    state, total = predicate["state"], predicate["objects"]["total"]
    answers = [one["answer"] for one in predicate["generations"]["cells"]]
    if (predicate["pending_until"] is not None) != (state == "pending"):
        return "only what is pending says until when"
    if state == "pending" and ("pending" not in answers or "refused" in answers or not total):
        return "no cell, or not only cells, are pending"
    if (state in {"blocked-by-hold", "nothing-due"}) and total:
        return "something was destroyed"
    waiting = predicate["holds"]["held"] + predicate["holds"]["spared"]
    if (state == "blocked-by-hold") != bool(waiting) and state in {
        "blocked-by-hold",
        "nothing-due",
    }:
        return "holds and state do not agree"
    return ""

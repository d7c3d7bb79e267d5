"""Checking the flow runs of a pack: their digests, and what the ledger says of each."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from callward.errors import IntegrityError
from callward.flowruns.model import RECORDED, digest_of
from callward.ledger.leaves import Leaf, body_hash, parse_item
from callward.ledger.merkle import root

_BESIDE: Final = ("digest", "leaf", "item", "missing_since")
"""What stands beside a record and is no part of it."""

Said = Mapping[str, tuple[int, int, object]]
"""Of each run the last leaf, the item in it, and the digest it says."""


def check_digests(runs: Sequence[Mapping[str, Any]]) -> None:
    """Every record has the digest that stands beside it; IntegrityError otherwise."""
    ids = set()
    for run in runs:
        record = {name: value for name, value in run.items() if name not in _BESIDE}
        if run["id"] in ids:
            raise IntegrityError("a flow run is listed twice")
        ids.add(run["id"])
        if digest_of(record) != run["digest"]:
            raise IntegrityError(f"a flow run, one of {len(runs)}, is not what its digest says")


def said_of(leaves: Sequence[Mapping[str, Any]], first: int, slice_leaves: Sequence[Leaf]) -> Said:
    """What the slice's leaves say of runs, after seeing that their items are theirs, and all."""
    given = {}
    for one in leaves:
        position, bodies = one["leaf"], one["items"]
        if type(position) is not int or not 0 <= position - first < len(slice_leaves):
            raise IntegrityError("a leaf that enters flow runs is not in the slice")
        given[position] = bodies
    said: dict[str, tuple[int, int, object]] = {}
    for position, leaf in enumerate(slice_leaves, start=first):
        if leaf.event != RECORDED:
            continue
        bodies = given.pop(position, None)
        if bodies is None or len(bodies) != leaf.items:
            raise IntegrityError("a leaf that enters flow runs has not the items it says")
        if root(map(body_hash, bodies)) != leaf.items_root:
            raise IntegrityError("a leaf that enters flow runs has other items than it says")
        for number, item in enumerate(map(parse_item, bodies)):
            said[item.subject] = (position, number, item.body.get("sha256"))
    if given:
        raise IntegrityError("a leaf that is said to enter flow runs enters something else")
    return said


def check_entries(
    runs: Sequence[Mapping[str, Any]], admitted: Collection[str], said: Said, first: int
) -> str:
    """Every run is what the ledger last says of it, but for those that the pack admits are not."""
    earlier = false = 0
    for run in runs:
        place = said.get(run["id"])
        if place == (run["leaf"], run["item"], run["digest"]):
            continue
        if run["id"] in admitted:
            false += 1
        elif place is None and type(run["leaf"]) is int and run["leaf"] < first:
            earlier += 1
        else:
            raise IntegrityError(f"a flow run, one of {len(runs)}, is not what the ledger says")
    found = len(runs) - earlier - false
    detail = f"{found} of {len(runs)} runs are what leaves under the signed root last say of them"
    detail += f"; {earlier} were entered before the slice" if earlier else ""
    return detail + (f"; {false} are not, as the pack itself says" if false else "")


def check_runs(files: Callable[[str], Any], first: int, slice_leaves: Sequence[Leaf]) -> str | None:
    """Check the runs in a pack's files (parsed JSON, None for one that is not there).

    None if there are no leaves to look in; IntegrityError if something does not fit.
    """
    runs = files("data/flow-runs.json")
    compared = files("data/flow-runs-compared.json") or {}
    admitted = frozenset(compared.get("tampered", ()))
    check_digests(runs)
    if not slice_leaves:
        return None
    said = said_of(files("data/ledger/flow-runs.json") or [], first, slice_leaves)
    return check_entries(runs, admitted, said, first)

"""Checking the flow runs of a pack: their digests, and what the ledger says of each."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from callward.errors import IntegrityError
from callward.evidence.checks.anchors import leaf_items, require_items
from callward.evidence.checks.model import NotCheckedError
from callward.evidence.checks.pack import Pack
from callward.evidence.layout import RUN_LEAVES
from callward.flowruns.model import RECORDED, digest_of
from callward.ledger.leaves import parse_item

_BESIDE: Final = ("digest", "leaf", "item", "missing_since")
"""What stands beside a record and is no part of it."""
_RUNS: Final = "data/flow-runs.json"
_COMPARED: Final = "data/flow-runs-compared.json"

Said = Mapping[str, tuple[int, int, object]]
"""Of each run the last leaf, the item in it, and the digest it says."""


def check_runs(pack: Pack) -> str:
    """Every run is what it says, and what the ledger last said of it."""
    runs = json.loads(pack.text(_RUNS))
    compared = json.loads(pack.text(_COMPARED)) if _COMPARED in pack.members else {}
    _check_digests(runs)
    if not pack.head.proved:
        raise NotCheckedError("their digests fit; not looked for in the ledger's leaves")
    return _check_entries(runs, frozenset(compared.get("tampered", ())), _said(pack), pack)


def _check_digests(runs: Sequence[Mapping[str, Any]]) -> None:
    ids = set()
    for run in runs:
        record = {name: value for name, value in run.items() if name not in _BESIDE}
        if run["id"] in ids:
            raise IntegrityError("a flow run is listed twice")
        ids.add(run["id"])
        if digest_of(record) != run["digest"]:
            raise IntegrityError(f"a flow run, one of {len(runs)}, is not what its digest says")


def _said(pack: Pack) -> Said:
    """What the slice's leaves say of runs, after seeing that their items are theirs, and all."""
    recorded = {at: leaf for at, leaf in pack.head.leaves.items() if leaf.event == RECORDED}
    given, newest = set(), -1
    said: dict[str, tuple[int, int, object]] = {}
    for position, bodies in leaf_items(pack, RUN_LEAVES):
        leaf = recorded.get(position)
        if leaf is None or position in given or position < newest:
            raise IntegrityError(f"{RUN_LEAVES}: leaf {position} enters no flow runs")
        given.add(position)
        newest = position
        require_items(position, leaf, bodies)
        for number, item in enumerate(map(parse_item, bodies)):
            said[item.subject] = (position, number, item.body.get("sha256"))
    if recorded.keys() - given:
        raise IntegrityError(f"{RUN_LEAVES}: leaf {min(recorded.keys() - given)} is left out")
    return said


def _check_entries(
    runs: Sequence[Mapping[str, Any]], admitted: Collection[str], said: Said, pack: Pack
) -> str:
    """Every run is what the ledger last says of it, but for those that the pack admits are not."""
    earlier = false = 0
    for run in runs:
        place = said.get(run["id"])
        if place == (run["leaf"], run["item"], run["digest"]):
            continue
        if run["id"] in admitted:
            false += 1
        elif place is None and type(run["leaf"]) is int and run["leaf"] < pack.head.first:
            earlier += 1
        else:
            raise IntegrityError(f"a flow run, one of {len(runs)}, is not what the ledger says")
    found = len(runs) - earlier - false
    detail = f"{found} of {len(runs)} runs are what leaves under the signed root last say of them"
    detail += f"; {earlier} were entered before the slice" if earlier else ""
    return detail + (f"; {false} are not, as the pack itself says" if false else "")

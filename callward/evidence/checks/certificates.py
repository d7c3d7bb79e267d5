"""A pack's certificates: each is genuine, and listed where it stands."""

import csv
import io
from collections.abc import Iterable, Sequence

from callward.errors import IntegrityError
from callward.evidence.checks.helper import begin, read_beside
from callward.evidence.checks.issued import Issued
from callward.evidence.checks.pack import Pack
from callward.evidence.layout import CERTIFICATES, INDEX, INDEX_COLUMNS, LEAVES, PER_FILE
from callward.ledger.keys import History


def check_certificates(pack: Pack) -> str:
    """Each is signed by this log's key, makes sense, and stands where the index says."""
    keys = pack.head.keys or History.of([pack.need_said().key])
    names = certificate_files(pack.members)
    files = [(name, pack.members[name]) for name in names]
    begun, pack.begun = pack.begun, None
    parts = read_beside(pack.path, files, keys, begun)
    found = [one for part in parts for one in part.issued]
    pack.issued = found
    failure = next((part.failure for part in parts if part.failure), "")
    if failure:
        raise IntegrityError(failure)
    _check_index(pack, names, found)
    pack.all_issued = True
    if not found:
        return "none was issued in the period"
    objects = sum(one.objects for one in found)
    return f"{len(found)}, each signed by this log's key, for {objects} objects"


def begin_certificates(pack: Pack) -> None:
    """Have a process beside read some of them while the leaves are read.

    By the pack's key: whether the log had others as well the leaves will show.
    """
    try:
        files = [(name, pack.members[name]) for name in certificate_files(pack.members)]
        leaves = pack.member(LEAVES).size
    except IntegrityError:
        return  # which the checks say themselves
    if pack.key:
        pack.begun = begin(pack.path, files, History.of([pack.key]), leaves)


def certificate_files(names: Iterable[str]) -> list[str]:
    """The files of certificates; IntegrityError if anything else lies in their folder."""
    there = sorted(name for name in names if name.startswith(CERTIFICATES))
    if not there:
        return []
    wanted = [f"{CERTIFICATES}{number:04}.jsonl" for number in range(1, len(there))]
    if there != [*wanted, INDEX]:
        raise IntegrityError(f"{CERTIFICATES} holds others than 0001.jsonl and so on, and an index")
    return wanted


def _check_index(pack: Pack, names: Sequence[str], found: Sequence[Issued]) -> None:
    """Written again, from what was read, the index must be the same."""
    ids = [one.id for one in found]
    if ids != sorted(set(ids)):
        raise IntegrityError("certificates are out of order, or one is there twice")
    if -(-len(found) // PER_FILE) != len(names):
        raise IntegrityError(f"{CERTIFICATES} has other files than its certificates fill")
    if names and pack.text(INDEX) != index_text(found):
        raise IntegrityError(f"{INDEX} lists other certificates than there are")


def index_text(found: Sequence[Issued]) -> str:
    """The index of certificates, in the order of their ids."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(INDEX_COLUMNS)
    writer.writerows(
        (
            one.id,
            one.controller,
            one.objects,
            one.issued_at,
            f"{number // PER_FILE + 1:04}.jsonl",
            number % PER_FILE + 1,
        )
        for number, one in enumerate(found)
    )
    return text.getvalue()

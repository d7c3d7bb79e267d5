"""Of which days a pack is, and whether it continues an earlier one."""

import hashlib
from pathlib import Path

from callward.errors import IntegrityError
from callward.evidence.bagit import TAG_MANIFEST
from callward.evidence.checks.model import NotCheckedError
from callward.evidence.checks.pack import Pack
from callward.evidence.clauses.model import Period
from callward.evidence.container import open_zip, read_chunks
from callward.evidence.layout import CHECKPOINT
from callward.evidence.statement import FILE, Said, period_of, read_statement
from callward.ledger.keys import History
from callward.ledger.notes import Checkpoint


def check_period(pack: Pack) -> str:
    """It is the pack of the days, or of the year, that the reader expects."""
    said, wanted = pack.need_said(), pack.wanted
    is_of = f"{_article(said.kind)} pack of {words(said.period)}, made {said.predicate['made_at']}"
    if wanted.period is not None and wanted.period != said.period:
        raise IntegrityError(f"{is_of}; expected was {words(wanted.period)}")
    if wanted.year is not None and (
        said.kind != "annual" or said.period.to_day.year != wanted.year
    ):
        raise IntegrityError(f"{is_of}; expected was the annual pack that ends in {wanted.year}")
    if wanted.period is None and wanted.year is None:
        raise NotCheckedError(f"{is_of}; look whether that is the one you expect")
    return f"{is_of}, as expected"


def words(period: Period) -> str:
    """A period in words."""
    return f"{period.from_day.isoformat()} to {period.to_day.isoformat()}"


def check_earlier(pack: Pack) -> str:
    """The ledger that the reader had in an earlier pack is the beginning of this one's."""
    said, path = pack.need_said(), pack.wanted.earlier
    if path is None:
        raise NotCheckedError(_continues(said))
    earlier, head = _read_earlier(path, pack)
    if earlier.predicate["instance"] != said.predicate["instance"]:
        raise IntegrityError("the earlier pack is another instance's")
    mine = pack.need_head()
    order = (earlier.predicate["made_at"], head.size)
    if earlier.predicate["made_at"] > said.predicate["made_at"] or head.size > mine.size:
        raise IntegrityError(
            f"this pack is older than the earlier one: it was made {said.predicate['made_at']} of "
            f"{mine.size} leaves, that one {order[0]} of {order[1]}"
        )
    if head.size in mine.roots:
        if mine.roots[head.size] != head.root:
            raise IntegrityError(f"at {head.size} leaves the earlier pack has another ledger")
        return f"its ledger of {head.size} leaves is the beginning of this one's"
    return _named(said, path, head)


def _named(said: Said, path: Path, head: Checkpoint) -> str:
    """Its leaves do not lead to this slice; but this pack may name it as the one before."""
    before = said.predicate["previous"]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if before is None or before["id"] != digest:
        raise NotCheckedError(
            f"this pack does not name it as the one before, and its slice begins after {head.size}"
            " leaves, where the earlier one ends: give the packs between them"
        )
    if before["size"] != head.size:
        raise IntegrityError("the pack before had another size than this one says")
    return f"it is the pack before, {digest}, by this pack's statement"


def _continues(said: Said) -> str:
    before = said.predicate["previous"]
    if before is None:
        return "names no pack before it; no earlier pack was given to compare"
    return (
        f"follows pack {before['id']} of {words(period_of(before['period']))}, "
        f"{before['size']} leaves; it was not given to compare"
    )


def earlier_size(path: Path | None) -> int | None:
    """How many leaves the earlier pack says that its ledger has; None if it is no pack."""
    try:
        return None if path is None else int(_open_earlier(path)[0].predicate["ledger"]["size"])
    except IntegrityError:
        return None


def _read_earlier(path: Path, pack: Pack) -> tuple[Said, Checkpoint]:
    """What the earlier pack says, and its head: signed by a key of this pack's ledger."""
    said, note = _open_earlier(path)
    keys = pack.expected or pack.head.keys or History.of([pack.key])
    if not keys.knows(said.key):
        raise IntegrityError("the earlier pack is signed by a key that is not this log's")
    head = keys.verify_checkpoint(note)
    if said.predicate["ledger"] != {"size": head.size, "root": head.root.hex()}:
        raise IntegrityError("the earlier pack's statement is of another checkpoint than it holds")
    return said, head


def _open_earlier(path: Path) -> tuple[Said, str]:
    """Its statement, and its checkpoint's note, unchecked."""
    try:
        file, members = open_zip(path)
    except IntegrityError as error:
        raise IntegrityError(f"the earlier pack: {error.args[0]}") from None
    with file:
        found = {}
        for wanted in (FILE, TAG_MANIFEST, CHECKPOINT):
            names = [name for name in members if name.partition("/")[2] == wanted]
            if len(names) != 1:
                raise IntegrityError(f"the earlier pack has no {wanted}")
            found[wanted] = b"".join(read_chunks(file, members[names[0]]))
    said = read_statement(found[FILE], found[TAG_MANIFEST])
    return said, found[CHECKPOINT].decode("utf-8", "replace")


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "annual" else f"a {kind}"

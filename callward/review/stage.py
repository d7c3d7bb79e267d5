"""Taking a review up where it stands, and publishing what the board has approved.

Plan (``deciding``, ``binding``), act (a pack), record (``book``): whoever stops it anywhere and
runs it again comes to the same end. Nothing is held while people think.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.guard import exclusive
from callward.clock import london_day, today
from callward.errors import DefectError, SettingsError
from callward.evidence.clauses.model import Period
from callward.evidence.model import Proof
from callward.evidence.proving import binding, prove
from callward.evidence.shelf import DRAFTS, settle
from callward.gates import require
from callward.instance import Instance
from callward.review import book
from callward.review.deciding import DECIDED, DraftChangedError, ReviewStateError, default_period
from callward.review.gate import SUITE, entry_frame
from callward.review.model import Point, Review, points_of
from callward.review.packs import Made, make_pack
from callward.run import EVERYBODY, Run, StageReport, Work
from callward.vault.cells import CellError

STAGE = "annual-review"
SHORTEST_DAYS: Final = 300
"""A review is of about a year."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A review as it stands, and the clauses of its present draft that are not met.

    ``changed``: the evidence was no longer that of the draft, and a new one was made.
    """

    review: Review
    points: tuple[Point, ...]
    changed: bool = False


def take_up(
    instance: Instance,
    work: Work,
    run: Run,
    report: StageReport,
    *,
    period: Period | None = None,
    begin: bool = True,
) -> Taken | None:
    """The open review with a draft of the evidence as it is now; else one is begun.

    None if there is none and none is to ``begin``. Raises SettingsError for a ``period`` that
    is not over or too short, ReviewStateError if another one is under review,
    GateFailedError if evidence is missing, altered or stale, BusyError while somebody else is
    at work, CellError if evidence differs from an open review's while a key cell is away.
    """
    with exclusive(instance.engine):
        settle(instance)
        with instance.reading() as connection:
            known, last = book.open_review(connection), book.reviewed_to(connection)
        if known is None and not begin:
            return None
        if known is None:
            period = period or default_period(today(instance.clock), last)
            _check(instance, period)
            made = _draft(instance, work, run, period, report)
            review = book.begin(instance, period, binding(made.proof, period), made.id)
            return Taken(review, points_of(made.proof))
        if period not in {None, known.period}:
            raise ReviewStateError(
                f"review {known.id} is open, of {known.period.from_day} to "
                f"{known.period.to_day}: end or withdraw it first"
            )
        with instance.reading() as connection:
            proof = prove(instance, connection, known.period)
        if binding(proof, known.period) == known.draft:
            return Taken(known, points_of(proof))
        _reached(known, proof)
        made = _draft(instance, work, run, known.period, report)
        draft = binding(made.proof, known.period)
        report.notes.append(f"the draft of review {known.id} has changed; decisions are void")
        return Taken(
            book.redraft(instance, known.id, draft, made.id), points_of(made.proof), changed=True
        )


def publish(
    instance: Instance, work: Work, run: Run, review: Review, report: StageReport
) -> Review:
    """Make the final pack of an approved review, enter it, and put it into evidence.

    Until the review is entered as published the pack lies among the drafts; whoever is killed
    before, or just behind that, leaves the rest to ``settle``.
    Raises DraftChangedError, with nothing made, if the evidence is no longer what was
    approved, CellError if it is not and a key cell cannot be reached; ReviewStateError if
    nobody has approved it.
    """
    with exclusive(instance.engine):
        with instance.reading() as connection:
            review = book.get(connection, review.id)
            if review.state not in DECIDED:
                raise ReviewStateError(f"review {review.id} is {review.state}: not approved")
            book.require_decided(connection, review)
            before = book.annual_pack(connection, review)
        if before is not None and _stands(instance, *before):
            pack = before[0]  # a run was stopped just behind it
        else:
            accept = partial(_same, review)
            told = review_json(review)
            made = make_pack(instance, work, run, review.period, "annual", told, accept)
            report.merge(made.report)
            pack = made.id
        done = book.publish(instance, review.id, review.draft, pack)
        settle(instance)
        return done


def proceed(
    instance: Instance,
    work: Work,
    run: Run,
    report: StageReport,
    *,
    period: Period | None = None,
) -> Review:
    """As far as a review goes without anybody's answer: a draft, or the final pack.

    Raises what ``take_up`` does.
    """
    taken = take_up(instance, work, run, report, period=period)
    if taken is None:
        raise DefectError("a review was to begin, and there is none")
    if taken.review.state in DECIDED:
        return publish(instance, work, run, taken.review, report)
    tell(report, taken)
    return taken.review


def review_json(review: Review) -> Mapping[str, Any]:
    """What the final pack says of its review: no names but a number."""
    return {
        "id": review.id,
        "draft": review.draft,
        "draft_pack": review.draft_pack,
        "state": review.state.value,
        "meeting_day": review.meeting_day.isoformat() if review.meeting_day else None,
        "minute": review.minute,
        "names": review.names,
        "comments": dict(review.comments),
        "actions": [
            {
                "id": one.id,
                "clause": one.clause,
                "action": one.action,
                "owner": one.owner,
                "due_day": one.due_day.isoformat(),
            }
            for one in review.actions
        ],
    }


def tell(report: StageReport, taken: Taken) -> None:
    """What a run that does not end in a published pack says of the review."""
    review = taken.review
    states = [one.must for one in taken.points]
    counts = {"gaps": states.count(True), "partly": states.count(False)}
    report.add(EVERYBODY, {**counts, "actions": len(review.actions)})
    days = f"{review.period.from_day} to {review.period.to_day}"
    report.notes.append(
        f"review {review.id} of {days} is {review.state}, draft {review.draft[:12]}"
    )
    report.notes += [f"{one.clause} {one.state}: {one.title}" for one in taken.points]


def _draft(instance: Instance, work: Work, run: Run, period: Period, report: StageReport) -> Made:
    def accept(proof: Proof) -> None:
        require(work.gates.check(SUITE, entry_frame(proof)))

    made = make_pack(instance, work, run, period, "draft", None, accept)
    report.merge(made.report)
    return made


def _same(review: Review, proof: Proof) -> None:
    now = binding(proof, review.period)
    if now != review.draft:
        _reached(review, proof)
        raise DraftChangedError(
            f"nothing was published: what was approved is draft {review.draft[:12]}, "
            f"and the evidence makes {now[:12]} now"
        )


def _reached(review: Review, proof: Proof) -> None:
    """Let a cell that is away for a moment void nobody's decision; CellError."""
    keys = proof.items.get("keys")
    away = keys.facts["cells"]["unreachable"] if keys else []
    if away:
        raise CellError(
            f"a key cell cannot be reached ({', '.join(away)}): review {review.id} is as it was; "
            "try again once it can, or withdraw the review"
        )


def _stands(instance: Instance, pack: str, name: str) -> bool:
    path = instance.settings.evidence / DRAFTS / name
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == pack


def _check(instance: Instance, period: Period) -> None:
    if not period.from_day <= period.to_day < today(instance.clock):
        raise SettingsError("a review is of days that are over, the first not after the last")
    if (period.to_day - period.from_day).days + 1 >= SHORTEST_DAYS:
        return
    with instance.reading() as connection:
        created = london_day(connection.execute(sa.select(t.instance.c.created_at)).scalar_one())
    young = (today(instance.clock) - created).days < SHORTEST_DAYS
    # A few days reviewed would count as the year's review.
    if not young or period.from_day > created:
        raise SettingsError(
            f"a review is of at least {SHORTEST_DAYS} days; of fewer only while the instance is "
            f"younger than that, from its first day on ({created})"
        )

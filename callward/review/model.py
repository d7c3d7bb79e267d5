"""A review, what is to be said in it, and what was said: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from callward.evidence.clauses.model import Period, State
from callward.evidence.gathering import moment
from callward.evidence.judges import sentence
from callward.evidence.model import Proof
from callward.review.deciding import ReviewState
from callward.review.paper import digest_of


@dataclass(frozen=True, slots=True)
class Point:
    """A clause that is not met: what the officer is asked about. ``says``: why, in words."""

    clause: str
    title: str
    owner: str
    state: State
    says: tuple[str, ...]

    @property
    def must(self) -> bool:
        """Whether it needs a remark or an action: every gap does."""
        return self.state is State.GAP


@dataclass(frozen=True, slots=True)
class Proposed:
    """An action as it was typed and found good; ``due_day`` in London."""

    clause: str
    action: str
    owner: str
    due_day: date


@dataclass(frozen=True, slots=True)
class Comments:
    """What the officer says of a draft: remarks by clause, actions, and who it was."""

    draft: str
    remarks: Mapping[str, str]
    actions: tuple[Proposed, ...]
    by: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the board has decided on a paper, when (London), and under which minute."""

    paper: str
    verdict: ReviewState
    meeting_day: date
    minute: str
    actions: tuple[Proposed, ...]
    names: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Action:
    """What a review has decided should be done; proposed until the review is published."""

    id: str
    review: str
    clause: str
    action: str
    owner: str
    due_day: date
    state: str
    reference: str | None
    opened_at: datetime
    closed_at: datetime | None

    def overdue(self, day: date) -> bool:
        """Whether it is open after its day."""
        return self.state == "open" and self.due_day < day

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "id": self.id,
            "review": self.review,
            "clause": self.clause,
            "action": self.action,
            "owner": self.owner,
            "due_day": self.due_day.isoformat(),
            "state": self.state,
            "reference": self.reference,
            "opened_at": moment(self.opened_at),
            "closed_at": moment(self.closed_at) if self.closed_at else None,
        }


@dataclass(frozen=True, slots=True)
class Review:
    """One review. ``drafted_at``: when its present draft pack was made.

    ``verdicts``: the state of each clause in that draft.
    """

    id: str
    period: Period
    state: ReviewState
    draft: str
    draft_pack: str
    drafted_at: datetime
    verdicts: Mapping[str, str]
    comments: Mapping[str, str]
    names: int | None
    meeting_day: date | None
    minute: str | None
    started_at: datetime
    commented_at: datetime | None
    decided_at: datetime | None
    pack: str | None
    actions: tuple[Action, ...] = ()

    @property
    def paper(self) -> str:
        """The digest of what is put to the board: draft, remarks and actions."""
        return digest_of(self.draft, self.comments, self.actions)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        moments = {
            name: moment(at) if (at := getattr(self, name)) else None
            for name in ("started_at", "drafted_at", "commented_at", "decided_at")
        }
        return {
            "id": self.id,
            "state": self.state.value,
            "from": self.period.from_day.isoformat(),
            "to": self.period.to_day.isoformat(),
            "draft": self.draft,
            "paper": self.paper,
            "draft_pack": self.draft_pack,
            **moments,
            "names": self.names,
            "meeting_day": self.meeting_day.isoformat() if self.meeting_day else None,
            "minute": self.minute,
            "pack": self.pack,
            "verdicts": dict(self.verdicts),
            "comments": dict(self.comments),
            "actions": [one.as_json() for one in self.actions],
        }


def points_of(proof: Proof) -> tuple[Point, ...]:
    """Every clause that is a gap or kept in part only, gaps first, else in the map's order."""
    clauses = {one.id: one for one in proof.clauses}
    found = [
        Point(
            clause=one.clause,
            title=clauses[one.clause].title,
            owner=clauses[one.clause].owner,
            state=one.state,
            says=tuple(sentence(finding) for finding in one.findings),
        )
        for one in proof.verdicts
        if one.state in {State.GAP, State.PARTLY}
    ]
    return tuple(sorted(found, key=lambda one: not one.must))


def gaps_of(review: Review) -> tuple[Point, ...]:
    """The gaps of a review's draft by what the catalogue remembers: without titles and reasons."""
    return tuple(
        Point(clause, "", "", State.GAP, ())
        for clause, state in review.verdicts.items()
        if state == State.GAP
    )

"""An instance whose notice is short, and whose evidence changes when a test says so."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from callward import night
from callward.clock import FixedClock
from callward.evidence.clauses.model import Context, Facts, Finding, Period, Weight
from callward.evidence.collectors import COLLECTORS
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.judges import JUDGES
from callward.gates import Gates
from callward.instance import Instance
from callward.review import book, stage
from callward.review.deciding import ReviewState
from callward.review.model import Comments, Decision, Proposed, Review
from callward.run import Run, StageReport, Work
from tests.support import PassingGates, rows

PERIOD = Period(date(2025, 11, 20), date(2026, 11, 19))
"""The twelve months to the day before ``tests.support.NOW``."""
DUE = date(2027, 2, 1)

_CLAUSE = """
  - id: {id}
    promise: N{number}
    title: {title}
    duty: We do what we have said.
    legal_basis: [UK GDPR Art 5(2)]
    iso27001: [A.5.1]
    ico: [Transparency]
    owner: {owner}
    evidence: {evidence}"""
_WEATHER = "[{item: weather, judge: sunny}]"
NOTICE = (
    'notice: Short notice\nedition: "1"\npublished: 2026-01-05\nlaws: []\nclauses:'
    + _CLAUSE.format(
        id="N1.1", number=1, title="Sunshine", owner="Head of Operations", evidence=_WEATHER
    )
    + _CLAUSE.format(
        id="N7.1", number=7, title="Marketing", owner="Head of Marketing", evidence="[]"
    )
    + "\n"
)
"""Two clauses: one kept in part, by the weather; one that nothing proves, which is a gap."""


@dataclass
class Sky:
    """What the evidence says; a change of ``clouds`` is a change of the draft."""

    clouds: int = 1
    asked: int = 0
    failing: bool = False
    newest: datetime | None = datetime(2026, 11, 19, 12, tzinfo=UTC)
    seen: list[Period] = field(default_factory=list)

    def collect(self, source: Source) -> Collected:
        """A collector."""
        if self.failing:
            raise OSError("canary")
        self.asked += 1
        self.seen.append(source.period)
        return Collected("the sky", self.newest, {"clouds": self.clouds}, {})


def sunny(facts: Facts, _context: Context) -> list[Finding]:
    """A judge."""
    return [Finding(Weight.PARTLY, "cloudy", facts["clouds"])] if facts["clouds"] else []


def watch_the_sky(patch: pytest.MonkeyPatch) -> Sky:
    """Let packs ask a sky that tests move."""
    sky = Sky()
    patch.setitem(COLLECTORS, "weather", sky.collect)
    patch.setitem(JUDGES, "sunny", sunny)
    return sky


def publish_notice(instance: Instance, text: str = NOTICE) -> None:
    """Give the instance a notice of its own."""
    (instance.settings.home / "notice.yaml").write_text(text)


def later(instance: Instance, **by: float) -> None:
    """Move the clock."""
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(**by)


def work_of(instance: Instance, gates: Gates | None = None) -> tuple[Work, Run]:
    """What a stage is given."""
    run = night.new_run(instance)
    return night.work_for(instance, gates or PassingGates(), run), run


def start(instance: Instance, gates: Gates | None = None, **told: Any) -> stage.Taken:
    """Begin a review or take it up, a second later than whatever was before."""
    later(instance, seconds=2)
    work, run = work_of(instance, gates)
    taken = stage.take_up(instance, work, run, StageReport(stage.STAGE), **told)
    assert taken is not None
    return taken


def publish(instance: Instance, review: Review) -> Review:
    """Publish a review, a second later."""
    later(instance, seconds=2)
    work, run = work_of(instance)
    return stage.publish(instance, work, run, review, StageReport(stage.STAGE))


def action(clause: str = "N7.1", due: date = DUE, what: str = "Write it down") -> Proposed:
    """An action."""
    return Proposed(clause, what, "Head of Marketing", due)


def comment(instance: Instance, review: Review, *actions: Proposed, by: str = "Ann") -> Review:
    """The officer's word."""
    said = Comments(review.draft, {"N7.1": "Nothing is sent at all."}, actions, by)
    return book.comment(instance, review.id, said, "terminal")


def decide(
    instance: Instance,
    review: Review,
    verdict: ReviewState = ReviewState.APPROVED,
    *actions: Proposed,
    names: tuple[str, ...] = ("Bea", "Cy"),
    day: date = date(2026, 11, 20),
) -> Review:
    """The board's word."""
    said = Decision(review.paper, verdict, day, "B/2026/11", actions, names)
    return book.decide(instance, review.id, said, "terminal")


def approved(instance: Instance, *actions: Proposed) -> Review:
    """A review as far as the board's approval."""
    review = comment(instance, start(instance).review, *actions)
    return decide(instance, review)


def events(instance: Instance) -> list[str]:
    """What the ledger says of reviews, in order."""
    said = sorted(rows(instance, "ledger_leaves", "position", "event"))
    return [event for _, event in said if event.startswith("review-")]


def ids(instance: Instance, event: str) -> dict[str, str]:
    """What the newest leaf of that event names."""
    said = sorted(rows(instance, "ledger_leaves", "position", "event", "body"))
    (*_, body) = (body for _, one, body in said if one == event)
    found: dict[str, str] = json.loads(str(body))["ids"]
    return found


def packs(instance: Instance) -> list[str]:
    """Kinds of the packs made, in order."""
    return [kind for _, kind in sorted(rows(instance, "packs", "made_at", "kind"))]


def pack_file(instance: Instance, pack: str | None) -> Path:
    """Where a published pack lies, by its id."""
    found = dict(rows(instance, "packs", "id", "name"))
    return instance.settings.evidence / str(found[pack])


def inside(instance: Instance, pack: str | None, path: str) -> bytes:
    """A member of a published pack."""
    with ZipFile(pack_file(instance, pack)) as archive:
        (name,) = (one for one in archive.namelist() if one.partition("/")[2] == path)
        return archive.read(name)


def previous(instance: Instance, review: Review) -> str | None:
    """Which pack a review's draft follows."""
    found: dict[str, str | None] = dict(rows(instance, "packs", "id", "previous"))
    return found[review.draft_pack]

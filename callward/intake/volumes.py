"""How many records came in, held against what usually comes on that weekday.

A supplier's export that silently broke delivers nothing, and one that lost its filter
delivers everything: neither has a bad row in it. See docs/decisions/0022.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Final

import pandas as pd
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import LONDON, london_day, today
from callward.errors import GateFailedError
from callward.gates import Outcome, require
from callward.instance import Instance
from callward.instructions.registry import all_in_force
from callward.intake.claims import forget_dead
from callward.run import Run, StageReport, Work

STAGE: Final = "ingest"
SUITE: Final = "ingest_volumes"
KIND: Final = "kind:"
"""How the counts of a stage name a kind of record: ``kind:sms``."""
MASKED: Final = "masked-records"
QUARANTINED: Final = "quarantined"

WEEKS: Final = 8
FEWEST: Final = 3
"""Earlier days it takes to say what is usual."""
LEAST: Final = 20
"""Of a median below this nothing is concluded."""
LOWEST: Final = 0.1
HIGHEST: Final = 10.0
"""Ratios to the median outside of which a day is unusual."""
LATER: Final = timedelta(hours=3)
"""A night is held against what had come on other days by that time, and so much later:
nights do not end to the minute, and a site may take in all day long."""
NAMED: Final = 20
"""How many unusual volumes a message names."""
_HALF_DAY = timedelta(hours=12)

Key = tuple[str, str]
"""Controller and kind."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Records of one controller and kind on one day; shares are of all its kinds, if told."""

    controller: str
    kind: str
    count: int
    median: float | None
    share_quarantined: float | None
    share_masked: float | None

    @property
    def ratio(self) -> float | None:
        """The count as a multiple of the median; None where there is none to speak of."""
        return self.count / self.median if self.median else None

    @property
    def unusual(self) -> bool:
        """Whether it is far from what usually comes, where enough does to say so."""
        if self.median is None or self.ratio is None or self.median < LEAST:
            return False
        return not LOWEST <= self.ratio <= HIGHEST


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts that one part of an ingest has recorded: on which day's night, how far into it."""

    day: date
    into: timedelta
    controller: str
    counts: Mapping[str, int]


def median_of_weekday(history: Mapping[date, int], day: date) -> float | None:
    """The median of the counts on ``day``'s weekday in the eight weeks before it.

    ``history`` has the days on which the count was or could have been; None if fewer
    than three of them fall on that weekday.
    """
    found = [history[one] for one in weekdays_before(day) if one in history]
    return float(median(found)) if len(found) >= FEWEST else None


def weekdays_before(day: date) -> list[date]:
    """The same weekday in each of the weeks that are looked at, newest first."""
    return [day - timedelta(weeks=week) for week in range(1, WEEKS + 1)]


def volumes(
    counted: Iterable[Counted],
    day: date,
    *,
    into: timedelta,
    up: Collection[date],
    expected: Collection[str],
) -> list[Volume]:
    """What came on ``day`` up to ``into`` it, per controller and kind, beside the usual.

    ``up``: days on which there was a run at all; of a kind that had come before, nothing
    came on those without a count. Of controllers that are not ``expected`` (any more)
    only what came is told.
    """
    days: defaultdict[Key, Counter[date]] = defaultdict(Counter)
    others: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in counted:
        if one.into > into + LATER:
            continue
        for name, count in one.counts.items():
            if name.startswith(KIND):
                days[one.controller, name.removeprefix(KIND)][one.day] += count
            elif one.day == day:
                others[one.controller][name] += count
    taken: Counter[str] = Counter()
    for (controller, _), found in days.items():
        taken[controller] += found[day]
    return [
        Volume(
            *key,
            count=found[day],
            median=median_of_weekday(_with_zeros(found, up), day),
            share_quarantined=_share(others[key[0]][QUARANTINED], taken[key[0]], besides=True),
            share_masked=_share(others[key[0]][MASKED], taken[key[0]]),
        )
        for key, found in sorted(days.items())
        if found[day] or key[0] in expected
    ]


def _with_zeros(found: Mapping[date, int], up: Collection[date]) -> dict[date, int]:
    """Days without a count are noughts from the first that has one."""
    first = min((day for day, count in found.items() if count), default=date.max)
    return {day: found.get(day, 0) for day in up if day >= first}


def _share(part: int, rest: int, *, besides: bool = False) -> float | None:
    """A share of records; None of fewer than are worth a share."""
    whole = rest + part if besides else rest
    return min(1.0, part / whole) if whole >= LEAST else None


def check_volumes(instance: Instance, work: Work, run: Run) -> StageReport:
    """Hold what came in today against other weeks, when a night has taken all in.

    To be asked when this worker has let go of its claims; while others are still at
    theirs nothing is judged: the last to end does. Raises GateFailedError naming
    controllers, kinds and counts. Nothing is undone by it.
    """
    found = [] if _others_at_work(instance) else _todays(instance, run)
    if found:
        result = work.gates.check(SUITE, frame(found))
        unusual = [one for one in found if one.unusual]
        if result.outcome is Outcome.FAILED and unusual:
            told = ", ".join(
                f"{one.controller} {one.count} of {one.kind} where {one.median:g} are usual"
                for one in unusual[:NAMED]
            )
            raise GateFailedError(f"gate {SUITE} failed over {result.rows} rows: {told}")
        require(result)
    return StageReport(STAGE)


def _others_at_work(instance: Instance) -> bool:
    with instance.unit() as connection:
        forget_dead(connection)
        # A drop's lease is a digest; what has a colon is not of an ingest.
        drops = sa.select(sa.func.count()).where(~t.leases.c.name.contains(":"))
        return bool(connection.scalar(drops))


def frame(found: Sequence[Volume]) -> pd.DataFrame:
    """What the gate is shown."""
    return pd.DataFrame(
        {
            "id": pd.Series([f"{one.controller}/{one.kind}" for one in found], dtype="str"),
            "controller": pd.Series([one.controller for one in found], dtype="str"),
            "kind": pd.Series([one.kind for one in found], dtype="str"),
            "count": pd.Series([one.count for one in found], dtype="int64"),
            **{
                name: pd.Series([getattr(one, name) for one in found], dtype="float64")
                for name in ("median", "ratio", "share_quarantined", "share_masked")
            },
        }
    )


def _todays(instance: Instance, run: Run) -> list[Volume]:
    """The volumes of the day on which the run began to count, up to now."""
    now = instance.clock.now()
    with instance.unit() as connection:
        began = connection.scalar(
            sa.select(sa.func.min(t.stage_counts.c.at)).where(t.stage_counts.c.night == run.night)
        )
        day = london_day(began) if began else today(instance.clock)
        wanted = {day, *weekdays_before(day)}
        nights = _nights(connection, wanted)
        counted = _counted(connection, nights, run.controller)
        expected = set(all_in_force(connection, today(instance.clock)))
    return volumes(
        counted,
        day,
        into=now - _midnight(day),
        up=set(nights.values()),
        expected=expected - run.unclear,
    )


def _nights(connection: sa.Connection, wanted: Collection[date]) -> dict[str, date]:
    """The runs that began to count on one of these days, whatever the stage."""
    row = t.stage_counts.c
    query = (
        sa.select(row.night, sa.func.min(row.at).label("began"))
        .where(_about(wanted))
        .group_by(row.night)
    )
    began = {one.night: london_day(one.began) for one in connection.execute(query)}
    return {night: day for night, day in began.items() if day in wanted}


def _counted(
    connection: sa.Connection, nights: Mapping[str, date], controller: str | None
) -> list[Counted]:
    row = t.stage_counts.c
    query = sa.select(row.night, row.controller, row.counts, row.at).where(
        row.stage == STAGE, _about(set(nights.values()))
    )
    if controller is not None:
        query = query.where(row.controller == controller)
    return [
        Counted(day, one.at - _midnight(day), one.controller, one.counts)
        for one in connection.execute(query)
        if (day := nights.get(one.night)) is not None
    ]


def _about(days: Collection[date]) -> sa.ColumnElement[bool]:
    """SQL: counted on one of these days, or in the half day on either side of it."""
    at = t.stage_counts.c.at
    spans = (
        sa.and_(
            at >= _midnight(day) - _HALF_DAY,
            at < _midnight(day + timedelta(days=1)) + _HALF_DAY,
        )
        for day in days
    )
    return sa.or_(sa.false(), *spans)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON)

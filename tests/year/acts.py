"""What people do in the simulated year by day, as they should and as they should not."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from callward import erasing, night
from callward.catalogue import tables as t
from callward.clock import today
from callward.opening import open_in_memory
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import RESTRICTION, lift_hold, place_hold
from callward.sbom.importing import import_report
from tests.support import PassingGates
from tests.year import days, papers
from tests.year.world import Year

_STRAY: Final = "0123456789abcdef/000000"

Act = Callable[[Year], None]


def by_day(day: date) -> Iterator[tuple[int, Act]]:
    """What is done on a day after its night: the hour, and what."""
    if day.weekday() == days.SUNDAY:
        yield 3, _scan
    if day.weekday() == days.WEDNESDAY:
        yield 4, _drill
    if day.day == 1:
        yield 6, _registers
    if day.day == 3 and day.month not in days.WITHOUT_REPORT:
        yield 8, _report
    yield from ((12, act) for on, act in _ONCE if on == day)


def _scan(year: Year) -> None:
    year.tell(night.residual_scan(year.instance).failures)


def _drill(year: Year) -> None:
    year.tell(night.restore_drill(year.instance).failures)


def _registers(year: Year) -> None:
    for check in (night.sub_processors, night.assurance):
        year.tell(check(year.instance)[0].failures)


def _report(year: Year) -> None:
    day = today(year.clock)
    path = papers.vulnerability_report(year.folder, day)
    import_report(year.instance, path, year.clock.now())


def _renew(year: Year) -> None:
    papers.certificate(
        year.instance, "cyber-essentials-plus", "2026-04-24", "2027-04-23", "cyber-essentials-2026"
    )
    _registers(year)


def _hold(year: Year) -> None:
    """A dispute over a call whose recording will be due while the hold stands."""
    target = _interaction(year, "recording", "acorn", days.at(date(2026, 1, 27), 0))
    year.marks["hold"] = place_hold(
        year.instance, "acorn", "interaction", target, "a dispute", days.HOLD_REVIEW
    )


def _lift(year: Year) -> None:
    lift_hold(year.instance, year.marks["hold"])


def _restrict(year: Year) -> None:
    target = _interaction(year, "recording", "acorn", days.at(date(2026, 8, 25), 0))
    year.marks["restriction"] = place_hold(
        year.instance,
        "acorn",
        "interaction",
        target,
        "she disputes it",
        days.RESTRICTION_REVIEW,
        basis=RESTRICTION,
    )


def _lift_restriction(year: Year) -> None:
    lift_hold(year.instance, year.marks["restriction"], RESTRICTION)


def _reject(year: Year) -> None:
    """Somebody decides about the one file that was refused."""
    (entry,) = _scalars(year, sa.select(t.quarantine.c.id).where(t.quarantine.c.state == "held"))
    year.tell(erasing.reject(year.instance, PassingGates(), entry).failures)


def _erase(year: Year) -> None:
    target = _interaction(year, "recording", "acorn", days.at(date(2026, 3, 1), 0))
    instruct_erasure(year.instance, [target], "the controller asks for it")


def _open(year: Year) -> None:
    one = _scalars(
        year,
        sa.select(t.objects.c.id)
        .where(t.objects.c.kind == "details", t.objects.c.state == "live")
        .order_by(t.objects.c.id),
    )[0]
    open_in_memory(year.instance, one, "the controller asks what was said")


def _stray(year: Year) -> None:
    year.instance.vault.store.put(_STRAY, [b"nobody knows whence"])


def _clear(year: Year) -> None:
    year.instance.vault.store.delete([_STRAY])


def _engage(year: Year) -> None:
    """A sub-processor that nobody has heard of before, and a controller that agrees to it."""
    papers.sub_processor(year.instance, "southwind", abroad=False)
    papers.instruct(
        year.instance,
        "acorn",
        "  enabled: true\n  engines: [clear]\n  sub_processors: [southwind]\n",
    )


def _away(year: Year) -> None:
    year.stranger.go()


def _back(year: Year) -> None:
    year.stranger.come(year.instance.signer.verifier)


_ONE = timedelta(days=1)
_ONCE: Final[tuple[tuple[date, Act], ...]] = (
    (days.HELD_FROM, _hold),
    (days.HOLD_LIFTED, _lift),
    (days.DECIDED, _reject),
    (days.ERASED, _erase),
    (days.LAPSED_TO + _ONE, _renew),
    (days.OPENED, _open),
    (days.STRAY_FOUND - _ONE, _stray),
    (days.STRAY_FOUND + _ONE, _clear),
    (days.WITNESS_DOWN[0] - _ONE, _away),
    (days.WITNESS_DOWN[1], _back),
    (days.RESTRICTED_FROM, _restrict),
    (days.RESTRICTED_TO, _lift_restriction),
    (days.NEW_SUB_PROCESSOR, _engage),
)
"""What happens once, at noon of its day."""


def _interaction(year: Year, kind: str, controller: str, since: datetime) -> str:
    """The first interaction of a kind since a moment."""
    row = t.interactions.c
    found = _scalars(
        year,
        sa.select(row.id)
        .where(row.kind == kind, row.controller == controller, row.ended_at >= since)
        .order_by(row.ended_at, row.id),
    )
    return found[0]


def _scalars(year: Year, query: sa.Select[tuple[Any]]) -> list[str]:
    with year.instance.reading() as connection:
        return [str(one) for one in connection.scalars(query)]

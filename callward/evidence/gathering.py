"""Asking every collector, and making evidence items of what they bring."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from callward.clock import LONDON, london_day
from callward.errors import CallwardError, scrubbed
from callward.evidence.clauses.model import Item, Period
from callward.evidence.collectors import COLLECTORS
from callward.evidence.collectors.base import Collected, Collector, Source
from callward.evidence.plain import encoded, moment
from callward.instance import Instance

__all__ = ["FOLDER", "Gathered", "encoded", "gather", "moment", "source_of"]

FOLDER: Final = "data/evidence"
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Evidence items by kind, the bytes of their files, and why others are missing."""

    items: Mapping[str, Item]
    files: Mapping[str, bytes]
    failures: Mapping[str, str] = field(default_factory=dict)
    """A sentence by kind of what a collector could not bring."""


def gather(
    instance: Instance,
    connection: sa.Connection,
    period: Period,
    collectors: Mapping[str, Collector] = COLLECTORS,
) -> Gathered:
    """Ask every collector about ``period``. One that fails leaves a gap, not a crash."""
    source = source_of(instance, connection, period)
    items: dict[str, Item] = {}
    files: dict[str, bytes] = {}
    failures: dict[str, str] = {}
    for kind, collector in collectors.items():
        try:
            item, content = _item(kind, collector(source), source)
        except CallwardError as error:
            failures[kind] = f"{kind}: {error}"
        except sa.exc.DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other evidence counts
            failures[kind] = f"{kind}: {scrubbed(error)}"
        else:
            items[kind], files[item.file] = item, content
    return Gathered(items, files, failures)


def source_of(instance: Instance, connection: sa.Connection, period: Period) -> Source:
    """The period in every form that collectors want."""
    now = instance.clock.now()
    first, last = (
        datetime.combine(day, datetime.min.time(), LONDON).astimezone(UTC)
        for day in (period.from_day, period.to_day + timedelta(days=1))
    )
    day = min(period.to_day, london_day(now))
    return Source(instance, connection, period, first, min(last, now + _TICK), now, day)


def _item(kind: str, found: Collected, source: Source) -> tuple[Item, bytes]:
    period = source.period
    content = encoded(
        {
            "kind": kind,
            "period": [period.from_day, period.to_day],
            "source": found.source,
            "newest": found.newest,
            "facts": found.facts,
            "details": found.details,
        }
    )
    digest = hashlib.sha256(content).hexdigest()
    told = [kind, period.from_day.isoformat(), period.to_day.isoformat(), digest]
    name = hashlib.sha256("/".join([*told, moment(source.now)]).encode()).hexdigest()[:32]
    facts: Mapping[str, Any] = json.loads(encoded(found.facts))
    path = f"{FOLDER}/{kind}.json"
    item = Item(name, kind, period, source.now, found.source, found.newest, path, digest, facts)
    return item, content

"""What a collector is given, and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from callward.evidence.clauses.model import Facts, Period
from callward.instance import Instance


@dataclass(frozen=True, slots=True)
class Source:
    """Where to look: an open connection (read only), and the period in every form.

    ``start`` and ``end`` are the period's first moment and the first after it, UTC; what
    happens ``now`` still counts, what comes later does not; ``day`` is the last London day
    that counts.
    """

    instance: Instance
    connection: sa.Connection
    period: Period
    start: datetime
    end: datetime
    now: datetime
    day: date


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collector has found.

    ``source``: from what, in a few words (tables, folders, events of the ledger);
    ``newest``: the moment of the newest thing in it, None if there is nothing;
    ``facts``: what judges, charts and summaries read: small, plain JSON;
    ``details``: everything an auditor may want beyond it, plain JSON, rows in a fixed order.
    No personal data in either: ids, codes, counts, days and digests.
    """

    source: str
    newest: datetime | None
    facts: Facts
    details: Mapping[str, Any]


Collector = Callable[[Source], Collected]
"""Reads only, and gives the same for the same catalogue, folders and period."""

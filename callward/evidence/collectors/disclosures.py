"""Disclosures: what went to which sub-processor, where, and by which instruction."""

from collections import Counter
from typing import Any

from callward.evidence.collectors.asof import month
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.disclosing import Disclosed, disclosed, register, rowless


def collect(source: Source) -> Collected:
    """Every disclosure begun in the period; one that never ended counts whole.

    ``rowless``: those that the ledger has announced, and of which no row is there.
    """
    found = disclosed(source, register(source))
    countries, receivers, months = Counter[str](), Counter[str](), Counter[str]()
    for one in found:
        countries[one.row.country] += one.recordings
        receivers[one.row.sub_processor] += one.recordings
        months[month(one.row.begun_at)] += one.recordings
    uncovered = [one for one in found if one.uncovered is not None]
    facts = {
        "disclosures": len(found),
        "recordings": sum(one.recordings for one in found),
        "by_country": dict(sorted(countries.items())),
        "by_sub_processor": dict(sorted(receivers.items())),
        "by_month": dict(sorted(months.items())),
        "uninstructed": [one.row.id for one in found if not one.instructed],
        "rowless": rowless(source),
        "unended": sum(not one.ended for one in found),
        "outside": sum(one.outside for one in found),
        "uncovered": len(uncovered),
        "uncovered_why": dict(sorted(Counter(str(one.uncovered) for one in uncovered).items())),
        "uncovered_countries": sorted({one.row.country for one in uncovered}),
    }
    newest = max((one.row.begun_at for one in found), default=None)
    told = "disclosures, instructions, sub-processors"
    return Collected(told, newest, facts, {"disclosures": [_row(one) for one in found]})


def _row(one: Disclosed) -> dict[str, Any]:
    row = one.row
    return {
        "id": row.id,
        "begun_at": row.begun_at,
        "ended_at": row.ended_at if one.ended else None,
        "controller": row.controller,
        "sub_processor": row.sub_processor,
        "country": row.country,
        "engine": row.engine,
        "instruction": row.instruction,
        "version": one.version,
        "state": "ended" if one.ended else "announced",
        "recordings": one.recordings,
        "seconds": round(row.seconds, 1) if one.ended else None,
        "instructed": one.instructed,
        "uncovered": one.uncovered,
    }

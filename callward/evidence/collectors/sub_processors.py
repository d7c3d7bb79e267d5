"""Sub-processors: how each stood on the period's last day, and while something went there."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from callward.clock import london_day
from callward.evidence.collectors.asof import counting, newest
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.disclosing import Disclosed, Entries, disclosed, register
from callward.regions import Region, region_of
from callward.registers.book import Version
from callward.subprocessors.checking import Finding, standing
from callward.subprocessors.model import UNTIL_TERMINATED, SubProcessor


def collect(source: Source) -> Collected:
    """The register as of the period's last day, and against whose use something spoke."""
    entries = register(source)
    found = disclosed(source, entries)
    current = {name: versions[-1].value for name, versions in entries.items()}
    active = {name: one for name, one in current.items() if one.status == "active"}
    standings = {name: standing(one, source.day) for name, one in active.items()}
    used = Counter[str]()
    for one in found:
        used[one.row.sub_processor] += one.recordings
    facts = {
        "entries": len(current),
        "active": sorted(active),
        "used": dict(sorted(used.items())),
        "unusable": {
            name: [one.code.value for one in some if one.forbids]
            for name, some in standings.items()
            if any(one.forbids for one in some)
        },
        "expiring": {
            name: [_told(one) for one in some if not one.forbids]
            for name, some in standings.items()
            if any(not one.forbids for one in some)
        },
        "history": _history(found),
        "outside": _outside(active, found, source.day),
        "elsewhere": _elsewhere(found, entries),
    }
    last = newest([*(one[-1].loaded_at for one in entries.values()), *_begun(found)])
    details = {"entries": [_row(one) for some in entries.values() for one in some]}
    return Collected("sub-processors, disclosures", last, facts, details)


def _begun(found: Sequence[Disclosed]) -> list[Any]:
    return [one.row.begun_at for one in found]


def _told(one: Finding) -> dict[str, Any]:
    return {"code": one.code.value, "about": one.about, "day": one.day, "days_left": one.days_left}


def _history(found: Sequence[Disclosed]) -> dict[str, dict[str, dict[str, Any]]]:
    """By sub-processor and code: on which days something went although it was not to."""
    told: dict[str, dict[str, dict[str, Any]]] = {}
    for one in found:
        for code in one.against:
            day = london_day(one.row.begun_at)
            entry = told.setdefault(one.row.sub_processor, {})
            known = entry.setdefault(code, {"disclosures": 0, "from": day, "to": day})
            known["disclosures"] += 1
            known["from"], known["to"] = min(known["from"], day), max(known["to"], day)
    return dict(sorted(told.items()))


def _outside(
    active: dict[str, SubProcessor], found: Sequence[Disclosed], day: date
) -> dict[str, dict[str, Any]]:
    """Those with, or to which something went in, countries outside the UK and EEA."""
    told: dict[str, dict[str, Any]] = {}
    gone: dict[tuple[str, str], bool] = {}
    for one in found:
        if one.outside:
            place = (one.row.sub_processor, one.row.country)
            gone[place] = gone.get(place, True) and one.uncovered is None
    listed = {
        (name, country)
        for name, value in active.items()
        for country in value.regions
        if region_of(country) is Region.THIRD
    }
    for name, country in sorted(gone.keys() | listed):
        entry = told.setdefault(name, {"countries": [], "used": [], "uncovered": []})
        entry["countries"].append(country)
        if (name, country) in gone:
            entry["used"].append(country)
        if not gone.get((name, country), _covered(active.get(name), country, day)):
            entry["uncovered"].append(country)
    return told


def _covered(value: SubProcessor | None, country: str, day: date) -> bool:
    """Whether a safeguard that counts in the UK has been signed and is not over."""
    return value is not None and any(
        one.kind != "SCCs"
        and country in one.countries
        and one.signed <= day
        and (one.expires == UNTIL_TERMINATED or _last(one.expires) >= day)
        for one in value.safeguards
    )


def _last(expires: date | str) -> date:
    return expires if isinstance(expires, date) else date.max


def _elsewhere(found: Sequence[Disclosed], entries: Entries) -> dict[str, list[str]]:
    """Countries to which something went that the register did not list when it went."""
    gone: set[tuple[str, str]] = set()
    for one in found:
        name, country = one.row.sub_processor, one.row.country
        known = counting(entries.get(name, ()), one.row.begun_at)
        if known is None or country not in known.value.regions:
            gone.add((name, country))
    told: dict[str, list[str]] = {}
    for name, country in sorted(gone):
        told.setdefault(name, []).append(country)
    return told


def _row(one: Version[SubProcessor]) -> dict[str, Any]:
    return {
        "version": one.version,
        "sha256": one.digest,
        "loaded_at": one.loaded_at,
        **one.value.model_dump(mode="json"),
    }

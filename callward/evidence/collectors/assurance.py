"""Assurance: how each item stood on the period's last day, and when one had lapsed within it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from callward.assurance.checking import Fails, Finding, standing
from callward.assurance.documents import Seen, look_at
from callward.assurance.load import BOOK
from callward.assurance.model import Item
from callward.assurance.required import REQUIRED
from callward.clock import london_day
from callward.evidence.collectors.asof import first_day, newest
from callward.evidence.collectors.base import Collected, Source
from callward.registers.book import Version

_ONE_DAY = timedelta(days=1)
_Span = tuple[date, date]


def collect(source: Source) -> Collected:
    """The register as it was known at the period's end; documents are looked at now."""
    known = BOOK.known_before(source.connection, source.end)
    items = [one[-1].value for one in known.values() if not _gone(source, one[-1].value)]
    active = [one for one in items if one.status == "active"]
    found = standing(items, _documents(source, active), (), source.day)
    kinds = {one.id: one.kind for one in items}
    facts = {
        "items": [_item(one, source.day) for one in active],
        "findings": [_finding(one, kinds) for one in found],
        "lapsed": _lapsed(known.values(), first_day(source), source.day),
        "missing": [one.item for one in found if one.code is Fails.MISSING],
    }
    details = {"versions": [_version(one) for some in known.values() for one in some]}
    last = newest(one.loaded_at for some in known.values() for one in some)
    return Collected("assurance items, documents", last, facts, details)


def _gone(source: Source, item: Item) -> bool:
    """What is over is history once its file has gone: its document need not be there."""
    over = item.last_day < source.day and not (item.findings and item.findings.grave)
    return over and not (source.instance.settings.assurance / f"{item.id}.yaml").exists()


def _documents(source: Source, active: Sequence[Item]) -> Mapping[str, Seen]:
    folder = source.instance.settings.assurance_documents
    return {one.id: look_at(folder, one.document) for one in active if one.document is not None}


def _item(item: Item, day: date) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "first_day": item.first_day,
        "last_day": item.last_day,
        "days_left": (item.last_day - day).days,
    }


def _finding(one: Finding, kinds: Mapping[str, str]) -> dict[str, Any]:
    return {
        "item": one.item,
        "kind": kinds.get(one.item, one.item),
        "code": one.code.value,
        "about": one.about,
        "day": one.day,
        "fails": one.fails,
    }


def _version(one: Version[Item]) -> dict[str, Any]:
    return {
        "version": one.version,
        "sha256": one.digest,
        "loaded_at": one.loaded_at,
        **one.value.model_dump(mode="json", exclude_none=True),
    }


def _lapsed(
    known: Iterable[Sequence[Version[Item]]], first: date, last: date
) -> dict[str, dict[str, Any]]:
    """By promised kind: on how many days, between which, none of it was in force."""
    spans: dict[str, list[_Span]] = {}
    for versions in known:
        for kind, span in covered(versions):
            spans.setdefault(kind, []).append(span)
    told: dict[str, dict[str, Any]] = {}
    for one in REQUIRED:
        days = uncovered(spans.get(one.kind, ()), first, last)
        if days:
            told[one.kind] = {"days": len(days), "from": days[0], "to": days[-1]}
    return told


def covered(versions: Sequence[Version[Item]]) -> list[tuple[str, _Span]]:
    """The days on which an item was in force, by kind, from all its versions, oldest first.

    A version that begins later renews the one before, which counts up to then; one that
    begins no later corrects it. What was ended counted until it was.
    """
    found: list[tuple[str, _Span]] = []
    for one in versions:
        item, ended = one.value, one.value.status == "ended"
        before = (london_day(one.loaded_at) if ended else item.first_day) - _ONE_DAY
        found = [
            (kind, (begins, min(ends, before)))
            for kind, (begins, ends) in found
            if begins <= before
        ]
        if not ended:
            # Who is in an office stays in it when somebody forgets to look at it again.
            last = date.max if item.kind == "dpo" else item.last_day
            found.append((item.kind, (item.first_day, last)))
    return found


def uncovered(spans: Sequence[_Span], first: date, last: date) -> list[date]:
    """The days from ``first`` to ``last``, both included, that no span covers."""
    days = [first + _ONE_DAY * number for number in range((last - first).days + 1)]
    return [day for day in days if not any(begins <= day <= ends for begins, ends in spans)]

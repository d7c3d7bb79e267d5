"""Disclosures of the period, each held against the instruction and the register of its day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.asof import began, counting, days_of, in_force, within
from callward.evidence.collectors.base import Source
from callward.instructions import registry as instructions
from callward.instructions.registry import VersionedInstruction
from callward.instructions.transcription import Transfer
from callward.ledger.leaves import parse_leaf
from callward.regions import Region, region_of
from callward.registers.book import Version
from callward.subprocessors.checking import may_go_to, standing
from callward.subprocessors.model import SubProcessor
from callward.subprocessors.registry import BOOK

ANNOUNCED: Final = "disclosure-announced"
"""What the ledger calls a disclosure that is about to begin."""

Entries = Mapping[str, Sequence[Version[SubProcessor]]]


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One batch that went to a sub-processor, and what spoke against it.

    ``recordings``: that went; all that may have gone, if it had not ended by the period's end.
    ``version``: of the instruction that it names; None if its controller has none such.
    ``against``: codes of what forbade the sub-processor's use then.
    ``uncovered``: outside the UK and EEA, why nothing covered it (a code), else None.
    """

    row: sa.Row[*tuple[Any, ...]]
    ended: bool
    recordings: int
    version: int | None
    instructed: bool
    against: tuple[str, ...]
    outside: bool
    uncovered: str | None


def rowless(source: Source) -> list[str]:
    """Disclosures that the ledger has announced in the period, and no row is there; sorted."""
    leaf = t.ledger_leaves.c
    query = sa.select(leaf.body).where(leaf.event == ANNOUNCED, within(leaf.at, source))
    entered = {
        parse_leaf(body).ids.get("disclosure", "-") for body in source.connection.scalars(query)
    }
    row = t.disclosures.c
    there = sa.select(row.id).where(within(row.begun_at, source))
    return sorted(entered.difference(source.connection.scalars(there)))


def register(source: Source) -> Entries:
    """Every version of every sub-processor loaded before the period's end."""
    return BOOK.known_before(source.connection, source.end)


def disclosed(source: Source, entries: Entries) -> list[Disclosed]:
    """Every disclosure begun in the period, the oldest first."""
    row = t.disclosures.c
    query = sa.select(t.disclosures).where(within(row.begun_at, source))
    found = source.connection.execute(query.order_by(row.begun_at, row.id)).all()
    told = instructions.known_before(source.connection, source.end) if found else {}
    announced = _announced(source, [one for one in found if not _ended(one, source)])
    nights = began(source) if found else {}
    return [
        _disclosed(
            one,
            announced.get(one.id),
            told.get(one.controller, []),
            entries,
            days_of(one.begun_at, nights.get(one.night)),
        )
        for one in found
    ]


def _ended(row: sa.Row[*tuple[Any, ...]], source: Source) -> bool:
    """Whether it was known, when the period ended, what of it had gone."""
    return row.ended_at is not None and row.ended_at < source.end


def _announced(source: Source, open_: Sequence[sa.Row[*tuple[Any, ...]]]) -> dict[str, int]:
    """By id, how many recordings were announced of disclosures that had not ended.

    From the ledger, for the row says what went once it is known. Without an entry: the row's.
    """
    if not open_:
        return {}
    leaf = t.ledger_leaves.c
    query = sa.select(leaf.body).where(leaf.event == ANNOUNCED, within(leaf.at, source))
    entered = [parse_leaf(body) for body in source.connection.scalars(query)]
    by_id = {one.ids.get("disclosure"): one.items for one in entered}
    return {one.id: by_id.get(one.id, one.recordings) for one in open_}


def _disclosed(
    row: sa.Row[*tuple[Any, ...]],
    announced: int | None,
    told: Sequence[VersionedInstruction],
    entries: Entries,
    days: Sequence[date],
) -> Disclosed:
    """``days``: those for which the night may have worked."""
    current = [in_force(told, day, row.begun_at) for day in days]
    named = next((one for one in reversed(told) if one.digest == row.instruction), None)
    entry = counting(entries.get(row.sub_processor, ()), row.begun_at)
    value = entry.value if entry else None
    outside = region_of(row.country) is Region.THIRD
    transfers = named.instruction.transcription.transfers if named else ()
    return Disclosed(
        row=row,
        ended=announced is None,
        recordings=row.recordings if announced is None else announced,
        version=named.version if named else None,
        instructed=named is not None and named in current and _authorises(named, row.sub_processor),
        against=_against(value, days),
        outside=outside,
        uncovered=_uncovered(value, row, transfers, days) if outside else None,
    )


def _authorises(named: VersionedInstruction, sub_processor: str) -> bool:
    said = named.instruction.transcription
    return said.enabled and sub_processor in said.sub_processors


def _against(value: SubProcessor | None, days: Sequence[date]) -> tuple[str, ...]:
    """What forbade its use, on whichever day the night may have worked for."""
    if value is None:
        return ("unregistered",)
    found = [tuple(one.code.value for one in standing(value, day) if one.forbids) for day in days]
    return min(found, key=len)


def _uncovered(
    value: SubProcessor | None,
    row: sa.Row[*tuple[Any, ...]],
    transfers: Collection[Transfer],
    days: Sequence[date],
) -> str | None:
    codes = [may_go_to(value, row.country, day, transfers) for day in days]
    return None if None in codes else codes[0]

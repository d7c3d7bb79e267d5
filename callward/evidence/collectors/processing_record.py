"""The record of processing that a processor keeps (UK GDPR Art 30(2)), made of what is in force.

What the law wants in it: the processor, its controllers and data protection officer; the
categories of processing done for each; transfers with their safeguards; and, where
possible, a general description of the security measures.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from callward.assurance.load import BOOK
from callward.assurance.model import Item
from callward.catalogue import tables as t
from callward.evidence.collectors.asof import holding, in_force, kept, newest
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.disclosing import Entries, register
from callward.instructions import registry
from callward.instructions.classes import RETENTION_CLASSES
from callward.instructions.model import Instruction
from callward.instructions.registry import VersionedInstruction
from callward.instructions.transcription import Transfer

MEASURES: Final[Sequence[tuple[str, tuple[str, ...]]]] = (
    ("Whatever is kept is encrypted under keys of its own, which lie in key cells.", ("N12.1",)),
    ("Transcripts are encrypted as recordings are.", ("N4.2",)),
    ("Payment card data are taken out before anything is kept.", ("N2.1",)),
    (
        "What is due is destroyed every night with the keys to it, in backups too.",
        ("N11.2", "N11.4"),
    ),
    ("People get in with more than a password, to what their role needs.", ("N12.3",)),
    ("Networks are segregated, and lines and remote access secured.", ("N12.4",)),
    ("Whoever opens what is kept gives a reason, which is recorded.", ("N8.2",)),
    ("The software in use is looked through for known vulnerabilities.", ("N12.2",)),
    ("Every change is in a ledger that only grows.", ("N12.6",)),
    ("Backups are restored in a drill every week.", ("N11.4",)),
    ("Incidents are noticed, recorded and told to the controllers concerned.", ("N12.5",)),
)
"""The general description (Art 30(2)(d)), and the clauses that prove each, by their ids in the
map that is delivered with Callward."""


def collect(source: Source) -> Collected:
    """The record as of the period's last day, and what is missing in it."""
    versions = registry.known_before(source.connection, source.end)
    entries, us = register(source), _us(source)
    current = {
        name: found
        for name, some in versions.items()
        if (found := in_force(some, source.day, source.end))
    }
    kinds = _kinds(source)
    controllers = [_controller(one, kinds.get(name, []), entries) for name, one in current.items()]
    facts = {
        "controllers": len(controllers),
        "lawful_bases": {name: one.instruction.lawful_basis for name, one in current.items()},
        "without_instruction": [one for one in holding(source) if one not in current],
        "unknown_sub_processors": _unknown(current, entries),
        "transfers": sum(len(one["transfers"]) for one in controllers),
        "without_safeguard": _without_safeguard(controllers),
        "processor_named": us["name"] is not None,
        "officer_named": us["data_protection_officer"] is not None,
        "measures": len(MEASURES),
    }
    details = {
        "law": "UK GDPR Art 30(2)",
        "day": source.day,
        "processor": us,
        "controllers": controllers,
        "security": [{"measure": said, "clauses": list(proved)} for said, proved in MEASURES],
    }
    last = newest(one.loaded_at for one in current.values())
    told = "instructions, sub-processors, assurance, objects"
    return Collected(told, last, facts, details)


def _controller(
    version: VersionedInstruction, kinds: Sequence[str], entries: Entries
) -> dict[str, Any]:
    said = version.instruction
    speech = said.transcription
    wanted = speech.sub_processors if speech.enabled else ()
    return {
        "controller": said.controller,
        "name": said.name,
        "approved_by": said.approved_by,
        "reference": said.reference,
        "instruction": {"version": version.version, "sha256": version.digest},
        "lawful_basis": said.lawful_basis,
        "processing": {
            "kept": {name: str(said.retention.of(name)) or "none" for name in RETENTION_CLASSES},
            "kinds": kinds,
            "transcription": _transcription(said),
            "card_data": said.card_data,
        },
        "sub_processors": [_sub_processor(one, entries) for one in wanted],
        "transfers": [_transfer(one, entries) for one in speech.transfers if speech.enabled],
    }


def _transcription(said: Instruction) -> dict[str, Any]:
    speech = said.transcription
    if not speech.enabled:
        return {"enabled": False}
    return {"enabled": True, "language": speech.language, "engines": list(speech.engines)}


def _sub_processor(name: str, entries: Entries) -> dict[str, Any]:
    if name not in entries:
        return {"id": name, "name": None, "service": None, "countries": []}
    value = entries[name][-1].value
    countries = list(value.regions)
    return {"id": name, "name": value.name, "service": value.service, "countries": countries}


def _transfer(one: Transfer, entries: Entries) -> dict[str, Any]:
    """A transfer as instructed, with the reference of what covers it in the register."""
    known = entries[one.sub_processor][-1].value.safeguards if one.sub_processor in entries else ()
    signed = [
        safeguard.reference
        for safeguard in known
        if safeguard.kind == one.safeguard and one.country in safeguard.countries
    ]
    return {**one.model_dump(mode="json"), "signed": signed}


def _unknown(current: Mapping[str, VersionedInstruction], entries: Entries) -> list[str]:
    """Sub-processors that a controller authorises and of which the register knows nothing."""
    speech = [one.instruction.transcription for one in current.values()]
    wanted = {name for one in speech if one.enabled for name in one.sub_processors}
    return sorted(wanted - entries.keys())


def _without_safeguard(controllers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The places to which a transfer is instructed and that no signed safeguard covers."""
    return sorted(
        {
            f"{transfer['sub_processor']}/{transfer['country']}"
            for one in controllers
            for transfer in one["transfers"]
            if not transfer["signed"]
        }
    )


def _kinds(source: Source) -> dict[str, list[str]]:
    """The kinds of what was kept when the period ended, by controller."""
    row = t.objects.c
    query = sa.select(row.controller, row.kind).where(kept(source)).distinct()
    found: dict[str, list[str]] = {}
    for controller, kind in source.connection.execute(query.order_by(row.controller, row.kind)):
        found.setdefault(controller, []).append(kind)
    return {name: sorted(kinds) for name, kinds in found.items()}


def _us(source: Source) -> dict[str, Any]:
    """The processor, as its registration and its officer's entry name it."""
    known = BOOK.known_before(source.connection, source.end)
    items = [one[-1].value for one in known.values() if one[-1].value.status == "active"]
    by_kind: dict[str, Item] = {one.kind: one for one in items}
    named = by_kind.get("ico-registration") or by_kind.get("dpo")
    officer = by_kind.get("dpo")
    told = None if officer is None else {"office": officer.office, "contact": officer.contact}
    return {
        "name": named.holder if named else None,
        "registration": by_kind["ico-registration"].reference
        if "ico-registration" in by_kind
        else None,
        "data_protection_officer": told,
    }

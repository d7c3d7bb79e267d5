"""Entries of a register for tests: one that is in order, and changes to it."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from callward.instance import Instance
from callward.subprocessors.model import SubProcessor
from callward.subprocessors.reader import read_sub_processor

DAY = date(2026, 11, 20)
"""The London day on which the clocks of test instances stand."""

FULL = """\
id: northwind
name: Northwind Speech Ltd
service: speech to text
status: active
endpoints: [https://speech.northwind.example/v1, api.northwind.example]
regions: [GB, IE, "NO", US]
agreement:
  reference: DPA/14
  signed: 2025-01-15
  expires: until terminated
  review: 2027-06-30
safeguards:
  - kind: IDTA
    reference: IDTA/7
    signed: 2025-01-15
    expires: 2027-06-30
    countries: [US]
certificates:
  - kind: ISO 27001
    issuer: An accredited body
    reference: IS 700123
    expires: 2027-06-30
commitments:
  no_training: true
  no_onward_use: true
risk: low
due_diligence: 2026-01-10
next_review: 2027-06-30
approved_by: Head of Data Protection
"""
"""Nothing forbids its use on ``DAY``, and nothing runs out within 90 days."""


def changed(changes: Mapping[str, str]) -> str:
    """``FULL`` with texts replaced, each once; AssertionError for one that is not in it."""
    text = FULL
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    return text


def entry(**said: Any) -> SubProcessor:
    """A sub-processor as ``FULL`` has it, but for what is said."""
    base = {
        "id": "northwind",
        "name": "Northwind Speech Ltd",
        "service": "speech to text",
        "status": "active",
        "regions": ["GB", "IE", "US"],
        "agreement": agreement(),
        "safeguards": [safeguard()],
        "certificates": [certificate()],
        "commitments": {"no_training": True, "no_onward_use": True},
        "risk": "low",
        "due_diligence": date(2026, 1, 10),
        "next_review": date(2027, 6, 30),
        "approved_by": "Head of Data Protection",
    }
    return SubProcessor.model_validate(base | said)


def agreement(**said: Any) -> dict[str, Any]:
    """An agreement in force for a good while."""
    base = {"reference": "DPA/14", "signed": date(2025, 1, 15), "expires": date(2027, 6, 30)}
    return base | said


def safeguard(**said: Any) -> dict[str, Any]:
    """An IDTA for the United States, in force for a good while."""
    return {**agreement(reference="IDTA/7"), "kind": "IDTA", "countries": ["US"]} | said


def certificate(**said: Any) -> dict[str, Any]:
    """An ISO 27001 certificate that is valid for a good while."""
    base = {"kind": "ISO 27001", "issuer": "A body", "reference": "IS 7"}
    return {**base, "expires": date(2027, 6, 30)} | said


def register(instance: Instance, text: str = FULL, name: str = "northwind") -> Path:
    """Write an entry's file into an instance's register."""
    path = instance.settings.sub_processors / f"{name}.yaml"
    path.write_text(text.replace("id: northwind", f"id: {name}", 1))
    return path


def read(folder: Path, text: str | bytes) -> SubProcessor:
    """Write ``text`` as northwind.yaml and read it."""
    path = folder / "northwind.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_sub_processor(path).value

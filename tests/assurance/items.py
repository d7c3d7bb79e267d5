"""Items of the register for tests: a whole register that is in order, and changes to it."""

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from callward.assurance.model import Item
from callward.assurance.reader import read_item
from callward.instance import Instance

DAY = date(2026, 11, 20)
"""The London day on which the clocks of test instances stand."""

PAPER = b"%PDF-1.7 a certificate"
SHA256 = hashlib.sha256(PAPER).hexdigest()

_DOCUMENT = f"document:\n  file: paper.pdf\n  sha256: {SHA256}\n"


def _granted(name: str, issuer: str) -> str:
    return (
        f"id: {name}\nkind: {name}\nholder: Callward Contact Centres Ltd\n"
        f"reference: {name.upper()}/1\nscope: all sites\nissuer: {issuer}\n"
        f"issued: 2025-06-01\nexpires: 2027-06-30\n{_DOCUMENT}"
    )


TEST = f"""\
id: penetration-test
kind: penetration-test
status: active
holder: Callward Contact Centres Ltd
reference: PT/2026
scope: what can be reached from outside, and the telephony
tester:
  name: Northwind Testing Ltd
  crest: CREST/1234
performed: 2026-09-01
findings:
  critical: 0
  high: 0
  medium: 2
  low: 5
  remediated_by: 2027-03-01
{_DOCUMENT}"""

DPO = """\
id: dpo
kind: dpo
holder: Callward Contact Centres Ltd
reference: BOARD/2025-11
scope: all processing
office: Data Protection Officer
contact: https://www.callward.example/data-protection
appointed: 2025-01-15
review: 2027-06-30
"""

FULL: Mapping[str, str] = {
    "iso-27001": _granted("iso-27001", "An accredited body"),
    "iso-9001": _granted("iso-9001", "An accredited body"),
    "cyber-essentials-plus": _granted("cyber-essentials-plus", "A certification body"),
    "penetration-test": TEST,
    "ico-registration": _granted("ico-registration", "Information Commissioner's Office"),
    "dpo": DPO,
}
"""All that is promised, by id; nothing fails on ``DAY``, and nothing is due within 90 days."""

_HELD = {"holder": "Callward Contact Centres Ltd", "reference": "R/1", "scope": "all"}
_PAPER = {"document": {"file": "paper.pdf", "sha256": SHA256}}
_GRANTED = {
    **_HELD,
    **_PAPER,
    "issuer": "A body",
    "issued": date(2025, 6, 1),
    "expires": date(2027, 6, 30),
}
_BASE: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(("iso-27001", "iso-9001", "cyber-essentials-plus"), _GRANTED),
    "ico-registration": _GRANTED,
    "other": _GRANTED,
    "penetration-test": {
        **_HELD,
        **_PAPER,
        "tester": {"name": "A tester", "crest": "CREST/1"},
        "performed": date(2026, 9, 1),
        "findings": {"critical": 0, "high": 0, "medium": 0, "low": 0},
    },
    "dpo": {
        **_HELD,
        "office": "Data Protection Officer",
        "contact": "https://www.callward.example/dpo",
        "appointed": date(2025, 1, 15),
        "review": date(2027, 6, 30),
    },
}


def item(kind: str, name: str = "", **said: Any) -> Item:
    """An item that is in order on ``DAY``, but for what is said."""
    return Item.model_validate({"id": name or kind, "kind": kind, **_BASE[kind], **said})


def everything(*instead: Item) -> list[Item]:
    """One item of every kind that is promised, those given in place of theirs."""
    given = {one.kind for one in instead}
    kinds = [kind for kind in _BASE if kind != "other" and kind not in given]
    return [*(item(kind) for kind in kinds), *instead]


def enter(instance: Instance, text: str, name: str) -> Path:
    """Write an item's file into an instance's register."""
    path = instance.settings.assurance / f"{name}.yaml"
    path.write_text(text)
    return path


def enter_all(instance: Instance, texts: Mapping[str, str] = FULL) -> None:
    """Write a whole register, and the document that its items name."""
    (instance.settings.assurance_documents / "paper.pdf").write_bytes(PAPER)
    for name, text in texts.items():
        enter(instance, text, name)


def read(folder: Path, text: str | bytes) -> Item:
    """Write ``text`` as item.yaml and read it."""
    path = folder / "item.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_item(path).value

"""The year's papers: instructions, registers, reports of vulnerabilities."""

import hashlib
import json
from datetime import date
from functools import cache
from pathlib import Path

from callward.instance import Instance
from callward.sbom.environment import environment
from tests.subprocessors.entries import FULL
from tests.year.days import MESSAGES, RECORDINGS, TESTED

_PAPER = b"%PDF-1.7 a certificate"
_HEAD = (
    "holder: Callward Contact Centres Ltd\nscope: all sites\n"
    f"document:\n  file: paper.pdf\n  sha256: {hashlib.sha256(_PAPER).hexdigest()}\n"
)

SETTINGS = """\
processes = 1
approval_wait_minutes = 0
[engine.abroad]
kind = "http"
url = "https://speech.northwind.example/v1"
model = "m"
country = "US"
sub_processor = "northwind"

[engine.clear]
kind = "http"
url = "https://speech.southwind.example/v1"
model = "m"
sub_processor = "southwind"
"""
"""``callward.toml``: engines at sub-processors, in the United States and at home."""


def instruct(instance: Instance, controller: str, transcription: str = "") -> None:
    """Write a controller's instruction; ``transcription``: lines below that key, none: off."""
    kept = MESSAGES.get(controller)
    records = f"  messages: {kept} days\n  interactions: {kept} days\n" if kept else ""
    said = transcription or "  enabled: false\n"
    path = instance.settings.instructions / f"{controller}.yaml"
    path.write_text(
        f"controller: {controller}\n"
        f"name: {controller.title()} Ltd\n"
        "effective_from: 2020-01-01\n"
        "approved_by: Head of Data Protection\n"
        "reference: REF/1\n"
        "lawful_basis: contract\n"
        f"retention:\n  recordings: {RECORDINGS[controller]} days\n{records}"
        f"card_data: {'scan' if controller == 'birch' else 'pause_and_resume'}\n"
        f"transcription:\n{said}"
    )


def sub_processor(instance: Instance, name: str, *, abroad: bool) -> None:
    """Enter a sub-processor that is in order; ``abroad``: in the US too, without a safeguard."""
    head, _, rest = FULL.partition("safeguards:\n")
    text = head + "certificates:\n" + rest.partition("certificates:\n")[2]
    text = text.replace('[GB, IE, "NO", US]', "[GB, US]" if abroad else "[GB]")
    text = text.replace("northwind", name).replace("2027-06-30", "2028-06-30")
    text = text.replace("2026-01-10", "2025-12-10")
    (instance.settings.sub_processors / f"{name}.yaml").write_text(text)


def certificate(
    instance: Instance, kind: str, issued: str, expires: str, name: str | None = None
) -> None:
    """Enter a certificate that was granted."""
    _enter(
        instance,
        name or kind,
        f"kind: {kind}\nreference: {kind.upper()}/{issued[:4]}\nissuer: A body\n"
        f"issued: {issued}\nexpires: {expires}\n",
    )


def assurance(instance: Instance) -> None:
    """Everything that is promised, with its paper; two of it run out in the year."""
    (instance.settings.assurance_documents / "paper.pdf").write_bytes(_PAPER)
    for kind in ("iso-27001", "iso-9001", "ico-registration"):
        certificate(instance, kind, "2025-06-01", "2028-06-30")
    certificate(instance, "cyber-essentials-plus", "2025-04-01", "2026-03-31")
    _enter(
        instance,
        "penetration-test",
        "kind: penetration-test\nreference: PT/2025\n"
        "tester:\n  name: Northwind Testing Ltd\n  crest: CREST/1234\n"
        f"performed: {TESTED}\n"
        "findings:\n  critical: 0\n  high: 0\n  medium: 2\n  low: 5\n",
    )
    text = (
        "id: dpo\nkind: dpo\nholder: Callward Contact Centres Ltd\nreference: BOARD/2025-11\n"
        "scope: all processing\noffice: Data Protection Officer\n"
        "contact: https://www.callward.example/data-protection\n"
        "appointed: 2025-01-15\nreview: 2028-06-30\n"
    )
    (instance.settings.assurance / "dpo.yaml").write_text(text)


def _enter(instance: Instance, name: str, text: str) -> None:
    (instance.settings.assurance / f"{name}.yaml").write_text(f"id: {name}\n{text}{_HEAD}")


_installed = cache(environment)


def vulnerability_report(folder: Path, day: date) -> Path:
    """What pip-audit says of what is installed here: nothing is known of any of it.

    It names no day, so it is the same month after month.
    """
    clean = [
        {"name": one.name, "version": one.version, "vulns": []}
        for one in _installed().packages.values()
    ]
    path = folder / f"report-{day:%Y-%m}.json"
    path.write_text(json.dumps({"dependencies": clean, "fixes": []}))
    return path

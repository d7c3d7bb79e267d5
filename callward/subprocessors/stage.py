"""The monthly check of the register: what forbids use today, what will within 90 days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from callward.clock import today
from callward.instance import Instance
from callward.ledger import log
from callward.registers.telling import page, sentence
from callward.run import EVERYBODY, StageReport
from callward.subprocessors.checking import WITHIN_DAYS, Finding, Forbids, Warns
from callward.subprocessors.load import Register, load_register

STAGE: Final = "sub-processors"
CHECKED_EVENT: Final = "sub-processors-checked"

MEANS: Final[Mapping[Forbids | Warns, str]] = MappingProxyType(
    {
        Forbids.UNREADABLE: "its file in the register is wrong or has gone; mend it",
        Forbids.ENDED: "we have ended its use",
        Forbids.NOT_APPROVED: "nobody has approved it",
        Forbids.DPA_MISSING: "there is no data processing agreement in force; have one signed",
        Forbids.DPA_EXPIRED: "the data processing agreement has run out; renew it",
        Forbids.DUE_DILIGENCE_MISSING: "nobody has looked into it; do the due diligence",
        Forbids.REVIEW_OVERDUE: "it was to be looked into again by now; do so",
        Forbids.TRAINING: "it has not bound itself to train nothing with the data",
        Forbids.ONWARD_USE: "it has not bound itself to use the data for nothing else",
        Forbids.CERTIFICATE_MISSING: "it has neither an ISO 27001 certificate nor a SOC 2 report",
        Forbids.CERTIFICATE_EXPIRED: "its ISO 27001 certificate or SOC 2 report has run out; "
        "ask for the new one",
        Warns.DPA_EXPIRING: "the data processing agreement runs out; renew it",
        Warns.REVIEW_DUE: "it is to be looked into again",
        Warns.CERTIFICATE_EXPIRING: "the certificate runs out; ask for the new one",
        Warns.CERTIFICATE_LAPSED: "the certificate has run out; use is still covered by another",
        Warns.SAFEGUARD_EXPIRING: "what covers transfers to that country runs out; renew it",
        Warns.SAFEGUARD_LAPSED: "what covers transfers to that country has run out: "
        "nothing may go there",
    }
)
"""What each code means and asks for, for people."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The register, and what was found in it; ``counts`` by what they count."""

    register: Register
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many there are, how many must not be used, and how much lapses soon."""
        return {
            "sub-processors": len(self.register.ids),
            "unusable": len({one.sub_processor for one in self.findings if one.to_mend}),
            "ended": sum(one.code is Forbids.ENDED for one in self.findings),
            "expiring": sum(not one.forbids for one in self.findings),
        }


def checked(register: Register, day: date, within: int = WITHIN_DAYS) -> Checked:
    """Look at everything in a register as of a London day."""
    return Checked(register, tuple(register.findings(day, within)))


def check_register(instance: Instance) -> Checked:
    """Load the register and look at everything in it; the ledger says that it was done."""
    found = checked(load_register(instance), today(instance.clock))
    now = instance.clock.now()
    with instance.unit() as connection:
        log.append(connection, CHECKED_EVENT, [], at=now, counts=found.counts)
    return found


def report_of(found: Checked) -> StageReport:
    """A check as a stage's report; whatever forbids use is a failure."""
    report = StageReport(STAGE)
    report.add(EVERYBODY, found.counts)
    against = [f"{one.sub_processor} {one.code}" for one in found.findings if one.to_mend]
    if against:
        told = f"{found.counts['unusable']} not usable: {', '.join(against)}"
        report.failures.append(f"[sub-processor-findings] {told}")
        report.failures.extend(found.register.problems.values())
    elif not found.register.ids:
        report.outcome = "NoSubProcessors"
    return report


def as_rows(findings: Sequence[Finding]) -> list[dict[str, str | int | None]]:
    """A row of a table for each finding."""
    return [
        {
            "sub-processor": one.sub_processor,
            "finding": one.code.value,
            "about": one.about,
            "day": None if one.day is None else one.day.isoformat(),
            "days left": one.days_left,
            "usable": "no" if one.forbids else "yes",
        }
        for one in findings
    ]


def overview(register: Register, day: date) -> list[dict[str, str | int | None]]:
    """A row of a table for each sub-processor; version 0 is not loaded yet."""
    findings = [one for one in register.findings(day) if one.forbids]
    rows: list[dict[str, str | int | None]] = []
    for name in register.ids:
        against = " ".join(one.code for one in findings if one.sub_processor == name)
        entry = register.entries.get(name)
        said = entry.value if entry else None
        rows.append(
            {
                "sub-processor": name,
                "version": entry.version if entry else None,
                "service": said.service if said else None,
                "regions": " ".join(said.regions) if said else None,
                "risk": said.risk if said else None,
                "usable": "no" if against else "yes",
                "because": against or None,
            }
        )
    return rows


def as_markdown(found: Checked) -> str:
    """The check for people who know neither codes nor files."""
    counts = found.counts
    summary = (
        f"{counts['sub-processors']} in the register, {counts['ended']} of them ended. "
        f"**{counts['unusable']} must not be used as things stand**; "
        f"{counts['expiring']} points need attention."
    )
    parts = {
        "Must not be used": [_sentence(one) for one in found.findings if one.to_mend],
        "Needs attention": [_sentence(one) for one in found.findings if not one.forbids],
    }
    return page("Sub-processors", summary, parts, found.register.problems.values())


def _sentence(one: Finding) -> str:
    said = f"{MEANS[one.code]} (`{one.code}`)"
    return sentence(one.sub_processor, one.about, (one.day, one.days_left), said)

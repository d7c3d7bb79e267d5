"""The monthly check of the assurance register: what is not as promised, what will not be soon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from callward.assurance.checking import WITHIN_DAYS, Fails, Finding, Warns
from callward.assurance.load import Assurance, load_assurance
from callward.assurance.required import REQUIRED
from callward.clock import today
from callward.instance import Instance
from callward.ledger import log
from callward.registers.telling import page, sentence
from callward.run import EVERYBODY, StageReport

STAGE: Final = "assurance"
CHECKED_EVENT: Final = "assurance-checked"

MEANS: Final[Mapping[Fails | Warns, str]] = MappingProxyType(
    {
        Fails.UNREADABLE: "its file in the register is wrong or has gone; mend it",
        Fails.MISSING: "the notice promises it, and there is none; get it, and enter it",
        Fails.EXPIRED: "it has run out; renew it",
        Fails.NOT_YET: "it does not count yet, and there is no other",
        Fails.TEST_OLD: "it is older than a year; have the next one done",
        Fails.REVIEW_OVERDUE: "the appointment was to be looked at again by now; do so",
        Fails.NO_CREST: "nothing says that the tester is a member of CREST; ask for its reference",
        Fails.FINDINGS_OVERDUE: "critical or high findings were to be put right by now; do so",
        Fails.DOCUMENT_MISSING: "its document is not in the folder; put it back",
        Fails.DOCUMENT_CHANGED: "its document is not the one that was entered; find out why",
        Fails.DOCUMENT_UNREADABLE: "its document is no file that can be read, or too large",
        Warns.EXPIRING: "it runs out; renew it",
        Warns.TEST_DUE: "it will be a year old; have the next one done",
        Warns.REVIEW_DUE: "the appointment is to be looked at again",
        Warns.FINDINGS_DUE: "critical or high findings are to be put right",
        Warns.LAPSED: "it has run out; nothing was promised of it",
    }
)
"""What each code means and asks for, for people."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The register, and what was found in it; ``counts`` by what they count."""

    register: Assurance
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many items there are, how many findings fail, and how many warn."""
        return {
            "items": len(self.register.ids),
            "failing": sum(one.fails for one in self.findings),
            "attention": sum(not one.fails for one in self.findings),
        }


def checked(register: Assurance, day: date, within: int = WITHIN_DAYS) -> Checked:
    """Look at everything in a register as of a London day."""
    return Checked(register, tuple(register.findings(day, within)))


def check_assurance(instance: Instance) -> Checked:
    """Load the register and look at everything in it; the ledger says that it was done."""
    found = checked(load_assurance(instance), today(instance.clock))
    now = instance.clock.now()
    with instance.unit() as connection:
        log.append(connection, CHECKED_EVENT, [], at=now, counts=found.counts)
    return found


def report_of(found: Checked) -> StageReport:
    """A check as a stage's report; whatever is not as promised is a failure."""
    report = StageReport(STAGE)
    report.add(EVERYBODY, found.counts)
    against = [f"{one.item} {one.code}" for one in found.findings if one.fails]
    if against:
        told = f"{len(against)} not as promised: {', '.join(against)}"
        report.failures.append(f"[assurance-findings] {told}")
        report.failures.extend(found.register.problems.values())
    return report


def as_rows(findings: Sequence[Finding]) -> list[dict[str, str | int | None]]:
    """A row of a table for each finding."""
    return [
        {
            "item": one.item,
            "finding": one.code.value,
            "about": one.about,
            "day": None if one.day is None else one.day.isoformat(),
            "days left": one.days_left,
            "as promised": "no" if one.fails else "yes",
        }
        for one in findings
    ]


def overview(register: Assurance, day: date) -> list[dict[str, str | int | None]]:
    """A row of a table for each item, and for each kind that is missing; version 0: not loaded."""
    missing: list[str] = []
    against: dict[str, list[str]] = {}
    for one in register.findings(day):
        if one.code is Fails.MISSING:
            missing.append(one.item)
        elif one.fails:
            against.setdefault(one.item, []).append(one.code)
    rows = [_row(name, register, " ".join(against.get(name, ()))) for name in register.ids]
    blank = dict.fromkeys(("version", "status", "last day"))
    return rows + [
        {"item": None, "kind": kind, **blank, "because": Fails.MISSING.value} for kind in missing
    ]


def _row(name: str, register: Assurance, against: str) -> dict[str, str | int | None]:
    entry = register.entries.get(name)
    item = entry.value if entry else None
    return {
        "item": name,
        "kind": item.kind if item else None,
        "version": entry.version if entry else None,
        "status": item.status if item else None,
        "last day": item.last_day.isoformat() if item else None,
        "because": against or None,
    }


def as_markdown(found: Checked) -> str:
    """The check for people who know neither codes nor files."""
    counts = found.counts
    summary = (
        f"{counts['items']} items in the register. **{counts['failing']} points are not as "
        f"promised**; {counts['attention']} need attention."
    )
    parts = {
        "Not as promised": [_sentence(one) for one in found.findings if one.fails],
        "Needs attention": [_sentence(one) for one in found.findings if not one.fails],
        "Promised": [f"{one.words} ({one.promise})" for one in REQUIRED],
    }
    return page("Assurance", summary, parts, found.register.problems.values())


def _sentence(one: Finding) -> str:
    said = f"{MEANS[one.code]} (`{one.code}`)"
    return sentence(one.item, one.about, (one.day, one.days_left), said)

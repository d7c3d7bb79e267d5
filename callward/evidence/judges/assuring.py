"""Independent assurance: whether what is promised is in force, was, and is on paper."""

from collections.abc import Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

_IN_FORCE: Final = frozenset(
    {"required-missing", "expired", "not-yet-valid", "test-older-than-a-year"}
)
"""Codes of the register that say that nothing of a kind is in force."""
_GAPS: Final = _IN_FORCE | {"tester-without-crest", "findings-overdue"}

MEANS: Final[Mapping[str, str]] = {
    "required-missing": "there is no entry for it in the register",
    "item-unreadable": "[an entry|{count} entries] in the register cannot be read: {about}",
    "expired": "[a certificate or registration has|{count} certificates or registrations have] "
    "run out: {about}",
    "not-yet-valid": "[an entry in the register does|{count} entries in the register do] not count "
    "yet: {about}",
    "test-older-than-a-year": "[the last penetration test is|the last penetration tests are] older "
    "than a year: {about}",
    "tester-without-crest": "[the tester is|the testers are] not known to be accredited by CREST: "
    "{about}",
    "findings-overdue": "critical or high findings of [a penetration test|{count} penetration "
    "tests] were not put right by the day set: {about}",
    "dpo-review-overdue": "the data protection officer's [appointment was|appointments were] to be "
    "looked at again by now: {about}",
    "document-missing": "[the document that shows it is|{count} documents that show it are] not "
    "there: {about}",
    "document-changed": "[the document that shows it is not the one that was|{count} documents "
    "that show it are not those that were] entered: {about}",
    "document-unreadable": "[the document that shows it|{count} documents that show it] cannot be "
    "read: {about}",
    "expiring": "[a certificate or registration runs|{count} certificates or registrations run] "
    "out soon: {about}",
    "test-due": "the next penetration [test is|tests are] due soon: {about}",
    "dpo-review-due": "the data protection officer's [appointment is|appointments are] to be "
    "looked at again soon: {about}",
    "findings-due": "critical or high findings of [a penetration test|{count} penetration tests] "
    "are to be put right soon: {about}",
    "lapsed-for-a-time": "it was not in force on {count} day[s]: {about}",
    "certificate-alone": "nothing in the records of this system shows it; [a certificate in force "
    "covers|{count} certificates in force cover] it: {about}",
    "certificate-not-in-force": "nothing in the records of this system shows it, and no "
    "certificate that would cover it is in force",
}


def assured(facts: Facts, context: Context) -> Iterator[Finding]:
    """What is promised of a ``kind`` is in force, was all the time, and its paper is there."""
    kind = context.options["kind"]
    grouped: dict[str, list[str]] = {}
    for one in facts["findings"]:
        if one["kind"] == kind:
            day = f" ({one['day']})" if one["day"] else ""
            grouped.setdefault(one["code"], []).append(f"{one['item']}{day}")
    fails = {one["code"] for one in facts["findings"] if one["fails"]}
    for code, about in grouped.items():
        weight = Weight.PARTLY if code in fails else Weight.NOTE
        yield Finding(Weight.GAP if code in _GAPS else weight, code, len(about), tuple(about))
    if not _IN_FORCE & grouped.keys():
        yield from _lapsed(facts, kind)


def _lapsed(facts: Facts, kind: str) -> Iterator[Finding]:
    """It is in force again, and was not for a time."""
    lapsed = facts["lapsed"].get(kind)
    if lapsed:
        about = (f"{lapsed['from']} to {lapsed['to']}",)
        yield Finding(Weight.PARTLY, "lapsed-for-a-time", lapsed["days"], about)


def covered_by(facts: Facts, context: Context) -> Iterator[Finding]:
    """Nothing here shows it: at best a certificate of a ``kind`` covers it, while in force."""
    kind, day = context.options["kind"], context.day.isoformat()
    in_force = tuple(
        one["id"]
        for one in facts["items"]
        if one["kind"] == kind and one["first_day"] <= day <= one["last_day"]
    )
    if in_force:
        yield Finding(Weight.PARTLY, "certificate-alone", len(in_force), in_force)
        yield from _lapsed(facts, kind)
    else:
        yield Finding(Weight.GAP, "certificate-not-in-force")


JUDGES: Final[Mapping[str, Judge]] = {"assured": assured, "covered-by": covered_by}

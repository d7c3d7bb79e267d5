"""What controllers have told us: approved, within the ceiling, with a lawful basis, on record."""

from collections.abc import Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

MEANS: Final[Mapping[str, str]] = {
    "no-controllers": "nobody has given us an instruction, and nothing is kept for anybody",
    "controller-without-instruction": "records are kept for {count} controller[s] without an "
    "instruction in force: {about}",
    "instruction-unapproved": "{count} version[s] of instructions name[s|] no approving office or "
    "no reference: {about}",
    "instructions-changed": "{count} controller[s] [has|have] given [a new or changed "
    "instruction|new or changed instructions]: {about}",
    "period-beyond-ceiling": "{count} controller[s] [has|have] records kept for longer than three "
    "years, or for a time that cannot be read: {about}",
    "lawful-basis-missing": "for {count} controller[s] the lawful basis is not recorded: {about}",
    "record-without-processor": "the record of processing does not name us: neither the "
    "registration with the ICO nor the data protection officer is in the register of assurance",
    "record-without-officer": "the record of processing does not name a data protection officer",
    "record-without-security": "the record of processing does not describe the security measures",
    "record-without-sub-processor": "{count} sub-processor[s] that controllers authorise [is|are] "
    "not in the register, so the record of processing cannot describe [it|them]: {about}",
    "record-without-safeguard": "{count} transfer[s] that controllers instruct [has|have] no "
    "signed safeguard on record: {about}",
}


def instructions_approved(facts: Facts, _: Context) -> Iterator[Finding]:
    """Every controller has an instruction in force, and every version an approval."""
    without, unapproved = tuple(facts["without"]), tuple(facts["unapproved"])
    changed = tuple(facts["changed"])
    if not facts["controllers"] and not without:
        yield Finding(Weight.NOT_APPLICABLE, "no-controllers")
    if without:
        yield Finding(Weight.GAP, "controller-without-instruction", len(without), without)
    if unapproved:
        yield Finding(Weight.GAP, "instruction-unapproved", len(unapproved), unapproved)
    if changed:
        yield Finding(Weight.NOTE, "instructions-changed", len(changed), changed)


def within_ceiling(facts: Facts, _: Context) -> Iterator[Finding]:
    """No class is kept for longer than three years."""
    beyond = facts["beyond"]
    if not facts["controllers"]:
        yield Finding(Weight.NOT_APPLICABLE, "no-controllers")
    if beyond:
        about = tuple(f"{name}/{one}" for name, some in sorted(beyond.items()) for one in some)
        yield Finding(Weight.GAP, "period-beyond-ceiling", len(beyond), about)


def lawful_basis(facts: Facts, _: Context) -> Iterator[Finding]:
    """The basis of each controller's processing is recorded, as it told us."""
    yield from _without_instruction(facts)
    missing = tuple(sorted(name for name, one in facts["lawful_bases"].items() if not one))
    if missing:
        yield Finding(Weight.GAP, "lawful-basis-missing", len(missing), missing)


def article_30(facts: Facts, _: Context) -> Iterator[Finding]:
    """The record of processing says all that the law wants in it."""
    yield from _without_instruction(facts)
    if not facts["processor_named"]:
        yield Finding(Weight.GAP, "record-without-processor")
    if not facts["officer_named"]:
        yield Finding(Weight.PARTLY, "record-without-officer")
    if not facts["measures"]:
        yield Finding(Weight.PARTLY, "record-without-security")
    for name, code in (
        ("unknown_sub_processors", "record-without-sub-processor"),
        ("without_safeguard", "record-without-safeguard"),
    ):
        missing = tuple(facts[name])
        if missing:
            yield Finding(Weight.PARTLY, code, len(missing), missing)


def _without_instruction(facts: Facts) -> Iterator[Finding]:
    without = tuple(facts["without_instruction"])
    if without:
        yield Finding(Weight.GAP, "controller-without-instruction", len(without), without)
    elif not facts["controllers"]:
        yield Finding(Weight.NOT_APPLICABLE, "no-controllers")


JUDGES: Final[Mapping[str, Judge]] = {
    "article-30": article_30,
    "instructions-approved": instructions_approved,
    "lawful-basis": lawful_basis,
    "within-ceiling": within_ceiling,
}

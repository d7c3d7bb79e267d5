"""Destruction: on its day, certified, complete, also in backups; holds and erasures."""

from collections.abc import Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

SWEEP_OPEN: Final = 31
"""Days that key cells may take at most to destroy a root; a sweep open for longer is stuck."""
ERASE_WITHIN: Final = 1
"""Days by which an erasure may miss the night that could have done it."""
ERASE_BY: Final = 30
"""Days after which an erasure is without excuse (a month, UK GDPR Art 12(3), 12A)."""


def timely(facts: Facts, context: Context) -> Iterator[Finding]:
    """On its day, neither early nor late, in the retention classes that the map names."""
    names = context.options["classes"].split()
    mine = {name: facts["by_class"][name] for name in names if name in facts["by_class"]}
    overdue = {name: facts["overdue"][name] for name in names if facts["overdue"].get(name)}
    if overdue:
        yield Finding(Weight.GAP, "overdue", sum(overdue.values()), tuple(sorted(overdue)))
    for field, weight, code in (
        ("early", Weight.GAP, "destroyed-early"),
        ("late", Weight.PARTLY, "destroyed-late"),
        ("excused", Weight.NOTE, "destroyed-when-free"),
        ("instructed", Weight.NOTE, "destroyed-on-instruction"),
    ):
        counts = {name: one[field] for name, one in mine.items() if one[field]}
        if counts:
            yield Finding(weight, code, sum(counts.values()), tuple(sorted(counts)))
    told = facts["hold_not_told"]
    not_told = {name: told[name] for name in names if told.get(name)}
    if not_told:
        yield Finding(
            Weight.PARTLY, "hold-not-told", sum(not_told.values()), tuple(sorted(not_told))
        )
    held = {name: facts["held"][name] for name in names if facts["held"].get(name)}
    if held:
        yield Finding(Weight.NOTE, "kept-on-hold", sum(held.values()), tuple(sorted(held)))
    if not (overdue or held or not_told or any(one["destroyed"] for one in mine.values())):
        yield Finding(Weight.NOT_APPLICABLE, "nothing-due", 0, tuple(names))


def certified(facts: Facts, _context: Context) -> Iterator[Finding]:
    """Every sweep has its certificates, or is known not to have ended."""
    if facts["uncertified"]:
        yield Finding(Weight.GAP, "uncertified", facts["uncertified"])
    if facts["open_sweeps"]:
        stuck = facts["open_days"] > SWEEP_OPEN
        if stuck:
            yield Finding(Weight.PARTLY, "sweep-stuck", facts["open_days"])
        else:
            yield Finding(Weight.NOTE, "sweep-open", facts["open_sweeps"])
    if not (facts["destroyed"] or facts["open_sweeps"]):
        yield Finding(Weight.NOT_APPLICABLE, "nothing-destroyed")


def nothing_left(facts: Facts, _context: Context) -> Iterator[Finding]:
    """Every store was searched every week, and what was found is gone."""
    standing, cleared = facts["standing"], facts["cleared"]
    if standing:
        yield Finding(Weight.GAP, "residue", sum(standing.values()), tuple(sorted(standing)))
    if cleared:
        yield Finding(Weight.PARTLY, "residue-cleared", sum(cleared.values()), tuple(cleared))
    yield from _weekly(facts, "scans-missing")


def drills_passed(facts: Facts, _context: Context) -> Iterator[Finding]:
    """A drill every week, and the last one passed."""
    if facts["last"] not in (None, "passed"):
        yield Finding(Weight.GAP, "drill-failed")
    elif facts["failed"]:
        yield Finding(Weight.PARTLY, "drill-failed-before", facts["failed"])
    if facts["empty"]:
        yield Finding(Weight.PARTLY, "drill-empty", facts["empty"])
    yield from _weekly(facts, "drills-missing")


def _weekly(facts: Facts, code: str) -> Iterator[Finding]:
    missing = facts["missing_weeks"]
    if facts["not_yet_due"]:
        yield Finding(Weight.NOT_APPLICABLE, "not-yet-due")
    if missing:
        yield Finding(Weight.PARTLY, code, len(missing), tuple(missing))


def holds_reviewed(facts: Facts, _context: Context) -> Iterator[Finding]:
    """Each was looked at again by its day, and nothing under one was destroyed."""
    overdue, late = facts["overdue"], facts["late"]
    if facts["held_destroyed"]:
        yield Finding(Weight.GAP, "held-destroyed", facts["held_destroyed"])
    standing = sum(facts["standing"].values())
    if overdue:
        yield Finding(Weight.GAP, "hold-review-overdue", len(overdue), tuple(overdue))
    if late:
        yield Finding(Weight.PARTLY, "hold-lifted-late", len(late), tuple(late))
    if standing and not overdue:
        yield Finding(Weight.NOTE, "holds-standing", standing, tuple(facts["standing"]))
    if not (standing or facts["lifted"]):
        yield Finding(Weight.NOT_APPLICABLE, "no-holds")


def restrictions_kept(facts: Facts, _context: Context) -> Iterator[Finding]:
    """What was restricted was neither destroyed nor used."""
    if not facts["restrictions"]:
        yield Finding(Weight.NOT_APPLICABLE, "no-restrictions")
        return
    for name, weight, code in (
        ("destroyed", Weight.GAP, "restricted-destroyed"),
        ("transcribed", Weight.GAP, "restricted-used"),
        ("not_told", Weight.PARTLY, "restriction-not-told"),
        ("opened", Weight.NOTE, "restricted-opened"),
    ):
        if facts[name]:
            yield Finding(weight, code, facts[name])


def erasures_done(facts: Facts, _context: Context) -> Iterator[Finding]:
    """What was instructed went with the next night, or when its hold was lifted."""
    days, waiting = facts["waiting_days"], facts["waiting"]
    if days > ERASE_BY:
        yield Finding(Weight.GAP, "erasure-overdue", waiting)
    elif days > ERASE_WITHIN:
        yield Finding(Weight.PARTLY, "erasure-waits", waiting)
    slow = sum(count for late, count in facts["days"].items() if int(late) > ERASE_WITHIN)
    if slow:
        yield Finding(Weight.PARTLY, "erased-late", slow)
    if facts["hold_not_told"]:
        yield Finding(Weight.PARTLY, "hold-not-told", facts["hold_not_told"])
    if facts["held"]:
        yield Finding(Weight.NOTE, "erasure-held", facts["held"])
    if not any(facts[name] for name in ("asked", "done", "waiting", "held", "hold_not_told")):
        yield Finding(Weight.NOT_APPLICABLE, "no-erasures")


JUDGES: Final[Mapping[str, Judge]] = {
    "certified": certified,
    "drills-passed": drills_passed,
    "erasures-done": erasures_done,
    "holds-reviewed": holds_reviewed,
    "nothing-left": nothing_left,
    "restrictions-kept": restrictions_kept,
    "timely": timely,
}

MEANS: Final[Mapping[str, str]] = {
    "destroyed-early": "{count} record[s] [was|were] destroyed before [its|their] day and without "
    "an instruction to do so ({words})",
    "destroyed-late": "{count} record[s] [was|were] destroyed later than on the day agreed "
    "({words})",
    "destroyed-on-instruction": "{count} record[s] [was|were] destroyed before [its|their] day "
    "because [it was|they were] replaced, rejected or to be erased ({words})",
    "destroyed-when-free": "{count} record[s] [was|were] destroyed after [its|their] day, in the "
    "first night that could do so: a hold had kept [it|them], [it|they] had come late, or the "
    "instruction was changed ({words})",
    "drill-empty": "{count} test[s] of restoring a backup tried nothing, though records were kept: "
    "[it shows|they show] nothing",
    "drill-failed": "the last test of restoring a backup failed: something that was destroyed "
    "opens, or something that is kept does not",
    "drill-failed-before": "{count} test[s] of restoring a backup failed; the last one passed",
    "drills-missing": "in {count} week[s] no backup was restored as a test (the week[s] from "
    "{about})",
    "erased-late": "{count} record[s] [was|were] erased later than in the night after the "
    "instruction",
    "erasure-held": "{count} record[s] that [is|are] to be erased [is|are] kept because of a legal "
    "hold or restriction",
    "erasure-overdue": "{count} record[s] that [is|are] to be erased [is|are] still kept, [for|the "
    "oldest for] more than a month",
    "erasure-waits": "{count} record[s] that [is|are] to be erased [has|have] waited[|, some] for "
    "longer than a night",
    "held-destroyed": "{count} record[s] [was|were] destroyed while [it was|they were] under a "
    "legal hold",
    "hold-lifted-late": "{count} legal hold[s] or restriction[s] [was|were] lifted only after the "
    "day on which [it was|they were] to be looked at again ({about})",
    "hold-not-told": "{count} record[s] [was|were] kept beyond [its|their] day, and it cannot be "
    "told any more whether a hold on a person was why: whom [it was|they were] about was forgotten "
    "with [it|them] ({words})",
    "hold-review-overdue": "{count} legal hold[s] or restriction[s] [has|have] not been looked at "
    "again by [its|their] day ({about})",
    "holds-standing": "{count} legal hold[s] or restriction[s] keep[s|] records beyond the day "
    "agreed",
    "kept-on-hold": "{count} record[s] [is|are] kept beyond [its|their] day because of a legal "
    "hold or restriction ({words})",
    "no-erasures": "nobody instructed us to erase anything before its day",
    "no-holds": "there was no legal hold and no restriction",
    "no-restrictions": "nothing was restricted",
    "not-yet-due": "it is done every week, and the first week is not over yet",
    "nothing-destroyed": "nothing was destroyed in this period, so there is nothing to certify",
    "nothing-due": "nothing of this kind was due to be destroyed ({words})",
    "overdue": "{count} record[s] [is|are] still kept although [its|their] day has passed and "
    "nothing holds [it|them] ({words})",
    "residue": "{count} thing[s] that should be gone [was|were] found, and no later search shows "
    "that [it has|they have] gone ({words})",
    "residue-cleared": "{count} thing[s] that should have been gone [was|were] found and [has|"
    "have] been cleared since ({words})",
    "restricted-destroyed": "{count} record[s] [was|were] destroyed while [it was|they were] "
    "restricted",
    "restricted-opened": "[a restricted record was opened once for a reason|restricted records "
    "were opened {count} times for reasons] that the law allows",
    "restricted-used": "{count} recording[s] [was|were] transcribed while [it was|they were] "
    "restricted",
    "restriction-not-told": "{count} record[s] [was|were] destroyed while a person was restricted, "
    "and it cannot be told any more whether [it was|they were] about that person",
    "scans-missing": "in {count} week[s] not every store was searched for what should be gone "
    "(the week[s] from {about})",
    "sweep-open": "{count} destruction[s] wait[s|] for [its certificate|their certificates]: "
    "something is not destroyed for certain yet",
    "sweep-stuck": "a destruction has waited for its certificate for {count} day[s]",
    "uncertified": "{count} record[s] [was|were] destroyed, the work was completed, and no "
    "certificate says so",
}

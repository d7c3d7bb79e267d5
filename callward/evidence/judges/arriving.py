"""What comes in: its categories, what is set aside, the gates, and card data."""

from collections.abc import Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

CATEGORIES: Final = frozenset(
    {
        *("contact", "technical", "agent-account", "call", "recording", "voicemail", "sms"),
        *("email", "chat", "social", "note", "transaction", "transcript"),
    }
)
"""Kinds of records that fall under the categories of the notice (N1)."""
DECIDE_WITHIN: Final = 14
"""Days in which somebody should have decided what becomes of what was set aside."""
TOO_LONG: Final = 45
"""Days after which nobody can say any more that it is decided soon."""
IN_A_ROW: Final = 3
"""Days one after the other on which a gate may stop its stage before that is a fault."""


def categories(facts: Facts, _context: Context) -> Iterator[Finding]:
    """Nothing came in but what the notice names."""
    kinds = facts["by_kind"]
    others = {kind: count for kind, count in kinds.items() if kind not in CATEGORIES}
    if others:
        yield Finding(Weight.GAP, "category-not-named", sum(others.values()), tuple(sorted(others)))
    if not facts["by_month"]:
        yield Finding(Weight.NOT_APPLICABLE, "nothing-came-in")


def quarantine_decided(facts: Facts, _context: Context) -> Iterator[Finding]:
    """What was set aside does not lie there."""
    waiting = facts["quarantine"]
    days, held, reasons = waiting["oldest_days"], waiting["held"], tuple(waiting["by_reason"])
    if days > TOO_LONG:
        yield Finding(Weight.GAP, "quarantine-forgotten", days, reasons)
    elif days > DECIDE_WITHIN:
        yield Finding(Weight.PARTLY, "quarantine-undecided", days, reasons)
    elif held:
        yield Finding(Weight.NOTE, "quarantine-waiting", held, reasons)
    expired = waiting["expired"]
    never = sum(count for waited, count in expired.items() if int(waited) > DECIDE_WITHIN)
    if never:
        yield Finding(Weight.PARTLY, "quarantine-never-decided", never)


def gates_held(facts: Facts, _context: Context) -> Iterator[Finding]:
    """A gate that stops a stage is a control that works; one that goes on doing so is a fault."""
    if not facts["asked"]:
        yield Finding(Weight.GAP, "no-gate-asked")
        return
    standing = facts["standing"]
    if standing:
        yield Finding(Weight.GAP, "gate-stops-yet", len(standing), tuple(standing))
    long = {suite: days for suite, days in facts["in_a_row"].items() if days > IN_A_ROW}
    if long:
        yield Finding(Weight.PARTLY, "gate-stopped-long", max(long.values()), tuple(sorted(long)))
    if facts["stops"] and not standing:
        suites = dict.fromkeys(suite for _, suite in facts["stopped"])
        yield Finding(Weight.NOTE, "gate-stopped", facts["stops"], tuple(suites))


def card_data(facts: Facts, _context: Context) -> Iterator[Finding]:
    """Whatever is kept was looked at, and what was found is gone."""
    for name, weight, code in (
        ("unheard", Weight.GAP, "cards-not-looked-for"),
        ("originals", Weight.GAP, "card-numbers-kept"),
        ("failed", Weight.PARTLY, "cards-tried-in-vain"),
        ("unscannable", Weight.PARTLY, "cards-unscannable"),
        ("originals_held", Weight.NOTE, "card-numbers-on-hold"),
        ("numbers_muted", Weight.NOTE, "card-numbers-muted"),
    ):
        if facts[name]:
            yield Finding(weight, code, facts[name])
    masked = facts["text_masked"] + facts["transcripts_masked"]
    if masked:
        yield Finding(Weight.NOTE, "card-numbers-masked", masked)
    if facts["paused"]:
        yield Finding(Weight.NOTE, "cards-paused-by-controllers", facts["paused"])


JUDGES: Final[Mapping[str, Judge]] = {
    "card-data": card_data,
    "categories": categories,
    "gates-held": gates_held,
    "quarantine-decided": quarantine_decided,
}

MEANS: Final[Mapping[str, str]] = {
    "card-numbers-kept": "{count} recording[s] with card numbers in [it|them] [is|are] still kept "
    "although [a version|versions] without the numbers [has|have] taken [its|their] place",
    "card-numbers-masked": "{count} card number[s] [was|were] taken out of [a text or transcript "
    "before it was|texts and transcripts before they were] kept",
    "card-numbers-muted": "{count} card number[s] [was|were] taken out of the sound of "
    "[a recording|recordings]",
    "card-numbers-on-hold": "{count} recording[s] with card numbers in [it|them] [is|are] kept "
    "because a legal hold or restriction does not allow [its|their] destruction",
    "cards-not-looked-for": "{count} recording[s] [has|have] been kept for more than a day without "
    "having been listened to for card numbers",
    "cards-paused-by-controllers": "{count} customer[s] [has|have] told us that [it keeps|they "
    "keep] card numbers out of [its|their] recordings, so we do not listen for any there",
    "cards-tried-in-vain": "listening for card numbers failed for {count} recording[s] and will be "
    "tried again; until then [it|they] cannot be called clean",
    "cards-unscannable": "{count} recording[s] cannot be listened to for card numbers, and so "
    "cannot be called clean",
    "category-not-named": "{count} record[s] came in that belong[s|] to no category of the "
    "notice: {words}",
    "gate-stopped": "a check stopped a part of the night's work [once|{count} times] ({words}), "
    "as it is meant to, and later passed",
    "gate-stopped-long": "a check stopped its part of the night's work on up to {count} day[s] in "
    "a row ({words})",
    "gate-stops-yet": "{count} check[s] stopped [its|their] part of the night's work ({words}), "
    "and nothing has passed since",
    "no-gate-asked": "no check was made at all, so nothing shows what was let through",
    "nothing-came-in": "nothing was delivered to us in this period",
    "quarantine-forgotten": "what was set aside has waited for a decision for up to {count} "
    "day[s], far longer than it should ({words})",
    "quarantine-never-decided": "{count} item[s] that [was|were] set aside [was|were] destroyed on "
    "[its|their] last day, and nobody had decided about [it|them]",
    "quarantine-undecided": "what was set aside has waited for a decision for up to {count} "
    "day[s], longer than it should ({words})",
    "quarantine-waiting": "{count} item[s] that [was|were] set aside wait[s|] for a decision "
    "({words})",
}

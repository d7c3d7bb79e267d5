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
    "card-numbers-kept": "{count} recordings with a card number in them are still kept although "
    "a version without it has taken their place",
    "card-numbers-masked": "{count} card numbers were taken out of texts and transcripts before "
    "these were kept",
    "card-numbers-muted": "{count} card numbers were taken out of the sound of recordings",
    "card-numbers-on-hold": "{count} recordings with a card number in them are kept because a "
    "legal hold or restriction does not allow their destruction",
    "cards-not-looked-for": "{count} recordings have been kept for more than a day without "
    "anybody having listened for card numbers",
    "cards-paused-by-controllers": "{count} customers have told us that they keep card numbers "
    "out of their recordings themselves, so these are not listened to",
    "cards-tried-in-vain": "listening for card numbers failed for {count} recordings and will be "
    "tried again; they cannot be called clean",
    "cards-unscannable": "{count} recordings cannot be listened to for card numbers, and so "
    "cannot be called clean",
    "category-not-named": "{count} records came in that belong to no category of the notice: "
    "{about}",
    "gate-stopped": "a check stopped a batch {count} times ({about}), as it is meant to, and "
    "later passed",
    "gate-stopped-long": "a check stopped its stage on {count} days in a row ({about})",
    "gate-stops-yet": "the last word of {count} checks was to stop their stage ({about}), and "
    "nothing has passed since",
    "no-gate-asked": "no check was made at all, so nothing shows what was let through",
    "nothing-came-in": "nothing was delivered to us in this time",
    "quarantine-forgotten": "what was set aside has waited for a decision for up to {count} "
    "days ({about})",
    "quarantine-never-decided": "{count} items that were set aside went on their last day, and "
    "nobody had decided about them",
    "quarantine-undecided": "what was set aside has waited for a decision for up to {count} "
    "days, longer than it should ({about})",
    "quarantine-waiting": "{count} items that were set aside wait for a decision ({about})",
}

"""Sub-processors and what went to them: where, under what, and by whose instruction."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

COMMITMENTS: Final = frozenset({"training-not-excluded", "onward-use-not-excluded"})
"""Codes of the register that are about what a sub-processor has bound itself to."""

MEANS: Final[Mapping[str, str]] = {
    "no-sub-processors": "no sub-processor is engaged, and nothing went to one",
    "nothing-disclosed": "nothing went to anybody else",
    "used-without-commitment": "recordings went to {count} sub-processor[s] that had not bound "
    "[itself|themselves] to train nothing and to use nothing for other ends: {words}",
    "commitment-gone": "{count} sub-processor[s] that [was|were] used [is|are] no longer bound to "
    "train nothing and to use nothing for other ends; nothing more may go there: {words}",
    "commitment-missing": "{count} sub-processor[s] in the register [has|have] not bound "
    "[itself|themselves] to train nothing and to use nothing for other ends; nothing may go "
    "there, and nothing did: {words}",
    "used-without-due-diligence": "recordings went to {count} sub-processor[s] although agreement, "
    "due diligence, approval or certificate was missing or out of date: {words}",
    "due-diligence-gone": "for {count} sub-processor[s] that [was|were] used, agreement, due "
    "diligence or certificate has run out since; nothing more may go there: {words}",
    "due-diligence-missing": "{count} sub-processor[s] in the register lack[s|] something that is "
    "needed; nothing may go there, and nothing did: {words}",
    "due-diligence-due": "{count} point[s] in the register of sub-processors run[s|] out soon or "
    "[has|have] lapsed without being needed: {words}",
    "region-uncovered": "recordings went outside the UK and EEA without a safeguard: {about}",
    "region-outside": "recordings went outside the UK and EEA under a safeguard: {about}",
    "region-unused": "{count} [country|countries] outside the UK and EEA [is|are] in the register; "
    "nothing went there: {about}",
    "region-not-registered": "recordings went to {count} [country|countries] that the register "
    "does not list: {about}",
    "disclosure-uninstructed": "{count} disclosure[s] [was|were] not covered by an instruction in "
    "force: {about}",
    "disclosure-row-missing": "the ledger has {count} disclosure[s] of which nothing else is on "
    "record: {about}",
    "disclosure-unended": "{count} disclosure[s] [was|were] begun and never ended, so all that "
    "could have gone is counted",
    "transfer-uncovered": "{count} disclosure[s] outside the UK and EEA [was|were] not covered by "
    "instruction and safeguard: {words}",
    "transfer-covered": "{count} disclosure[s] went outside the UK and EEA, instructed and under a "
    "safeguard",
}


def commitments(facts: Facts, _: Context) -> Iterator[Finding]:
    """Whoever is used has bound itself to train nothing and to use nothing for other ends."""
    codes = ("used-without-commitment", "commitment-gone", "commitment-missing")
    yield from _standing(facts, codes, COMMITMENTS.__contains__)


def due_diligence(facts: Facts, _: Context) -> Iterator[Finding]:
    """Whoever is used has an agreement in force, and was looked into."""
    codes = ("used-without-due-diligence", "due-diligence-gone", "due-diligence-missing")
    yield from _standing(facts, codes, lambda code: code not in COMMITMENTS)
    soon = facts["expiring"]
    if soon:
        about = tuple(
            f"{name}: {one['code']}" for name, some in sorted(soon.items()) for one in some
        )
        yield Finding(Weight.NOTE, "due-diligence-due", len(about), about)


def _standing(
    facts: Facts, codes: tuple[str, str, str], ours: Callable[[str], bool]
) -> Iterator[Finding]:
    """What was wrong while used; what went wrong after use; what is wrong and was never used."""
    yield from _idle(facts)
    wrong = _chosen(facts["history"], ours)
    now = _chosen(facts["unusable"], ours)
    since = {one: some for one, some in now.items() if one in facts["used"] and one not in wrong}
    unused = {one: some for one, some in now.items() if one not in facts["used"]}
    weights = (Weight.GAP, Weight.PARTLY, Weight.NOTE)
    for weight, code, found in zip(weights, codes, (wrong, since, unused), strict=True):
        if found:
            about = tuple(f"{name}: {', '.join(some)}" for name, some in sorted(found.items()))
            yield Finding(weight, code, len(found), about)


def _chosen(
    told: Mapping[str, Mapping[str, object] | list[str]], ours: Callable[[str], bool]
) -> dict[str, list[str]]:
    found = {name: [code for code in codes if ours(code)] for name, codes in told.items()}
    return {name: codes for name, codes in found.items() if codes}


def _idle(facts: Facts) -> Iterator[Finding]:
    if not facts["active"] and not facts["used"]:
        yield Finding(Weight.NOT_APPLICABLE, "no-sub-processors")


def regions(facts: Facts, _: Context) -> Iterator[Finding]:
    """Whoever is used works in the UK and the EEA."""
    yield from _idle(facts)
    places: dict[str, list[str]] = {
        "region-uncovered": [],
        "region-outside": [],
        "region-unused": [],
    }
    for name, one in sorted(facts["outside"].items()):
        for country in one["countries"]:
            code = "region-outside" if country in one["used"] else "region-unused"
            if country in one["used"] and country in one["uncovered"]:
                code = "region-uncovered"
            places[code].append(f"{name} in {country}")
    for code, about in places.items():
        weight = Weight.GAP if code == "region-uncovered" else Weight.NOTE
        if about:
            yield Finding(weight, code, len(about), tuple(about))
    elsewhere = tuple(
        f"{name} in {country}"
        for name, some in sorted(facts["elsewhere"].items())
        for country in some
    )
    if elsewhere:
        yield Finding(Weight.GAP, "region-not-registered", len(elsewhere), elsewhere)


def disclosures_instructed(facts: Facts, _: Context) -> Iterator[Finding]:
    """Every disclosure rests on an instruction that was in force."""
    uninstructed, rowless = tuple(facts["uninstructed"]), tuple(facts["rowless"])
    yield from _nothing_went(facts)
    if rowless:
        yield Finding(Weight.GAP, "disclosure-row-missing", len(rowless), rowless)
    if uninstructed:
        yield Finding(Weight.GAP, "disclosure-uninstructed", len(uninstructed), uninstructed)
    if facts["unended"]:
        yield Finding(Weight.NOTE, "disclosure-unended", facts["unended"])


def transfers_covered(facts: Facts, _: Context) -> Iterator[Finding]:
    """What went outside the UK and EEA was instructed, and a safeguard covered it."""
    yield from _nothing_went(facts)
    if facts["uncovered"]:
        about = (*facts["uncovered_countries"], *sorted(facts["uncovered_why"]))
        yield Finding(Weight.GAP, "transfer-uncovered", facts["uncovered"], about)
    covered = facts["outside"] - facts["uncovered"]
    if covered:
        yield Finding(Weight.NOTE, "transfer-covered", covered)


def _nothing_went(facts: Facts) -> Iterator[Finding]:
    """What has lost its row went all the same: where to, and under what, nobody knows."""
    if not facts["disclosures"] and not facts["rowless"]:
        yield Finding(Weight.NOT_APPLICABLE, "nothing-disclosed")


JUDGES: Final[Mapping[str, Judge]] = {
    "commitments": commitments,
    "disclosures-instructed": disclosures_instructed,
    "due-diligence": due_diligence,
    "regions": regions,
    "transfers-covered": transfers_covered,
}

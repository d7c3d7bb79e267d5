"""Whether the nights ran, and whether the orchestrator's account of them is whole."""

from collections.abc import Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

LAST: Final = 3
"""Nights at the end of which none has run, so that nobody can be said to look."""
_BADLY: Final = ("FAILED", "CRASHED")


def nights_run(facts: Facts, _context: Context) -> Iterator[Finding]:
    """Every night, and retention in each."""
    missing, without = facts["missing_days"], facts["without_retention"]
    last = facts["last_days"]
    if len(last) == LAST and set(last) <= {*missing, *without}:
        yield Finding(Weight.GAP, "nights-stopped", len(last), tuple(last))
    if missing:
        yield Finding(Weight.PARTLY, "nights-missing", len(missing), tuple(missing))
    if without:
        yield Finding(Weight.PARTLY, "retention-missing", len(without), tuple(without))
    failed = facts["failed_days"]
    if failed:
        yield Finding(Weight.NOTE, "nights-stopped-by-gates", len(failed), tuple(failed))
    if not facts["expected"]:
        yield Finding(Weight.NOT_APPLICABLE, "no-night-expected")


def flow_runs_fit(facts: Facts, _context: Context) -> Iterator[Finding]:
    """Nobody has altered or taken away what the orchestrator told us."""
    for name, weight, code in (
        ("tampered", Weight.GAP, "flow-runs-altered"),
        ("lost", Weight.GAP, "flow-runs-lost"),
        ("deleted", Weight.PARTLY, "flow-runs-deleted"),
    ):
        if facts[name]:
            yield Finding(weight, code, facts[name])
    if not (facts["runs"] or facts["tampered"] or facts["lost"]):
        yield Finding(Weight.NOT_APPLICABLE, "no-orchestrator")
        return
    if facts["plain"]:
        yield Finding(Weight.NOTE, "nights-without-flow-run", facts["plain"])
    badly = sum(facts["by_state"].get(state, 0) for state in _BADLY)
    if badly:
        yield Finding(Weight.NOTE, "flow-runs-failed", badly)


JUDGES: Final[Mapping[str, Judge]] = {
    "flow-runs-fit": flow_runs_fit,
    "nights-run": nights_run,
}

MEANS: Final[Mapping[str, str]] = {
    "flow-runs-altered": "{count} record[s] of runs [does|do] not match what the ledger says of "
    "[it|them]",
    "flow-runs-deleted": "{count} run[s] [was|were] deleted in the orchestrator sooner than it "
    "forgets by itself; our own records of [it|them] are whole",
    "flow-runs-failed": "{count} run[s] failed or crashed, and [is|are] shown as such",
    "flow-runs-lost": "{count} run[s] [is|are] in the ledger, and our records of [it|them] are "
    "gone",
    "nights-missing": "on {count} day[s] the night's work was not run ({about})",
    "nights-stopped": "[the last night did not get|none of the last {count} nights got] as far as "
    "destroying what was due ({about})",
    "nights-stopped-by-gates": "on {count} day[s] a check stopped a part of the night's work "
    "({about})",
    "nights-without-flow-run": "{count} night[s] [was|were] run without the orchestrator",
    "no-night-expected": "no night was to be run in this period",
    "no-orchestrator": "the nights were run without the orchestrator, so it has no runs to show",
    "retention-missing": "on {count} day[s] the night did not get as far as destroying what was "
    "due ({about})",
}

"""What the annual pack of the simulated year must say, written by hand from the notice.

Not computed from anything: the notice's duties, the faults of ``days``, and the rules by
which evidence is weighed (docs/evidence.md). Why a clause stands as it does is beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from callward.evidence.clauses.model import State
from tests.year import days

_GAP, _PARTLY, _MET, _IDLE = State.GAP, State.PARTLY, State.MET, State.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Expected:
    """The state of a clause, and codes that must be among its reasons."""

    state: State
    codes: tuple[str, ...] = ()


EXPECTED: Final[Mapping[str, Expected]] = {
    "N1.1": Expected(_MET),
    # What was refused was set aside with the reason. But about two files of November nobody
    # has decided by the year's end, and one went on its last day without a decision.
    "N1.2": Expected(_PARTLY, ("quarantine-undecided", "quarantine-never-decided", "gate-stopped")),
    "N2.1": Expected(_MET, ("cards-paused-by-controllers",)),
    # A refusal that is recorded is the promise kept.
    "N3.1": Expected(_MET, ("transcription-refused",)),
    "N3.2": Expected(_MET),
    "N4.1": Expected(_MET),
    "N4.2": Expected(_MET),
    # Northwind works in the United States, but nothing went there: the promise is kept, and
    # the board is told.
    "N5.1": Expected(_MET, ("region-unused",)),
    "N5.2": Expected(_MET),
    "N5.3": Expected(_MET),
    "N6.1": Expected(_MET),
    # Cedar instructs a transfer under an IDTA that nobody has signed: there is no safeguard
    # for the record to describe (Art 30(2)(c)).
    "N6.2": Expected(_PARTLY, ("record-without-safeguard",)),
    "N6.3": Expected(_MET, ("instructions-changed",)),
    # Nothing of ours shows how marketing is done.
    "N7.1": Expected(_GAP, ("no-evidence-named",)),
    "N7.2": Expected(_GAP, ("no-evidence-named",)),
    # From September on to Southwind, as acorn has instructed.
    "N8.1": Expected(_MET),
    "N8.2": Expected(_MET),
    # What would have gone to the United States was refused, and is told.
    "N9.1": Expected(_MET, ("transfer-refused",)),
    # Four nights without retention: recordings went up to four days late. What
    # was on hold went when it was free, and what was erased or rejected when that was asked.
    "N10.1": Expected(
        _PARTLY, ("destroyed-late", "destroyed-when-free", "destroyed-on-instruction")
    ),
    # Nothing of this class was due in those nights.
    "N10.2": Expected(_MET),
    # No agent's account was ever delivered.
    "N10.3": Expected(_IDLE, ("nothing-due",)),
    # The hold was to be looked at again on 1 March, and was lifted on the 20th.
    "N10.4": Expected(_PARTLY, ("hold-lifted-late",)),
    # 19 May has no night; on four in July nobody looked for what was due.
    # A gate that stops is told, and that most nights were plain.
    "N10.5": Expected(
        _PARTLY,
        (
            "nights-missing",
            "retention-missing",
            "nights-stopped-by-gates",
            "nights-without-flow-run",
        ),
    ),
    "N11.1": Expected(_MET),
    "N11.2": Expected(_MET),
    # A ciphertext that belonged to nothing; the next scan was clean.
    "N11.3": Expected(_PARTLY, ("residue-cleared",)),
    "N11.4": Expected(_MET),
    "N12.1": Expected(_MET),
    # No report between 3 August and 3 November.
    "N12.2": Expected(_PARTLY, ("months-without-report",)),
    # All three rest on a certificate and on nothing of ours; two of them on Cyber Essentials
    # Plus, which had lapsed for 23 days.
    "N12.3": Expected(_PARTLY, ("certificate-alone", "lapsed-for-a-time")),
    "N12.4": Expected(_PARTLY, ("certificate-alone", "lapsed-for-a-time")),
    "N12.5": Expected(_PARTLY, ("certificate-alone",)),
    # The witness was away all August.
    "N12.6": Expected(_PARTLY, ("months-unwitnessed",)),
    "N13.1": Expected(_MET),
    "N13.2": Expected(_MET),
    "N13.3": Expected(_PARTLY, ("lapsed-for-a-time",)),
    # Tested on 10 November 2025, and not since.
    "N13.4": Expected(_GAP, ("test-older-than-a-year",)),
    "N13.5": Expected(_MET),
    "N13.6": Expected(_MET),
    "N14.1": Expected(_GAP, ("no-evidence-named",)),
    "N14.2": Expected(_MET),
    "N14.3": Expected(_MET),
    "N14.4": Expected(_GAP, ("no-evidence-named",)),
    "N15.1": Expected(_GAP, ("no-evidence-named",)),
    # Nobody has reviewed the notice, so nobody has dealt with the new sub-processor either,
    # and there are no actions to follow up.
    "N16.1": Expected(_GAP, ("never-reviewed",)),
    "N16.2": Expected(_GAP, ("change-unreviewed",)),
    "N16.3": Expected(_IDLE, ("no-actions",)),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A planted fault: how it must be told, and words that must be in the sentence."""

    id: str
    clause: str
    code: str
    count: int
    words: tuple[str, ...] = ()


FAULTS: Final = (
    Fault("gate", "N1.2", "gate-stopped", 2, ("ingest entry",)),
    Fault("gate, its night", "N10.5", "nights-stopped-by-gates", 1, ("2026-02-10",)),
    Fault("certificate", "N13.3", "lapsed-for-a-time", 23, ("2026-04-01 to 2026-04-23",)),
    Fault("certificate, access", "N12.3", "lapsed-for-a-time", 23),
    Fault("late", "N10.1", "destroyed-late", sum(days.late_recordings().values()), ("recordings",)),
    Fault("late, why", "N10.5", "retention-missing", 4, ("2026-07-06", "2026-07-09")),
    Fault("transfer", "N9.1", "transfer-refused", days.calls_of(days.REFUSED_CALLS)),
    Fault("transfer, its paper", "N6.2", "record-without-safeguard", 1, ("northwind/US",)),
    Fault("witness", "N12.6", "months-unwitnessed", 1, ("2026-08",)),
    Fault("night", "N10.5", "nights-missing", 1, ("2026-05-19",)),
    Fault("test", "N13.4", "test-older-than-a-year", 1, ("2026-11-10",)),
    Fault("hold", "N10.4", "hold-lifted-late", 1),
    Fault("residue", "N11.3", "residue-cleared", 1, ("ciphertext without row",)),
    Fault("vulnerabilities", "N12.2", "months-without-report", 2, ("2026-09, 2026-10",)),
    # Four facts of the sub-processor and the instruction; where packs are weekly, the lapse of
    # the certificate and its renewal as well.
    Fault("change", "N16.2", "change-unreviewed", 7 if days.WHOLE else 5, ("sub-processor",)),
    Fault("undecided", "N1.2", "quarantine-undecided", 36, ("not media",)),
    Fault("undecided to the end", "N1.2", "quarantine-never-decided", 1),
)
"""What the report's first page must say."""

TOLD: Final[Mapping[date, tuple[str, ...]]] = {
    # A drop of birch's and one of cedar's.
    days.GATE_STOPS: ("gate-failed", "gate-failed"),
    days.LAPSED_FROM: ("assurance-findings",),
    days.STRAY_FOUND: ("residue",),
    # The clock has jumped: somebody is asked, and says yes.
    days.NO_RETENTION[-1] + timedelta(days=1): ("brake",),
    **{
        day: ("outside",)
        for day in days.NIGHTS
        if days.WITNESS_DOWN[0] <= day <= days.WITNESS_DOWN[1] and days.asks_witness(day)
    },
    date(2026, 12, 1): ("assurance-findings",),
}
"""Codes that people were told, by the day: what was planted, as it was seen at the time."""

"""What the annual pack of the simulated year must say, written by hand from the notice.

Not computed from anything: the notice's duties, the faults of ``days``, and the rules by
which evidence is weighed (docs/evidence.md). Why a clause stands as it does is beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from callward.evidence.clauses.model import State

_GAP, _PARTLY, _MET, _IDLE = State.GAP, State.PARTLY, State.MET, State.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Expected:
    """The state of a clause, and codes that must be among its reasons."""

    state: State
    codes: tuple[str, ...] = ()


EXPECTED: Final[Mapping[str, Expected]] = {
    "N1.1": Expected(_MET),
    # Two files refused in November, about which nobody has decided by the year's end.
    "N1.2": Expected(_GAP),
    "N2.1": Expected(_MET),
    # A refusal that is recorded is the promise kept.
    "N3.1": Expected(_MET),
    "N3.2": Expected(_MET),
    "N4.1": Expected(_MET),
    "N4.2": Expected(_MET),
    # Northwind is engaged, works in the United States, and nothing covers that.
    "N5.1": Expected(_GAP),
    "N5.2": Expected(_MET),
    "N5.3": Expected(_MET),
    "N6.1": Expected(_MET),
    "N6.2": Expected(_MET),
    "N6.3": Expected(_MET),
    # Nothing of ours shows how marketing is done.
    "N7.1": Expected(_GAP, ("no-evidence-named",)),
    "N7.2": Expected(_GAP, ("no-evidence-named",)),
    # From October on to Southwind, as acorn has instructed.
    "N8.1": Expected(_MET),
    "N8.2": Expected(_MET),
    # What would have gone to the United States was refused, and is told.
    "N9.1": Expected(_MET),
    # Four nights without retention: recordings went one to four days late.
    "N10.1": Expected(_PARTLY),
    # Nothing of this class was due in those nights.
    "N10.2": Expected(_MET),
    # No agent's account was ever delivered.
    "N10.3": Expected(_IDLE),
    # The hold was to be looked at again on 1 March, and was lifted on the 20th.
    "N10.4": Expected(_PARTLY),
    # 19 May has no night; on four in July nobody looked for what was due.
    "N10.5": Expected(_PARTLY),
    "N11.1": Expected(_MET),
    "N11.2": Expected(_MET),
    # A ciphertext that belonged to nothing; the next scan was clean.
    "N11.3": Expected(_PARTLY),
    "N11.4": Expected(_MET),
    "N12.1": Expected(_MET),
    # No report between 3 August and 3 November.
    "N12.2": Expected(_PARTLY),
    # Both rest on Cyber Essentials Plus, which had lapsed for 23 days.
    "N12.3": Expected(_PARTLY),
    "N12.4": Expected(_PARTLY),
    "N12.5": Expected(_MET),
    # The witness was away all August.
    "N12.6": Expected(_PARTLY),
    "N13.1": Expected(_MET),
    "N13.2": Expected(_MET),
    "N13.3": Expected(_PARTLY),
    # Tested on 10 November 2025, and not since.
    "N13.4": Expected(_GAP),
    "N13.5": Expected(_MET),
    "N13.6": Expected(_MET),
    "N14.1": Expected(_GAP, ("no-evidence-named",)),
    "N14.2": Expected(_MET),
    "N14.3": Expected(_MET),
    "N14.4": Expected(_GAP, ("no-evidence-named",)),
    "N15.1": Expected(_GAP, ("no-evidence-named",)),
    # Nobody has reviewed the notice, so nobody has dealt with the new sub-processor either,
    # and there are no actions to follow up.
    "N16.1": Expected(_GAP),
    "N16.2": Expected(_GAP),
    "N16.3": Expected(_IDLE),
}

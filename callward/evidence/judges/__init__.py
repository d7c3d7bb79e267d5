"""The judges that a clause map may name, and what their findings mean, for people.

Every module here is pure: it imports the standard library and ``clauses.model`` only, and
offers ``JUDGES`` (name to function) and ``MEANS`` (code to sentence; ``wording`` says what
may stand in one).
"""

from collections.abc import Mapping
from typing import Final

from callward.evidence.clauses import deciding
from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Finding
from callward.evidence.judges import (
    arriving,
    assuring,
    changing,
    destroying,
    instructing,
    reviewing,
    running,
    securing,
    suppliers,
    transcribing,
)
from callward.evidence.judges.wording import worded

JUDGES: Final[Mapping[str, Judge]] = {
    **arriving.JUDGES,
    **assuring.JUDGES,
    **changing.JUDGES,
    **destroying.JUDGES,
    **instructing.JUDGES,
    **reviewing.JUDGES,
    **running.JUDGES,
    **securing.JUDGES,
    **suppliers.JUDGES,
    **transcribing.JUDGES,
}
MEANS: Final[Mapping[str, str]] = {
    **deciding.MEANS,
    **arriving.MEANS,
    **assuring.MEANS,
    **changing.MEANS,
    **destroying.MEANS,
    **instructing.MEANS,
    **reviewing.MEANS,
    **running.MEANS,
    **securing.MEANS,
    **suppliers.MEANS,
    **transcribing.MEANS,
}


def sentence(finding: Finding) -> str:
    """A finding in words; its code if nobody has said what it means."""
    means = MEANS.get(finding.code)
    return finding.code if means is None else worded(means, finding.count, finding.about)

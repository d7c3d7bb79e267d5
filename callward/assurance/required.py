"""What the privacy notice promises of independent assurance, as data (DESIGN N13)."""

from dataclasses import dataclass
from typing import Final

from callward.assurance.model import Kind


@dataclass(frozen=True, slots=True)
class Required:
    """A kind of item of which one must be in force, in words, and the promise that says so."""

    kind: Kind
    words: str
    promise: str = "N13"


REQUIRED: Final = (
    Required("iso-27001", "an ISO/IEC 27001:2022 certificate"),
    Required("iso-9001", "an ISO 9001 certificate"),
    Required("cyber-essentials-plus", "a Cyber Essentials Plus certificate"),
    Required("penetration-test", "a penetration test of this year by a CREST-accredited tester"),
    Required("ico-registration", "a registration with the Information Commissioner"),
    Required("dpo", "a data protection officer"),
)
"""In the order of the notice."""

"""May a sub-processor be used, and for data in which country? Pure decisions with codes.

UK GDPR Art 28(2)-(4) and 46, and what the privacy notice promises beyond them (DESIGN N5,
N9): an agreement in force, due diligence that is not out of date, a certificate, no
training, no onward use; outside the UK and EEA only as instructed, under a safeguard.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from callward.instructions.transcription import Safeguard, Transfer
from callward.regions import Region, region_of
from callward.registers.telling import days_left, soon
from callward.subprocessors.model import UNTIL_TERMINATED, Expiry, SafeguardSigned, SubProcessor

WITHIN_DAYS: Final = 90
ASSURING: Final = frozenset({"ISO 27001", "SOC 2"})
"""One of these must be valid; other certificates are good to have (promise N5)."""

_Dated = tuple["Forbids | Warns", str, date | None]


class Forbids(StrEnum):
    """Why a sub-processor may not be used, the gravest reason first."""

    UNREADABLE = "register-unreadable"
    ENDED = "ended"
    NOT_APPROVED = "not-approved"
    DPA_MISSING = "dpa-missing"
    DPA_EXPIRED = "dpa-expired"
    DUE_DILIGENCE_MISSING = "due-diligence-missing"
    REVIEW_OVERDUE = "review-overdue"
    TRAINING = "training-not-excluded"
    ONWARD_USE = "onward-use-not-excluded"
    CERTIFICATE_MISSING = "certificate-missing"
    CERTIFICATE_EXPIRED = "certificate-expired"


class Warns(StrEnum):
    """What will forbid use soon, or has lapsed without forbidding it."""

    DPA_EXPIRING = "dpa-expiring"
    REVIEW_DUE = "review-due"
    CERTIFICATE_EXPIRING = "certificate-expiring"
    CERTIFICATE_LAPSED = "certificate-lapsed"
    SAFEGUARD_EXPIRING = "safeguard-expiring"
    SAFEGUARD_LAPSED = "safeguard-lapsed"


class NotThere(StrEnum):
    """Why data may not go to a sub-processor that is not at fault itself."""

    UNKNOWN = "sub-processor-unknown"
    REGION = "region-not-registered"
    NOT_INSTRUCTED = "transfer-not-instructed"
    NO_SAFEGUARD = "transfer-without-safeguard"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A sub-processor whose entry cannot be read: what the register says of it is not known."""

    id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that forbids use, or will: ``about`` what, and on which London ``day``.

    ``days_left``: until that day, which still counts; negative once it is over.
    """

    sub_processor: str
    code: Forbids | Warns
    about: str
    day: date | None = None
    days_left: int | None = None

    @property
    def forbids(self) -> bool:
        """Whether it may not be used because of this."""
        return isinstance(self.code, Forbids)

    @property
    def to_mend(self) -> bool:
        """Whether somebody must act now: one that was ended is as it should be."""
        return self.forbids and self.code is not Forbids.ENDED


def standing(
    found: SubProcessor | Unreadable, day: date, within: int = WITHIN_DAYS
) -> list[Finding]:
    """What forbids use on ``day`` (London), gravest first; then what lapses ``within`` days.

    Of one that was ended nothing else is told.
    """
    if isinstance(found, Unreadable):
        return [Finding(found.id, Forbids.UNREADABLE, "entry")]
    if found.status == "ended":
        return [Finding(found.id, Forbids.ENDED, "entry")]
    return [*_forbidding(found, day), *_warning(found, day, within)]


def may_go_to(
    found: SubProcessor | Unreadable | None,
    country: str,
    day: date,
    transfers: Collection[Transfer],
) -> str | None:
    """Why data may not go to a sub-processor in ``country`` on ``day``; None: they may.

    ``found`` is what the register has under its id, ``transfers`` those of the
    instruction in force. Whether the controller authorises it is not asked here.
    """
    if found is None:
        return NotThere.UNKNOWN.value
    against = next((one for one in standing(found, day) if one.forbids), None)
    if against is not None or isinstance(found, Unreadable):
        return f"sub-processor-{against.code if against else Forbids.UNREADABLE}"
    if country not in found.regions:
        return NotThere.REGION.value
    if region_of(country) is not Region.THIRD:
        return None
    instructed = {
        one.safeguard
        for one in transfers
        if one.sub_processor == found.id and one.country == country
    }
    if not instructed:
        return NotThere.NOT_INSTRUCTED.value
    covered = any(_covers(one, country, instructed, day) for one in found.safeguards)
    return None if covered else NotThere.NO_SAFEGUARD.value


def _covers(
    signed: SafeguardSigned, country: str, instructed: Collection[Safeguard], day: date
) -> bool:
    """Whether it is of a kind that the controller named; EU clauses alone never are."""
    in_force = signed.signed <= day and not _over(signed.expires, day)
    return signed.kind in instructed and country in signed.countries and in_force


def _over(expires: Expiry | None, day: date) -> bool:
    return isinstance(expires, date) and expires < day


def _forbidding(found: SubProcessor, day: date) -> list[Finding]:
    """In the order of the codes."""
    reasons: list[_Dated] = []
    if found.approved_by is None:
        reasons.append((Forbids.NOT_APPROVED, "approval", None))
    reasons.extend(_not_agreed(found, day))
    reasons.extend(_not_looked_into(found, day))
    if not found.commitments.no_training:
        reasons.append((Forbids.TRAINING, "commitments", None))
    if not found.commitments.no_onward_use:
        reasons.append((Forbids.ONWARD_USE, "commitments", None))
    reasons.extend(_not_certified(found, day))
    return [_finding(found, *one, day) for one in reasons]


def _not_agreed(found: SubProcessor, day: date) -> Iterator[_Dated]:
    agreement = found.agreement
    if agreement is None or agreement.signed > day:
        yield Forbids.DPA_MISSING, "agreement", None
    elif isinstance(agreement.expires, date) and agreement.expires < day:
        yield Forbids.DPA_EXPIRED, "agreement", agreement.expires


def _not_looked_into(found: SubProcessor, day: date) -> Iterator[_Dated]:
    if found.due_diligence is None or found.due_diligence > day:
        yield Forbids.DUE_DILIGENCE_MISSING, "due diligence", None
    if found.next_review is None:
        yield Forbids.REVIEW_OVERDUE, "due diligence", None
    for about, review in _reviews(found):
        if review < day:
            yield Forbids.REVIEW_OVERDUE, about, review


def _not_certified(found: SubProcessor, day: date) -> Iterator[_Dated]:
    assuring = [last for kind, last in _certified(found).items() if kind in ASSURING]
    if not assuring:
        yield Forbids.CERTIFICATE_MISSING, "certificates", None
    elif max(assuring) < day:
        yield Forbids.CERTIFICATE_EXPIRED, "certificates", max(assuring)


def _warning(found: SubProcessor, day: date, within: int) -> list[Finding]:
    """What lapses soon, soonest first; what has lapsed without forbidding use leads."""
    agreement = found.agreement
    dated: list[tuple[Warns, str, date]] = [
        (Warns.REVIEW_DUE, about, review) for about, review in _reviews(found) if review >= day
    ]
    if agreement and isinstance(agreement.expires, date) and agreement.expires >= day:
        dated.append((Warns.DPA_EXPIRING, "agreement", agreement.expires))
    assured = any(last >= day for kind, last in _certified(found).items() if kind in ASSURING)
    for kind, last in _certified(found).items():
        code = Warns.CERTIFICATE_EXPIRING if last >= day else Warns.CERTIFICATE_LAPSED
        if last >= day or assured or kind not in ASSURING:
            dated.append((code, kind, last))
    for about, last in _safeguarded(found):
        code = Warns.SAFEGUARD_EXPIRING if last >= day else Warns.SAFEGUARD_LAPSED
        dated.append((code, about, last))
    return [_finding(found, *one, day) for one in soon(dated, day, within)]


def _finding(
    found: SubProcessor, code: Forbids | Warns, about: str, when: date | None, day: date
) -> Finding:
    return Finding(found.id, code, about, when, days_left(when, day))


def _reviews(found: SubProcessor) -> Iterator[tuple[str, date]]:
    """Every day by which somebody is to look again."""
    if found.next_review is not None:
        yield "due diligence", found.next_review
    if found.agreement is not None and found.agreement.review is not None:
        yield "agreement", found.agreement.review


def _certified(found: SubProcessor) -> dict[str, date]:
    """Each kind of certificate with its last day: a renewed one stands for those before."""
    last: dict[str, date] = {}
    for one in found.certificates:
        last[one.kind] = max(one.expires, last.get(one.kind, one.expires))
    return last


def _safeguarded(found: SubProcessor) -> Iterator[tuple[str, date]]:
    """Each kind of safeguard and country with its last day, if it has one."""
    pairs = {(one.kind, country) for one in found.safeguards for country in one.countries}
    for kind, country in sorted(pairs):
        ends = [
            one.expires for one in found.safeguards if one.kind == kind and country in one.countries
        ]
        days = [end for end in ends if isinstance(end, date)]
        if UNTIL_TERMINATED not in ends:
            yield f"{kind} for {country}", max(days)

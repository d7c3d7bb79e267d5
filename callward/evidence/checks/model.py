"""What checking a pack returns, and what the reader may ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callward.errors import CallwardError, IntegrityError
from callward.evidence.clauses.model import Period
from callward.ledger.keys import History


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing looked at; ``ok`` is None where it could not or need not be checked."""

    what: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that was looked at, in order, and the key that signed the pack (or "")."""

    checks: list[CheckLine]
    key: str

    @property
    def passed(self) -> bool:
        """Whether nothing failed. Says nothing about whose key it is if none was expected."""
        return all(check.ok is not False for check in self.checks)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader expects beside the key.

    ``period``: exactly these London days; ``year``: the annual pack that ends in that year;
    ``earlier``: the file of a pack that this one must continue; ``witness``: the verifier key
    of a witness that must have cosigned.
    """

    period: Period | None = None
    year: int | None = None
    earlier: Path | None = None
    witness: str | None = None


NOTHING_WANTED = Wanted()


class NotCheckedError(Exception):
    """An earlier failure leaves nothing to check this against."""


def sentence(error: Exception) -> str:
    """An error in words; of an unforeseen one only the kind: its text may hold what is there."""
    return str(error.args[0]) if isinstance(error, CallwardError) else "malformed content"


def key_line(key: str, expected: str | None) -> CheckLine:
    """Whether ``key`` is the one expected: a verifier key, or a list of them (``keys.History``)."""
    if expected is None:
        detail = (
            f"signed by {key}; no key was given to compare: anyone can sign with a key of "
            "their own, so compare it with the one you have from elsewhere"
        )
        return CheckLine("key", None, detail)
    known = expected_keys(expected)
    if known is None or not known.knows(key):
        return CheckLine("key", ok=False, detail=f"signed by {key}, which is not the key expected")
    return CheckLine("key", ok=True, detail=f"signed by {key}, as expected")


def expected_keys(text: str | None) -> History | None:
    """The keys given; None if there are none or they cannot be read, which ``key_line`` says."""
    try:
        return None if text is None else History.parse(text)
    except IntegrityError:
        return None


def summary(verification: Verification) -> Mapping[str, Any]:
    """Return the verification as plain values, for printing as JSON."""
    return {
        "passed": verification.passed,
        "key": verification.key,
        "checks": [
            {"what": line.what, "ok": line.ok, "detail": line.detail}
            for line in verification.checks
        ],
    }

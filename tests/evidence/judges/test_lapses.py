"""What rests on a certificate alone, and for how long that had lapsed."""

from typing import Any

from callward.evidence.clauses.model import Context, Weight
from callward.evidence.judges import JUDGES
from tests.evidence.governing import PERIOD

_HELD = {"id": "iso", "kind": "iso-27001", "first_day": "2025-01-01", "last_day": "2027-01-01"}
_LAPSED = {"days": 23, "from": "2026-04-01", "to": "2026-04-23"}


def _judged(judge: str, facts: dict[str, Any], **options: str) -> list[tuple[Weight, str, int]]:
    context = Context(PERIOD, PERIOD.to_day, options)
    return [(one.weight, one.code, one.count) for one in JUDGES[judge](facts, context)]


def test_what_had_lapsed_covered_nothing() -> None:
    """A clause that rests on a certificate alone says for how long it rested on none."""
    facts: dict[str, Any] = {"items": [_HELD], "lapsed": {"iso-27001": _LAPSED}}
    alone = (Weight.PARTLY, "certificate-alone", 1)
    lapsed = (Weight.PARTLY, "lapsed-for-a-time", 23)
    assert _judged("covered-by", facts, kind="iso-27001") == [alone, lapsed]
    facts["lapsed"] = {"iso-9001": _LAPSED}
    assert _judged("covered-by", facts, kind="iso-27001") == [alone]

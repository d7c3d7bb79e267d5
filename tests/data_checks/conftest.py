"""A batch for every gate that has nothing wrong with it."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from data_checks.gate import GreatExpectationsGates

Frames = Callable[..., pd.DataFrame]

FIRST = pd.Timestamp("2026-01-05 09:00", tz="UTC")


def _columns(suite: str, rows: int) -> dict[str, Any]:
    ids = [f"{n:032x}" for n in range(rows)]
    columns: dict[str, dict[str, Any]] = {
        "ingest_entry": {
            "id": ids,
            "controller_known": True,
            "bytes": 96_044,
            "started_at": FIRST,
            "ended_at": FIRST + pd.Timedelta(minutes=4),
            "age_days": 1.5,
            "has_digest": True,
            "kind": "recording",
            "direction": "inbound",
        },
        "ingest_exit": {
            "id": ids,
            "codec": "pcm_mulaw",
            "rate": 8000,
            "channels": 2,
            "seconds": 240.0,
            "peak": 0.7,
            "silent_share": 0.2,
            "digest_matches": True,
            "seconds_promised": 240.0,
            "ciphertext_digest": [f"{n:064x}" for n in range(rows)],
            "due_day": "2026-02-19",
            "anchor_day": "2026-01-05",
        },
        "records_entry": {
            "id": ids,
            "controller_known": True,
            "source": "twilio",
            "bytes": 48_000,
            "records": 120,
            "age_days": 0.2,
        },
        "records_exit": {
            "id": ids,
            "kind": "sms",
            "source": "twilio",
            "refused": False,
            "reason": None,
            "started_at": FIRST,
            "ended_at": FIRST + pd.Timedelta(minutes=4),
            "direction": "inbound",
            "people": 2,
            "bytes": 412,
            "parts": 0,
            "masked": 0,
            "duplicate": False,
            "new_version": False,
            "ciphertext_digest": [f"{n:064x}" for n in range(rows)],
            "due_day": "2029-01-05",
            "anchor_day": "2026-01-05",
            "active": False,
        },
        "ingest_volumes": {
            "id": [f"customer-{n}/sms" for n in range(rows)],
            "controller": "harbour-bank",
            "kind": "sms",
            "count": 1180,
            "median": 1200.0,
            "ratio": 1180 / 1200,
            "share_quarantined": 0.01,
            "share_masked": 0.02,
        },
        "cards_entry": {
            "id": ids,
            "controller": "harbour-bank",
            "mode": "scan",
            "seconds": 240.0,
            "channels": 2,
            "rate": 8000,
            "already": False,
        },
        # A number was heard in every other call.
        "cards_exit": {
            "id": ids,
            "seconds": 240.0,
            "spans": [n % 2 for n in range(rows)],
            "muted_seconds": [12.0 * (n % 2) for n in range(rows)],
            "longest_muted": [12.0 * (n % 2) for n in range(rows)],
            "same_length": True,
            "ciphertext_digest": [f"{n:064x}" if n % 2 else None for n in range(rows)],
            "due_day": ["2026-02-19" if n % 2 else None for n in range(rows)],
            "original_due_day": ["2026-02-19" if n % 2 else None for n in range(rows)],
        },
        "transcribe_entry": {
            "id": ids,
            "controller": "harbour-bank",
            "enabled": True,
            "language": "en-GB",
            "seconds": 240.0,
            "channels": 2,
            "due_day": "2026-02-19",
            "as_of": "2026-01-06",
            "held": False,
        },
        "transcribe_exit": {
            "id": ids,
            "words": 400,
            "mean_confidence": 0.6,
            "words_per_minute": 100.0,
            "first_start": 0.5,
            "last_end": 239.0,
            "seconds": 240.0,
            "speech": 200.0,
            "covered": 190.0,
            "looped": 0.0,
            "monotonic": True,
            "same_due_day": True,
        },
        "retention_entry": {
            "id": ids,
            "controller": "harbour-bank",
            "kind": "recording",
            "due_day": "2026-02-19",
            "as_of": "2026-02-19",
            "held": False,
            "state": "live",
        },
        "retention_exit": {
            "id": ids,
            "key_gone": True,
            "payload_gone": True,
            "ciphertext_gone": True,
            "transcript_gone": True,
            "certified": True,
        },
        "evidence_entry": {
            "id": [f"ingest/customer-{n}" for n in range(rows)],
            "stage": "ingest",
            "controller": "harbour-bank",
            "counted_in": 12,
            "counted_out": 12,
            "balanced": True,
        },
        "evidence_exit": {
            "id": [f"data/certificates/{n:08x}.json" for n in range(rows)],
            "bytes": 512,
            "digest_matches": True,
            "in_manifest": True,
        },
        "review_entry": {
            "id": [f"evidence-{n}" for n in range(rows)],
            "collected": True,
            "digest_matches": True,
            "fresh": True,
            "clauses": 1,
        },
    }
    return columns[suite]


def good_frame(suite: str, rows: int = 5) -> pd.DataFrame:
    """A batch of ``rows`` rows that passes the suite."""
    return pd.DataFrame(_columns(suite, rows), index=range(rows))


@pytest.fixture(scope="session")
def frames() -> Frames:
    """``frames(suite, rows=5)``: a batch that passes."""
    return good_frame


@pytest.fixture(scope="session")
def gates() -> GreatExpectationsGates:
    """The real gates."""
    return GreatExpectationsGates()

"""Rows a second through the largest gate."""

import time
from typing import Any

import numpy as np
import pandas as pd

from data_checks.gate import GreatExpectationsGates

ROWS = 100_000


def measure(rows: int = ROWS) -> dict[str, Any]:
    """One gate of ``ingest_exit`` over many good rows, after a first one to warm up."""
    gates = GreatExpectationsGates()
    gates.check("ingest_exit", frame(25))
    start = time.perf_counter()
    result = gates.check("ingest_exit", frame(rows))
    seconds = time.perf_counter() - start
    if result.outcome != "passed":
        raise SystemExit(f"the benchmark's gate said {result.outcome}")
    return {"rows": rows, "seconds": round(seconds, 3), "rows_per_second": round(rows / seconds)}


def frame(rows: int) -> pd.DataFrame:
    """Recordings as the gate behind ingest sees them."""
    random = np.random.default_rng(3)
    day = pd.Timestamp("2026-11-01")
    return pd.DataFrame(
        {
            "id": pd.Series([f"{number:032x}" for number in range(rows)], dtype="str"),
            "codec": pd.Series(["pcm_s16le"] * rows, dtype="str"),
            "rate": 8000,
            "channels": random.integers(1, 3, rows),
            "seconds": random.uniform(5, 600, rows),
            "peak": random.uniform(0.1, 1.0, rows),
            "silent_share": random.uniform(0.0, 0.6, rows),
            "digest_matches": True,
            "seconds_promised": 600.0,
            "ciphertext_digest": pd.Series(
                [f"{number:064x}" for number in range(rows)], dtype="str"
            ),
            "due_day": day + pd.Timedelta(days=45),
            "anchor_day": day,
        }
    )

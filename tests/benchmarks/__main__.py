"""``make bench``: every figure as one JSON document. Nothing is judged."""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.benchmarks import (
    cards,
    digits,
    email,
    flowruns,
    gates,
    ingest,
    ledger,
    messages,
    pack,
    pan,
    real_records,
    sealing,
    shards,
    speech,
    sweep,
    turning,
    words,
)

_ALL: dict[str, Callable[[], dict[str, Any]]] = {
    "ingest": ingest.measure,
    "messages": messages.measure,
    "real_records": real_records.measure,
    "email": email.measure,
    "gates": gates.measure,
    "sweep": sweep.measure,
    "sealing": sealing.measure,
    "turning": turning.measure,
    "ledger": ledger.measure,
    "flow_runs": flowruns.measure,
    "pack": pack.measure,
    "speech": speech.measure,
    "words": words.measure,
    "shards": shards.measure,
    "cards": cards.measure,
    "pan": pan.measure,
    "digits": digits.measure,
}


def main(wanted: list[str]) -> None:
    """Run the benchmarks named, or all of them."""
    results: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    for name in wanted or list(_ALL):
        print(f"measuring {name} …", file=sys.stderr)
        results[name] = _ALL[name]()
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])

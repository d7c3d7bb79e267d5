"""Data Docs of our own: one page over the stored gate results.

Great Expectations' own pages load scripts, styles and images from half a dozen
hosts, and show sample values. This page loads nothing (its content security
policy says so), holds names and counts only, and prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from callward.clock import LONDON
from callward.durable import write_durably
from callward.gates import WARNING, Outcome
from data_checks.page import TEMPLATE

VERDICTS: Final = {
    Outcome.PASSED: "Passed",
    Outcome.ROWS_FAILED: "Passed; some rows quarantined",
    Outcome.EMPTY: "Empty: nothing to judge",
    Outcome.FAILED: "Failed: the stage stopped",
}
_WARNED: Final = "warned"
_TEXTS: Final = ("name", "expectation", "severity", "promise")
_COUNTS: Final = ("evaluated", "failed")


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A row of ``gate_results``; ``body`` is ``GateResult.to_json_dict()``, ``at`` is aware."""

    id: str
    night: str
    at: datetime
    body: Mapping[str, Any]


def write_docs(folder: Path, results: Sequence[StoredResult]) -> Path:
    """Write ``index.html`` over ``results``, newest night last, and return its path.

    The folder is made if need be. Only the fields named in ``to_json_dict`` are
    shown, whatever else a body holds; KeyError or ValueError if one of them is
    missing or no outcome.
    """
    ordered = sorted(results, key=lambda result: (result.at, result.id))
    page = (
        Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        .from_string(TEMPLATE)
        .render(gates=[_gate(result) for result in ordered])
    )
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.html"
    write_durably(index, page.encode())
    return index


def _gate(result: StoredResult) -> dict[str, Any]:
    body = result.body
    outcome = Outcome(body["outcome"])
    checks = [_check(check) for check in body["checks"]]
    warned = any(check["result"] == _WARNED for check in checks)
    return {
        "id": result.id,
        "night": result.night,
        "at": f"{result.at.astimezone(LONDON):%d %B %Y, %H:%M:%S %Z}",
        "suite": str(body["suite"]),
        "outcome": outcome.value,
        "verdict": VERDICTS[outcome] + ("; with warnings" if warned else ""),
        "rows": int(body["rows"]),
        "failed_rows": int(body["failed_rows"]),
        "checks": checks,
    }


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {key: str(check[key]) for key in _TEXTS}
    shown |= {key: int(check[key]) for key in _COUNTS}
    shown["column"] = str(check["column"] or "")
    ran = check["success"] or shown["evaluated"] > 0
    failed = _WARNED if check["severity"] == WARNING else "failed"
    shown["result"] = "passed" if check["success"] else failed if ran else "not checked"
    return shown

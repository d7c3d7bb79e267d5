"""Great Expectations, kept quiet and asked for counts and row positions only.

The library is imported on first use, with its analytics switched off before.
It keeps sample values by default and passes row-level checks on no rows; the
result formats here ask for no values, and the gate decides on empty batches.
"""

import importlib
import logging
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pandas as pd

from data_checks.declare import Expect

COUNTS: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}
ROWS: Final = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
}

# GX keeps the context in use in module state; two gates at once would share it.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Reading:
    """What GX found for one expectation; ``positions`` of failed rows only if asked for."""

    success: bool
    evaluated: int
    failed: int
    positions: tuple[int, ...]


def count(frame: pd.DataFrame, expects: Sequence[Expect]) -> dict[str, Reading]:
    """Readings by expectation name; an expectation that raised has none."""
    return _run(frame, expects, COUNTS)


def find_rows(frame: pd.DataFrame, expects: Sequence[Expect]) -> dict[str, Reading]:
    """As ``count``, with the positions of failed rows; the frame's index must be 0..n-1.

    Positions rather than GX's index columns: those come back as one dictionary a
    row, ten times slower, beside the value that failed.
    """
    return _run(frame, expects, ROWS)


def _run(
    frame: pd.DataFrame, expects: Sequence[Expect], result_format: Mapping[str, Any]
) -> dict[str, Reading]:
    # Warnings of GX's own dependencies are no news to whoever runs a night.
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gx = _library()
        context = gx.get_context(mode="ephemeral", project_config=_in_memory())
        asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        suite = gx.ExpectationSuite(name="suite", expectations=[_build(e) for e in expects])
        results = batch.validate(suite, result_format=dict(result_format)).results
    return {
        result.expectation_config.meta["name"]: reading
        for result in results
        if (reading := _read(result, len(frame))) is not None
    }


def _in_memory() -> Any:
    """A project without data docs sites (the default names a temporary folder)."""
    types = importlib.import_module("great_expectations.data_context.types.base")
    return types.DataContextConfig(
        store_backend_defaults=types.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars={"globally": False},
        analytics_enabled=False,
    )


def _build(expect: Expect) -> Any:
    registry = importlib.import_module("great_expectations.expectations.registry")
    implementation = registry.get_expectation_impl(expect.type)
    return implementation(**expect.kwargs, meta={"name": expect.name})


def _read(result: Any, rows: int) -> Reading | None:
    """Counts and ids out of a GX result; everything else of it is dropped here."""
    if _raised(result.exception_info):
        return None
    found = result.result
    if "unexpected_count" not in found:  # a check of the table or of a column as a whole
        return Reading(bool(result.success), 1, _whole_failures(result), ())
    missing = found.get("missing_count") or 0
    positions = tuple(int(at) for at in found.get("unexpected_index_list") or ())
    failed = int(found["unexpected_count"])
    return Reading(bool(result.success), rows - int(missing), failed, positions)


def _whole_failures(result: Any) -> int:
    if result.success:
        return 0
    mismatched = result.result.get("details", {}).get("mismatched", {})
    return sum(len(names) for names in mismatched.values()) or 1


def _raised(info: Any) -> bool:
    """GX reports one exception flat, and those of metrics keyed by metric."""
    if not isinstance(info, Mapping):
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(_raised(value) for value in info.values())


@cache
def _library() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    os.environ["DO_NOT_TRACK"] = "1"
    # Its log lines quote exceptions, which quote values.
    logger = logging.getLogger("great_expectations")
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return importlib.import_module("great_expectations")

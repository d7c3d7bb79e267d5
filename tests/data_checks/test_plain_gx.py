"""What Great Expectations does when asked plainly, and why the gate asks otherwise."""

from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.expectations.core.expect_column_values_to_match_regex import (
    ExpectColumnValuesToMatchRegex,
)

from callward.gates import Outcome
from data_checks.gate import GreatExpectationsGates

CANARY = "Zebedee Canary 07700 900123"


def _plain(frame: pd.DataFrame) -> Any:
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("w").get_batch({"dataframe": frame})
    codecs = ExpectColumnValuesToMatchRegex(column="codec", regex=r"\A[a-z0-9_]+\Z")
    return batch.validate(codecs)


def test_plain_gx_passes_an_empty_batch_and_the_gate_does_not(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """No rows, no failures, "success": the gate calls that empty instead."""
    empty = frames("ingest_exit").iloc[:0]
    assert _plain(empty).success
    assert gates.check("ingest_exit", empty).outcome is Outcome.EMPTY


def test_plain_gx_keeps_samples_and_the_gate_does_not(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """By default a failed check quotes the values it failed on."""
    frame = frames("ingest_exit")
    frame.loc[2, "codec"] = CANARY
    assert CANARY in str(_plain(frame).to_json_dict())
    result = gates.check("ingest_exit", frame)
    assert result.outcome is Outcome.ROWS_FAILED
    assert CANARY not in str(result.to_json_dict()) + repr(result)


def test_plain_gx_passes_rows_without_a_value_and_the_gate_does_not(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """A missing value is skipped by a row check; the gate asks for presence besides."""
    frame = frames("ingest_exit")
    frame.loc[2, "codec"] = None
    assert _plain(frame).success
    result = gates.check("ingest_exit", frame)
    assert result.failed_ids == {frame["id"][2]: "codec-present"}

"""Bring a frame to the dtypes its suite declares, where that loses nothing.

What cannot be brought there is left as it is, for its type check to fail.
Columns nobody declared are replaced by an empty marker before anything else
sees the frame: they may carry content.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pandas.api import types

from data_checks.declare import Kind, Suite


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as the gate judges it.

    ``sound``: every declared column is there in its kind, so that relations
    between columns can be judged; otherwise only the shape can.
    """

    frame: pd.DataFrame
    sound: bool


def prepare(suite: Suite, frame: pd.DataFrame) -> Prepared:
    """Declared columns in their kinds, derived ones, markers; index 0..n-1, input untouched."""
    first = frame.loc[:, ~frame.columns.duplicated()].reset_index(drop=True)
    columns: dict[str, pd.Series[Any]] = {
        name: canonical(first[name], kind)
        for name, kind in suite.columns.items()
        if name in first.columns
    }
    prepared = pd.DataFrame(columns, index=first.index)
    sound = len(columns) == len(suite.columns) and _typed(prepared, suite.columns)
    for derived in suite.derived:
        values = derived.compute(prepared).astype(derived.kind.value) if sound else None
        prepared[derived.name] = values
    for number in range(frame.shape[1] - len(columns)):
        prepared[f"undeclared-{number + 1}"] = False
    return Prepared(prepared, sound)


def canonical(series: "pd.Series[Any]", kind: Kind) -> "pd.Series[Any]":
    """The series in the dtype of ``kind``, or unchanged if that would lose or guess."""
    if series.empty:
        return pd.Series([], dtype=kind.value)
    if kind.can_be_null and series.dtype == object and series.isna().all():
        return series.astype("float64").astype(kind.value)
    convert = _CONVERTERS[kind](series)
    return series if convert is None else convert


def _typed(frame: pd.DataFrame, columns: Mapping[str, Kind]) -> bool:
    return all(str(frame[name].dtype) == kind.value for name, kind in columns.items())


def _text(series: "pd.Series[Any]") -> "pd.Series[Any] | None":
    if isinstance(series.dtype, pd.StringDtype):
        return series.astype("str")
    if series.dtype == object and types.infer_dtype(series, skipna=True) == "string":
        return series.astype("str")
    return None


def _whole(series: "pd.Series[Any]") -> "pd.Series[Any] | None":
    usable = types.is_integer_dtype(series.dtype) and not series.isna().any()
    return series.astype("int64") if usable else None


def _number(series: "pd.Series[Any]") -> "pd.Series[Any] | None":
    usable = types.is_float_dtype(series.dtype) or types.is_integer_dtype(series.dtype)
    return series.astype("float64") if usable else None


def _truth(series: "pd.Series[Any]") -> "pd.Series[Any] | None":
    usable = types.is_bool_dtype(series.dtype) and not series.isna().any()
    return series.astype("bool") if usable else None


def _moment(series: "pd.Series[Any]") -> "pd.Series[Any] | None":
    # A moment without a zone is a guess; it keeps its dtype and fails.
    if not isinstance(series.dtype, pd.DatetimeTZDtype):
        return None
    moments: pd.Series[Any] = series.dt.tz_convert("UTC").astype(Kind.MOMENT.value)
    return moments


def _day(series: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """Days arrive as datetime64, as ISO strings or as dates; a bad string becomes a gap."""
    if isinstance(series.dtype, pd.DatetimeTZDtype) and str(series.dtype.tz) == "UTC":
        series = series.dt.tz_localize(None)
    if types.is_datetime64_dtype(series.dtype):
        return series.astype(Kind.DAY.value)
    text = _text(series)
    if text is not None:
        days = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
        return days.astype(Kind.DAY.value)
    if series.dtype == object and types.infer_dtype(series, skipna=True) == "date":
        return pd.to_datetime(series).astype(Kind.DAY.value)
    return None


_CONVERTERS: dict[Kind, Callable[["pd.Series[Any]"], "pd.Series[Any] | None"]] = {
    Kind.TEXT: _text,
    Kind.WHOLE: _whole,
    Kind.NUMBER: _number,
    Kind.TRUTH: _truth,
    Kind.MOMENT: _moment,
    Kind.DAY: _day,
}

"""The vocabulary in which suites are declared: plain data, no great_expectations.

``columns``, types and presence are declared once per suite and become
expectations like the rest, so that every verdict comes from the same place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from callward.gates import CRITICAL, ROW

FEW: Final = 20
"""Below this many rows a share says nothing: one bad row of three is no outage."""

TEXT_ID: Final = r"\A[0-9a-f]{8,64}\Z"
CONTROLLER: Final = r"\A[a-z0-9_-][a-z0-9._-]{0,63}\Z"
WORD: Final = r"\A[a-z0-9][a-z0-9_.-]{0,63}\Z"


class Kind(StrEnum):
    """A column's kind; the value is the pandas dtype it is brought to and held to."""

    TEXT = "str"
    WHOLE = "int64"
    NUMBER = "float64"
    TRUTH = "bool"
    MOMENT = "datetime64[us, UTC]"
    DAY = "datetime64[us]"

    @property
    def can_be_null(self) -> bool:
        """Whether the dtype leaves room for a missing value."""
        return self not in (Kind.WHOLE, Kind.TRUTH)


@dataclass(frozen=True, slots=True)
class Expect:
    """One expectation: GX's type and arguments, and what it means to us.

    ``from_rows``: not run on smaller batches.
    """

    name: str
    type: str
    kwargs: Mapping[str, Any]
    severity: str
    promise: str
    from_rows: int = 0

    @property
    def column(self) -> str | None:
        """The column it is about; the first of a pair; None for the table."""
        column: str | None = self.kwargs.get("column", self.kwargs.get("column_A"))
        return column


@dataclass(frozen=True, slots=True)
class Derived:
    """A column computed from declared ones, so that a relation is one plain check."""

    name: str
    kind: Kind
    compute: Callable[[pd.DataFrame], "pd.Series[Any]"]


@dataclass(frozen=True, slots=True)
class Suite:
    """The declaration of one gate.

    ``presence`` is the severity of a missing value in any column but ``id``
    (always critical); ``nullable`` columns may have gaps.
    """

    name: str
    columns: Mapping[str, Kind]
    expects: tuple[Expect, ...]
    derived: tuple[Derived, ...] = ()
    nullable: frozenset[str] = frozenset()
    presence: str = ROW
    id_pattern: str = TEXT_ID
    shape: tuple[Expect, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Derive what holds for every suite from its columns."""
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))
        object.__setattr__(self, "shape", _shape(self))

    @property
    def declared(self) -> Expect:
        """Exactly the declared columns, no more and no fewer."""
        return self.shape[0]

    def for_rows(self, rows: int) -> tuple[Expect, ...]:
        """What is run on a batch of so many rows, in order; on none, only its columns."""
        if rows == 0:
            return (self.declared,)
        return tuple(e for e in (*self.shape, *self.expects) if rows >= e.from_rows)


def _shape(suite: Suite) -> tuple[Expect, ...]:
    names = [*suite.columns, *(d.name for d in suite.derived)]
    declared = Expect(
        "columns-declared",
        "expect_table_columns_to_match_set",
        {"column_set": names, "exact_match": True},
        CRITICAL,
        "R2",
    )
    types = (
        Expect(
            f"{name}-type",
            "expect_column_type_to_be",
            {"column": name, "type_": kind.value},
            CRITICAL,
            "R9",
        )
        for name, kind in suite.columns.items()
    )
    present = (
        Expect(
            f"{name}-present",
            "expect_column_values_to_not_be_null",
            {"column": name},
            CRITICAL if name == "id" else suite.presence,
            "R9",
        )
        for name, kind in suite.columns.items()
        if kind.can_be_null and name not in suite.nullable
    )
    return (
        declared,
        *types,
        *present,
        unique("id-unique", "id", "R9"),
        matches("id-opaque", "id", suite.id_pattern, "R2", severity=CRITICAL),
    )


def between(
    name: str,
    column: str,
    promise: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    severity: str = ROW,
    mostly: float | None = None,
    from_rows: int = 0,
) -> Expect:
    """Values from ``low`` (or strictly ``above``) to ``high``.

    With ``mostly`` at least that share must be, and the check is of the batch.
    """
    kwargs: dict[str, Any] = {"column": column}
    if low is not None or above is not None:
        kwargs |= {"min_value": low if above is None else above, "strict_min": above is not None}
    if high is not None:
        kwargs["max_value"] = high
    if mostly is not None:
        kwargs["mostly"] = mostly
    return Expect(name, "expect_column_values_to_be_between", kwargs, severity, promise, from_rows)


def true(
    name: str,
    column: str,
    promise: str,
    *,
    severity: str = ROW,
    wanted: bool = True,
    mostly: float | None = None,
    from_rows: int = 0,
) -> Expect:
    """Every value (or the share ``mostly``) is ``wanted``."""
    kwargs: dict[str, Any] = {"column": column, "value_set": [wanted]}
    if mostly is not None:
        kwargs["mostly"] = mostly
    return Expect(name, "expect_column_values_to_be_in_set", kwargs, severity, promise, from_rows)


def one_of(name: str, column: str, values: list[str], promise: str, severity: str = ROW) -> Expect:
    """Every value is one of ``values``."""
    kwargs = {"column": column, "value_set": values}
    return Expect(name, "expect_column_values_to_be_in_set", kwargs, severity, promise)


def matches(name: str, column: str, regex: str, promise: str, severity: str = ROW) -> Expect:
    r"""Every value matches ``regex``; anchor it with ``\A`` and ``\Z``, ``$`` lets "\n" by."""
    kwargs = {"column": column, "regex": regex}
    return Expect(name, "expect_column_values_to_match_regex", kwargs, severity, promise)


def unique(name: str, column: str, promise: str) -> Expect:
    """No value twice in the batch; critical, since rows could not be told apart."""
    return Expect(name, "expect_column_values_to_be_unique", {"column": column}, CRITICAL, promise)


def not_before(
    name: str,
    later: str,
    earlier: str,
    promise: str,
    *,
    severity: str = ROW,
    strictly: bool = False,
) -> Expect:
    """``later`` is at or after (``strictly``: after) ``earlier``, row by row."""
    kwargs = {
        "column_A": later,
        "column_B": earlier,
        "or_equal": not strictly,
        "ignore_row_if": "either_value_is_missing",
    }
    return Expect(
        name, "expect_column_pair_values_a_to_be_greater_than_b", kwargs, severity, promise
    )


def one_value(name: str, column: str, promise: str) -> Expect:
    """The column holds the same value throughout the batch."""
    kwargs = {"column": column, "min_value": 1, "max_value": 1}
    return Expect(name, "expect_column_unique_value_count_to_be_between", kwargs, CRITICAL, promise)

"""What the gates of records are shown: metadata only, ids opaque."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from callward.clock import Clock
from callward.intake.judging import Judged, Outcome
from callward.intake.record_plan import Unit
from callward.run import UNKNOWN

_DAY_SECONDS = 86_400


def entry(units: Sequence[Unit], clock: Clock) -> pd.DataFrame:
    """Slices about to be read."""
    now = clock.now().timestamp()
    rows = [
        {
            "id": f"{unit.item.key[:40]}{number:08x}",
            "controller_known": unit.item.drop.controller != UNKNOWN,
            "source": unit.surveyed.source,
            "bytes": unit.bytes,
            "records": unit.records,
            "age_days": (now - unit.surveyed.seen.mtime_ns / 1e9) / _DAY_SECONDS,
        }
        for number, unit in enumerate(units)
        if unit.part is not None and unit.surveyed.seen is not None
    ]
    return _frame(
        rows,
        id="str",
        controller_known="bool",
        source="str",
        bytes="int64",
        records="int64",
        age_days="float64",
    )


def exit_(judged: Sequence[Judged]) -> pd.DataFrame:
    """Records as they were read, taken or refused."""
    columns: dict[str, list[Any]] = {name: [] for name in _EXIT}
    add = [columns[name].append for name in _EXIT]
    for one in judged:
        for put, value in zip(add, _exit_row(one), strict=True):
            put(value)
    return pd.DataFrame(
        {name: pd.Series(columns[name], dtype=kind) for name, kind in _EXIT.items()}
    )


_EXIT = {
    "id": "str",
    "kind": "str",
    "source": "str",
    "refused": "bool",
    "reason": "str",
    "started_at": "datetime64[us, UTC]",
    "ended_at": "datetime64[us, UTC]",
    "direction": "str",
    "people": "int64",
    "bytes": "int64",
    "parts": "int64",
    "masked": "int64",
    "duplicate": "bool",
    "new_version": "bool",
    "ciphertext_digest": "str",
    "due_day": "datetime64[us]",
    "anchor_day": "datetime64[us]",
    "active": "bool",
}


def _exit_row(one: Judged) -> tuple[Any, ...]:
    taken, refused = one.taken, one.outcome is Outcome.REFUSED
    moments: tuple[datetime | None, datetime | None] = (
        (None, None) if refused else (taken.started_at, taken.ended_at)
    )
    main = taken.parts[0].sealed
    return (
        taken.id,
        taken.kind,
        one.source,
        refused,
        None if one.reason is None else str(one.reason),
        *moments,
        taken.direction,
        len(taken.people),
        main.size,
        len(taken.parts) - 1,
        taken.masked,
        one.outcome is Outcome.DUPLICATE,
        one.outcome in {Outcome.NEWER, Outcome.OLDER},
        None if refused else main.ciphertext_digest,
        one.due,
        one.anchor,
        taken.active,
    )


def _frame(rows: Sequence[dict[str, Any]], **dtypes: str) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(dtypes)).astype(dtypes)

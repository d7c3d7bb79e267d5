"""What the ingest gates are shown: metadata only, one row an item, ids opaque."""

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

from callward.clock import Clock, london_day
from callward.instructions.classes import class_of
from callward.instructions.model import Retention
from callward.instructions.periods import due_day
from callward.intake.batches import Batch
from callward.intake.files import open_inside
from callward.intake.manifest import CLOCK_TOLERANCE
from callward.intake.plan import Item
from callward.intake.reasons import Refusal
from callward.intake.record import Judged

_DAY_SECONDS = 86_400


def entry(items: Sequence[Item], clock: Clock) -> pd.DataFrame:
    """Rows of the manifest that could be read; ages count from the latest moment we believe."""
    latest = clock.now() + CLOCK_TOLERANCE
    rows = [
        {
            "id": item.key,
            "controller_known": True,
            "bytes": size,
            "started_at": item.row.started_at,
            "ended_at": item.row.ended_at,
            "age_days": (latest - item.row.ended_at).total_seconds() / _DAY_SECONDS,
            "has_digest": bool(item.row.sha256),
            "kind": item.row.kind,
            "direction": item.row.direction,
        }
        for item in items
        if item.row is not None and item.reason is None and (size := _size(item)) is not None
    ]
    return _frame(
        rows,
        id="str",
        controller_known="bool",
        bytes="int64",
        started_at="datetime64[us, UTC]",
        ended_at="datetime64[us, UTC]",
        age_days="float64",
        has_digest="bool",
        kind="str",
        direction="str",
    )


def exit_(judged: Sequence[Judged], batch: Batch) -> pd.DataFrame:
    """What the workers found, wherever they could decode: refused or not, for the shares."""
    retention = batch.instruction.instruction.retention if batch.instruction else Retention()
    rows = [_exit_row(one, retention) for one in judged if one.facts and one.item.row]
    return _frame(
        rows,
        id="str",
        codec="str",
        rate="int64",
        channels="int64",
        seconds="float64",
        peak="float64",
        silent_share="float64",
        digest_matches="bool",
        seconds_promised="float64",
        ciphertext_digest="str",
        due_day="datetime64[us]",
        anchor_day="datetime64[us]",
    )


def _exit_row(one: Judged, retention: Retention) -> dict[str, Any]:
    row, facts = one.item.row, one.facts
    assert row is not None  # noqa: S101  (filtered by the caller)
    assert facts is not None  # noqa: S101  (filtered by the caller)
    anchor = london_day(row.ended_at)
    return {
        "id": one.item.key,
        **{name: facts[name] for name in ("codec", "rate", "channels", "seconds", "peak")},
        "silent_share": facts["silent_share"],
        "digest_matches": row.sha256 in {"", one.sha256},
        "seconds_promised": (row.ended_at - row.started_at).total_seconds(),
        "ciphertext_digest": one.sealed.ciphertext_digest if one.sealed else "",
        "due_day": due_day(anchor, retention.of(class_of(row.kind))),
        "anchor_day": anchor,
    }


def _size(item: Item) -> int | None:
    """Bytes of the file; None if there is none that may be read (the worker says why)."""
    try:
        handle = open_inside(item.drop.path, item.name or "")
    except Refusal:
        return None
    try:
        return os.fstat(handle).st_size
    finally:
        os.close(handle)


def _frame(rows: Sequence[dict[str, Any]], **dtypes: str) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(dtypes)).astype(dtypes)

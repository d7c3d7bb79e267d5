"""What each engine has done for each controller, and how quickly: for whoever watches.

How long it took is told and not kept: two runs of the same night leave the same
catalogue and ledger.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from callward.run import EngineFigures, StageReport

NOBODY = "-"
"""Stands for the engine where none was asked."""
_DONE = ("transcribed", "quarantined:")


def engine_rows(report: StageReport) -> list[dict[str, Any]]:
    """A row per controller and engine: done, refused by code, failed, audio, speed.

    ``audio``: in seconds, every channel counted; ``speed``: how many of them in a second of
    listening, all workers together. What no engine was asked about comes last.
    """
    if not report.figures:
        return []
    rows = [_row(one) for one in summed(report.figures)]
    rest = {controller: Counter(counts) for controller, counts in report.counts.items()}
    for one in report.figures:
        rest[one.controller].subtract(one.counts)
    unasked = [EngineFigures(one, NOBODY, +mine) for one, mine in sorted(rest.items())]
    return rows + [row for row in map(_row, unasked) if row["refused"]]


def summed(figures: Iterable[EngineFigures]) -> list[EngineFigures]:
    """One of each controller and engine, in order."""
    found: dict[tuple[str, str], EngineFigures] = {}
    for one in figures:
        before = found.get((one.controller, one.engine), EngineFigures(one.controller, one.engine))
        found[one.controller, one.engine] = EngineFigures(
            one.controller,
            one.engine,
            Counter(before.counts) + Counter(one.counts),
            before.seconds + one.seconds,
            before.wall + one.wall,
        )
    return [found[which] for which in sorted(found)]


def _row(one: EngineFigures) -> dict[str, Any]:
    done = sum(count for name, count in one.counts.items() if name.startswith(_DONE))
    failed = sum(count for name, count in one.counts.items() if name.startswith("failed:"))
    refused = {
        name.removeprefix("refused:"): count
        for name, count in sorted(one.counts.items())
        if name.startswith("refused:")
    }
    return {
        "controller": one.controller,
        "engine": one.engine,
        "done": done,
        "refused": refused,
        "failed": failed,
        "audio": round(one.seconds),
        "speed": round(one.seconds / one.wall, 1) if one.wall else None,
    }

"""Collectors of evidence, one module each, by the kind of item that they bring."""

from collections.abc import Mapping
from typing import Final

from callward.evidence.collectors import (
    cards,
    deletions,
    erasures,
    flow_runs,
    gates,
    holds,
    intake,
    nights,
    residual_scans,
    restore_drills,
    transcription,
)
from callward.evidence.collectors.base import Collector

COLLECTORS: Final[Mapping[str, Collector]] = {
    "cards": cards.collect,
    "deletions": deletions.collect,
    "erasures": erasures.collect,
    "flow-runs": flow_runs.collect,
    "gates": gates.collect,
    "holds": holds.collect,
    "intake": intake.collect,
    "nights": nights.collect,
    "residual-scans": residual_scans.collect,
    "restore-drills": restore_drills.collect,
    "transcription": transcription.collect,
}

"""Collectors of evidence, one module each, by the kind of item that they bring."""

from collections.abc import Mapping
from typing import Final

from callward.evidence.collectors import (
    assurance,
    cards,
    deletions,
    disclosures,
    erasures,
    flow_runs,
    gates,
    holds,
    instructions,
    intake,
    keys,
    ledger,
    material_changes,
    nights,
    openings,
    processing_record,
    residual_scans,
    restore_drills,
    reviews,
    software,
    sub_processors,
    transcription,
    vulnerabilities,
)
from callward.evidence.collectors.base import Collector

COLLECTORS: Final[Mapping[str, Collector]] = {
    "assurance": assurance.collect,
    "cards": cards.collect,
    "deletions": deletions.collect,
    "disclosures": disclosures.collect,
    "erasures": erasures.collect,
    "flow-runs": flow_runs.collect,
    "gates": gates.collect,
    "holds": holds.collect,
    "instructions": instructions.collect,
    "intake": intake.collect,
    "keys": keys.collect,
    "ledger": ledger.collect,
    "material-changes": material_changes.collect,
    "nights": nights.collect,
    "openings": openings.collect,
    "processing-record": processing_record.collect,
    "residual-scans": residual_scans.collect,
    "restore-drills": restore_drills.collect,
    "reviews": reviews.collect,
    "software": software.collect,
    "sub-processors": sub_processors.collect,
    "transcription": transcription.collect,
    "vulnerabilities": vulnerabilities.collect,
}

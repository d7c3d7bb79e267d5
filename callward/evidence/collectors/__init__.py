"""Collectors of evidence, one module each, by the kind of item that they bring."""

from collections.abc import Mapping
from typing import Final

from callward.evidence.collectors import (
    assurance,
    disclosures,
    instructions,
    keys,
    ledger,
    material_changes,
    openings,
    processing_record,
    software,
    sub_processors,
    vulnerabilities,
)
from callward.evidence.collectors.base import Collector

COLLECTORS: Final[Mapping[str, Collector]] = {
    "assurance": assurance.collect,
    "disclosures": disclosures.collect,
    "instructions": instructions.collect,
    "keys": keys.collect,
    "ledger": ledger.collect,
    "material-changes": material_changes.collect,
    "openings": openings.collect,
    "processing-record": processing_record.collect,
    "software": software.collect,
    "sub-processors": sub_processors.collect,
    "vulnerabilities": vulnerabilities.collect,
}

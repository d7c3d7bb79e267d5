"""One module per gate; all frames hold metadata only, under opaque ids."""

from types import MappingProxyType
from typing import Final

from data_checks.suites import (
    cards_entry,
    cards_exit,
    evidence_entry,
    evidence_exit,
    ingest_entry,
    ingest_exit,
    ingest_volumes,
    records_entry,
    records_exit,
    retention_entry,
    retention_exit,
    review_entry,
    transcribe_entry,
    transcribe_exit,
)

SUITES: Final = MappingProxyType(
    {
        module.SUITE.name: module.SUITE
        for module in (
            ingest_entry,
            ingest_exit,
            records_entry,
            records_exit,
            ingest_volumes,
            cards_entry,
            cards_exit,
            transcribe_entry,
            transcribe_exit,
            retention_entry,
            retention_exit,
            evidence_entry,
            evidence_exit,
            review_entry,
        )
    }
)
"""Every declared suite by name."""

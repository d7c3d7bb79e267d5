"""One module per gate; all frames hold metadata only, under opaque ids."""

from types import MappingProxyType
from typing import Final

from data_checks.suites import (
    evidence_entry,
    evidence_exit,
    ingest_entry,
    ingest_exit,
    retention_entry,
    retention_exit,
    transcribe_entry,
    transcribe_exit,
)

SUITES: Final = MappingProxyType(
    {
        module.SUITE.name: module.SUITE
        for module in (
            ingest_entry,
            ingest_exit,
            transcribe_entry,
            transcribe_exit,
            retention_entry,
            retention_exit,
            evidence_entry,
            evidence_exit,
        )
    }
)
"""Every declared suite by name."""

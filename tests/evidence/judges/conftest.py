"""A catalogue to collect from."""

from tests.evidence.collectors.conftest import shelf

__all__ = ["shelf"]

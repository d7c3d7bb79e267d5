"""Fixtures that other rooms have."""

from tests.backup.conftest import empty_url

__all__ = ["empty_url"]

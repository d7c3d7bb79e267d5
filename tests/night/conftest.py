"""Fixtures of the whole-night tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.prefect_server import PrefectServer


@pytest.fixture(scope="module")
def server(prefect_server: PrefectServer) -> Iterator[PrefectServer]:
    """Prefect's server, and flows called in this process talk to it."""
    with prefect_server.used_here():
        yield prefect_server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module's instances live."""
    return tmp_path_factory.mktemp("night")

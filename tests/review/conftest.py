"""Instances with a short notice, on each database in turn; one with a server."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from callward.clock import FixedClock, SystemClock
from callward.instance import Instance
from tests.prefect_server import PrefectServer
from tests.review.setting import NOTICE, Sky, publish_notice, watch_the_sky
from tests.review.stand import Stand
from tests.support import PassingGates, new_instance


@pytest.fixture
def sky(monkeypatch: pytest.MonkeyPatch) -> Sky:
    """What the evidence says."""
    return watch_the_sky(monkeypatch)


@pytest.fixture
def noticed(instance: Instance, sky: Sky) -> Instance:
    """An instance with a short notice, under that sky."""
    del sky
    publish_notice(instance)
    return instance


@pytest.fixture(scope="module")
def server(prefect_server: PrefectServer) -> Iterator[PrefectServer]:
    """Prefect's server, and flows called in this process talk to it."""
    with prefect_server.used_here():
        yield prefect_server


@pytest.fixture
def stand(
    request: pytest.FixtureRequest,
    server: PrefectServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stand]:
    """A stand with the settings that a test is given."""
    settings = {"review_wait_hours": 60 / 3600, **getattr(request, "param", {})}
    now = SystemClock().now()
    instance = new_instance(tmp_path / "home", clock=FixedClock(now), **settings)
    recent = (now - timedelta(days=30)).date().isoformat()
    publish_notice(instance, NOTICE.replace("2026-01-05", recent))
    sky = watch_the_sky(monkeypatch)
    sky.newest = now - timedelta(days=1)
    monkeypatch.setenv("CALLWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("data_checks.gate.GreatExpectationsGates", PassingGates)
    monkeypatch.setattr("tasks.waiting.POLL_SECONDS", 0.2)
    yield Stand(instance, server, sky)
    instance.close()

"""Instances with a short notice, on each database in turn."""

import pytest

from callward.instance import Instance
from tests.review.setting import Sky, publish_notice, watch_the_sky


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

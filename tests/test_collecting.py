"""Python's collector is left as it was found."""

import gc

import pytest

from callward.collecting import few_collections


def test_the_collector_is_put_back() -> None:
    """Whatever becomes of the batch, collections come as often as before, of everything."""
    before = gc.get_threshold()
    with pytest.raises(KeyError), few_collections():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count()
        raise KeyError
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0

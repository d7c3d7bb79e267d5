"""Python's collector is left as it was found."""

import gc

import pytest

from callward.collecting import few_collections


def test_the_collector_is_put_back() -> None:
    """Whatever becomes of the batch, collections come as often as before, of everything."""
    before, within = gc.get_threshold(), []

    def fail() -> None:
        with few_collections():
            within.append((gc.get_threshold(), gc.get_freeze_count()))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert within[0][0] > before
    assert within[0][1] > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0

"""Collectors of evidence, one module each, by the kind of item that they bring."""

from collections.abc import Mapping
from typing import Final

from callward.evidence.collectors import reviews
from callward.evidence.collectors.base import Collector

COLLECTORS: Final[Mapping[str, Collector]] = {
    "reviews": reviews.collect,
}

"""A transcription stage without processes and without a real engine."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self, TypeVar

import numpy as np

from callward.instance import Instance
from callward.speech.engine import Pcm, Word
from callward.speech.work import SpeechTask
from callward.workers import WorkerFailure, Workers

T = TypeVar("T")
R = TypeVar("R")


class Parrot:
    """An engine that says how loud each second of a channel is."""

    name = "parrot-1"
    languages = frozenset({"en"})
    rate = 8000

    def __init__(self, *, repeat: int = 1) -> None:
        self.repeat = repeat

    def transcribe(self, pcm: Pcm) -> list[Word]:
        """Words such as ``loud`` or ``quiet``, ``repeat`` times each second."""
        words = []
        for start in range(0, len(pcm), self.rate):
            loud = int(np.abs(pcm[start : start + self.rate].astype(int)).max()) > 100
            second = start / self.rate
            word = Word("loud" if loud else "quiet", second, second + 0.1, 0.5)
            words += [word] * self.repeat
        return words


@dataclass
class Faults:
    """What goes wrong with which recording (by its object id)."""

    failures: Mapping[str, WorkerFailure] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None
    heard: list[str] = field(default_factory=list)


class InProcess(Workers):
    """Workers that are this process."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(1)
        self.faults = faults

    def __enter__(self) -> Self:
        """Start nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def map(
        self, function: Callable[[T], R], items: Iterable[T], *, seconds_each: float
    ) -> Iterator[tuple[int, R | WorkerFailure]]:
        """One after the other, the last first, as results come in any order."""
        assert seconds_each > 0
        for index, item in reversed(list(enumerate(items))):
            if not isinstance(item, SpeechTask):
                yield index, function(item)
                continue
            self.faults.heard.append(item.object_id)
            self.faults.before()
            yield index, self.faults.failures.get(item.object_id) or function(item)


class Studio(Instance):
    """An instance whose workers are in process; see ``studio``."""

    def workers(self, extra: int = 0) -> Workers:
        """Workers that fail as told."""
        return InProcess(FAULTS[id(self)])


FAULTS: dict[int, Faults] = {}


def studio(instance: Instance) -> tuple[Studio, Faults]:
    """The same instance with workers in process, and what can be made to go wrong."""
    values: dict[str, Any] = {one.name: getattr(instance, one.name) for one in fields(instance)}
    made = Studio(**values)
    FAULTS[id(made)] = faults = Faults()
    return made, faults

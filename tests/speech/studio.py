"""A transcription stage without processes and without a real engine."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, TypeVar

import numpy as np
import pytest

from callward.instance import Instance
from callward.speech import engines, listening
from callward.speech.engine import RATE, Engine, Hints, Pcm, Word
from callward.speech.segments import Span
from callward.speech.work import SpeechTask
from callward.workers import WorkerFailure, Workers

T = TypeVar("T")
R = TypeVar("R")


class Parrot:
    """An engine that says how loud each second of a channel is."""

    name = "parrot-1"
    window = 0.0

    def __init__(self, *, repeat: int = 1) -> None:
        self.repeat = repeat
        self.hints: list[Hints] = []

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """Words such as ``loud`` or ``quiet``, ``repeat`` times each second."""
        self.hints.append(hints)
        words = []
        for start in range(0, len(pcm), RATE):
            loud = float(np.abs(pcm[start : start + RATE].astype(int)).mean()) > 100
            second = start / RATE
            word = Word("loud" if loud else "quiet", second, second + 0.1, 0.5)
            words += [word] * self.repeat
        return words


def whole(pcm: Pcm) -> list[Span]:
    """A channel as one stretch of speech, whatever it holds."""
    return [Span(0, len(pcm))] if len(pcm) else []


def listen_with(patch: pytest.MonkeyPatch, engine: Engine) -> None:
    """Have ``engine`` listen, whatever the settings say, and to whole channels."""
    patch.setattr(engines, "engine_of", lambda _settings, _home: engine)
    patch.setattr(listening, "speech_spans", whole)


@dataclass
class Faults:
    """What goes wrong with which recording (by its object id)."""

    failures: Mapping[str, WorkerFailure] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None
    in_turn: bool = False
    """Whether the next item is asked for when the one before is done, as by one worker."""
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
        asked = enumerate(items)
        for index, item in asked if self.faults.in_turn else reversed(list(asked)):
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


def with_settings(instance: Studio, faults: Faults, **changed: Any) -> Studio:
    """The same studio, of which some settings are others."""
    settings = instance.settings.model_copy(update=changed)
    made, _ = studio(replace(instance, settings=settings))
    FAULTS[id(made)] = faults
    return made

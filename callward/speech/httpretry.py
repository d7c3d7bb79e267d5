"""When to ask a speech server, and when to ask it again."""

import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from callward.clock import Clock, SystemClock
from callward.speech.httperrors import EngineAnswerMalformedError, ServerError

T = TypeVar("T")
PATIENCE: Final = 300.0
"""Seconds that may be waited between the attempts at one piece, all in all."""
MOST_MALFORMED: Final = 2
_FIRST: Final = 1.0  # seconds; doubles with every attempt
_LONGEST: Final = 30.0  # seconds
_LONGEST_ASKED: Final = 120.0  # seconds
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Timing:
    """What waiting needs of the world: seconds that pass, moments, and chance (0 to 1)."""

    passed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    clock: Clock = field(default_factory=SystemClock)
    chance: Callable[[], float] = random.SystemRandom().random


class Slots:
    """Lets through at most so many a minute, evenly spaced; used from any number of threads."""

    def __init__(self, per_minute: int, timing: Timing) -> None:
        self._gap = 60 / per_minute
        self._timing = timing
        self._lock = threading.Lock()
        self._next = timing.passed()

    def take(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self._timing.passed()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            self._timing.sleep(turn - now)


def insist(ask: Callable[[], T], attempts: int, timing: Timing) -> T:
    """Ask until there is an answer: ``attempts`` times at most; the last error is raised.

    Between two attempts is a random part of 1, 2, 4, … seconds ("full jitter"), or
    what the server asks for if that is longer. Answers that are malformed are asked for
    twice at most.
    """
    waited, malformed = 0.0, 0
    for attempt in range(attempts):
        try:
            return ask()
        except ServerError as error:
            malformed += isinstance(error, EngineAnswerMalformedError)
            wait = max(timing.chance() * min(_FIRST * 2**attempt, _LONGEST), error.wait)
            waited += wait
            last = attempt == attempts - 1
            if last or not _may_help(error, malformed) or waited > PATIENCE:
                raise
        timing.sleep(wait)
    raise AssertionError  # attempts is 1 or more


def asked_wait(header: str, clock: Clock) -> float:
    """Seconds that a ``Retry-After`` asks for (RFC 9110, 10.2.3), 120 at most; 0: it asks nothing.

    It is a number of seconds or a date.
    """
    if _SECONDS.fullmatch(header):
        return min(float(header), _LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(header)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max((moment - clock.now()).total_seconds(), 0.0), _LONGEST_ASKED)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0


def _may_help(error: ServerError, malformed: int) -> bool:
    if isinstance(error, EngineAnswerMalformedError):
        return malformed < MOST_MALFORMED
    return error.passing and (not error.status or error.status in _AGAIN)

"""A slice that a worker died on, in pieces: all is read but what no worker survives.

How many records a slice holds is only guessed beforehand (a page in one line may hold
thousands), so nothing counts as read to its end but a run that came to its end.
"""

from collections.abc import Callable
from typing import Final

from callward.intake.reasons import Reason
from callward.intake.take import Taken
from callward.workers import WorkerFailure

MOST_LOST: Final = 3
"""Records of a slice that may break workers before the rest of it is given up."""
MOST_DEATHS: Final = 32
"""Workers that may die on a slice before that; what every record slows down ends as well."""

Outcome = tuple[Taken, ...] | Reason | WorkerFailure
Attempt = Callable[[int, int | None], Outcome]
"""Take the records from the first number on, at most the second or all that follow."""


class Pieces:
    """The records ``taken``, in their order, and how many places in the slice are ``lost``.

    A place is one record, or all that is left where workers die before they come to it.
    ``reason`` is set where the slice turned out not to be readable at all.
    """

    def __init__(self, attempt: Attempt) -> None:
        """Read the slice."""
        self._attempt = attempt
        self._at = 0
        self._ended = False
        self._deaths = 0
        self.taken: list[Taken] = []
        self.lost = 0
        self.reason: Reason | None = None
        self._read()

    def _read(self) -> None:
        while not self._ended:
            if self._take(None):
                continue
            if self.lost == MOST_LOST or self._deaths >= MOST_DEATHS:
                self.lost += 1
                return
            start, before = self._at, len(self.taken)
            broken = self._come_to_it()
            self._together(start, before)
            if broken and self.reason is None:
                self.lost += 1
                self._at += 1
                if not self._take(0):  # nobody gets past it: what follows is lost with it
                    return

    def _come_to_it(self) -> bool:
        """Take what is before the next record that breaks workers; False if none did, now."""
        size, known = 1, 0  # in the records from here to ``known`` one breaks workers
        while not self._ended and self._deaths < MOST_DEATHS:
            if not self._take(size):
                if size == 1:
                    return True
                known, size = self._at + size, size // 2
            elif known:
                size = (known - self._at + 1) // 2
                if not size:
                    return False
            else:
                size *= 2
        return False

    def _together(self, start: int, before: int) -> None:
        """Take what was taken bit by bit in one run: a card number may be spread over records."""
        count = self._at - start
        found = self._attempt(start, count) if count > 1 else ()
        if isinstance(found, WorkerFailure):
            self._deaths += 1
        elif isinstance(found, Reason):
            self.reason, self._ended = found, True
        elif len(found) == count:
            self.taken[before:] = found

    def _take(self, most: int | None) -> bool:
        """Take the next records; whether a worker lived through it."""
        found = self._attempt(self._at, most)
        if isinstance(found, WorkerFailure):
            self._deaths += 1
            return False
        if isinstance(found, Reason):
            self.reason, self._ended = found, True
            return True
        self.taken += found
        self._at += len(found)
        self._ended = most is None or len(found) < most
        return True

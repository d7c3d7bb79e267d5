"""Where a sweep stands: whether what it destroyed may be certified, and if not, why not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["complete", "pending", "partial", "blocked-by-hold", "nothing-due"]


@dataclass(frozen=True, slots=True)
class Root:
    """A root that could open something of the sweep, with what the cells answered."""

    generation: int
    retired: bool
    answers: tuple[tuple[str, datetime | None], ...]
    """Per cell its answer (destroyed, pending, refused) and until when it is pending, UTC."""

    @property
    def destroyed(self) -> bool:
        """Whether every cell has destroyed it."""
        return (
            self.retired
            and bool(self.answers)
            and all(answer == "destroyed" for answer, _ in self.answers)
        )

    @property
    def pending(self) -> bool:
        """Whether nothing but time is in the way of that."""
        answers = {answer for answer, _ in self.answers}
        return "pending" in answers and answers <= {"pending", "destroyed"}


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a sweep."""

    gone: int
    """Objects whose keys it destroyed."""
    left: int
    """Objects it has marked and not destroyed yet."""
    waiting: int
    """Objects that were due and are on hold."""
    checked: bool
    """Whether everything up to the residual scan was done."""
    residue: int | None
    """What the scan found of the objects; None: no store was searched."""
    opened: int
    """Old wraps that still opened when they were tried."""
    able: int
    """Known backups that hold the objects under a root that lives."""
    roots: tuple[Root, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of the statement to make; ``until`` (UTC) of a pending one."""

    state: State
    until: datetime | None = None


def decide(situation: Situation) -> Standing:
    """Say where a sweep stands. Pure.

    Only if nothing at all contradicts it is the sweep ``complete``; ``pending`` if
    nothing but key cells' own delay does; ``partial`` for everything else.
    """
    if not situation.gone and not situation.left:
        return Standing("blocked-by-hold" if situation.waiting else "nothing-due")
    open_roots = [root for root in situation.roots if not root.destroyed]
    searched = situation.checked and situation.residue == 0 and not situation.left
    if not searched or not situation.roots or not all(root.pending for root in open_roots):
        return Standing("partial")
    moments = [until for root in open_roots for _, until in root.answers if until]
    if open_roots:
        return Standing("pending", max(moments)) if moments else Standing("partial")
    return Standing("partial" if situation.opened or situation.able else "complete")

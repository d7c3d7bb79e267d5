"""Facts of today held against those last seen, and what is told of it. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from callward.clock import london_day
from callward.material.model import Change, Facts, Noted

_SHOWN: Final = 10
_NOTHING: Final = "nothing"


def compare(before: Facts, now: Facts) -> list[Change]:
    """What is new, gone or different, by kind and subject."""
    return [
        Change(about, before.get(about), now.get(about))
        for about in sorted(before.keys() | now.keys())
        if before.get(about) != now.get(about)
    ]


def by_kind(waiting: Iterable[Noted]) -> dict[str, int]:
    """How many there are of each kind, sorted."""
    return dict(sorted(Counter(one.change.about.kind.value for one in waiting).items()))


def overview(waiting: Sequence[Noted]) -> dict[str, Any]:
    """How many wait for a review, of which kinds, and the London day the oldest was found."""
    oldest = min((one.found_at for one in waiting), default=None)
    return {
        "waiting": len(waiting),
        "by_kind": by_kind(waiting),
        "oldest": None if oldest is None else london_day(oldest).isoformat(),
    }


def told(waiting: Sequence[Noted]) -> list[str]:
    """Lines for people on changes that wait for a review, a summary first; none if none do."""
    if not waiting:
        return []
    found = overview(waiting)
    kinds = ", ".join(f"{kind} {count}" for kind, count in found["by_kind"].items())
    seen = f"{len(waiting)} ({kinds}), the oldest seen {found['oldest']}"
    lines = [f"[review-needed] material changes that no review has dealt with: {seen}"]
    newest = sorted(waiting, key=_newest_first)
    lines += [sentence(one) for one in newest[:_SHOWN]]
    if len(waiting) > _SHOWN:
        lines.append(f"and {len(waiting) - _SHOWN} more: `callward changes list`")
    return lines


def sentence(noted: Noted) -> str:
    """One change in a line."""
    change = noted.change
    values = f"{change.before or _NOTHING} became {change.after or _NOTHING}"
    about = f"{change.about.kind.value} {change.about.subject}"
    return f"{about}: {values} (seen {london_day(noted.found_at)})"


def _newest_first(noted: Noted) -> tuple[float, str, str]:
    return (-noted.found_at.timestamp(), *noted.change.about)

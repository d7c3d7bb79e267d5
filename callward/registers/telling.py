"""How findings of a register are put into words and in order; pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar

Code = TypeVar("Code", bound=str)


def days_left(when: date | None, day: date) -> int | None:
    """Days from ``day`` until ``when``, which still counts; negative once it is over."""
    return None if when is None else (when - day).days


def soon(
    dated: Iterable[tuple[Code, str, date]], day: date, within: int
) -> list[tuple[Code, str, date]]:
    """Those of which the day comes ``within`` so many days, or is over; soonest first."""
    return sorted(
        (one for one in dated if (one[2] - day).days <= within),
        key=lambda one: (one[2], *one[:2]),
    )


def sentence(who: str, about: str, when: tuple[date | None, int | None], said: str) -> str:
    """A finding for people; ``when``: its day and how many are left."""
    day, left = when
    told = "" if day is None else f", {day:%-d %B %Y}{_away(left or 0)}"
    return f"**{who}** ({about}{told}): {said}"


def page(
    title: str, summary: str, parts: Mapping[str, Sequence[str]], problems: Iterable[str]
) -> str:
    """Markdown: a title, a summary, a list under each heading that has any, and bad files."""
    lines = [f"# {title}", "", summary]
    for heading, sentences in {**parts, "Files to mend": list(problems)}.items():
        if sentences:
            lines += ["", f"## {heading}", "", *(f"- {one}" for one in sentences)]
    return "\n".join(lines) + "\n"


def _away(days: int) -> str:
    if days == 0:
        return ", today"
    some = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    return f", in {some}" if days > 0 else f", {some} ago"

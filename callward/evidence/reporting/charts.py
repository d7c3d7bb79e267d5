"""Charts as SVG: pure functions from numbers to text.

Drawn for white paper by attributes; a page restyles them by class, for dark screens. Series
differ by pattern as well as colour. The smallest number that is not nought is still seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

WIDTH: Final = 400
_INK: Final = "#1b2430"
_GRID: Final = "#d5dce3"
_FILLS: Final = ("#17496b", "#c4581a", "#7a8794", "#7b3f8c")
_FONT: Final = "Arial, 'Liberation Sans', 'Libertinus Serif', sans-serif"
_LEAST: Final = 2.0
"""Points that the smallest number gets."""
_LONGEST: Final = 60
"""Letters of a label."""
_PATTERNS: Final = (
    "",
    '<path d="M-1 1L1 -1M0 6L6 0M5 7L7 5" stroke-width="1.6"/>',
    '<circle cx="3" cy="3" r="1.3"/>',
    '<path d="M0 3H6M3 0V6" stroke-width="1.2"/>',
)


@dataclass(frozen=True, slots=True)
class Series:
    """Values, one a category, under a name."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What every chart needs: a key for its ids, a title, and what it shows in a sentence."""

    key: str
    title: str
    says: str


@dataclass(frozen=True, slots=True)
class Lasting:
    """What holds from a day to a day, both included; no ``last`` if no end is set."""

    label: str
    first: date
    last: date | None
    note: str
    over: bool = False


def columns(
    about: Drawing, categories: Sequence[str], series: Sequence[Series], *, stacked: bool = True
) -> str:
    """Columns per category, stacked or side by side; at most four series."""
    left, top, high = 46.0, 10.0, 150.0
    sums = [sum(one.values[n] for one in series) for n in range(len(categories))]
    highest = max(sums) if stacked else max(max(one.values) for one in series)
    ticks = _ticks(highest)
    scale = high / ticks[-1]
    parts = [_axis(tick, top + high - tick * scale, left) for tick in ticks]
    step = (WIDTH - left - 6) / len(categories)
    every = max(1, -(-len(categories) // 12))
    for n, category in enumerate(categories):
        x, wide = left + n * step + step * 0.16, step * 0.68
        place = _Place(about.key, x, wide, top + high, scale)
        draw = _stack if stacked else _group
        parts += draw(place, [one.values[n] for one in series])
        if n % every == 0:
            parts.append(_text(x + wide / 2, top + high + 15, category, 10.5, "middle"))
    parts.append(_rule(left, top + high, WIDTH - 6.0))
    legend, height = _legend(about.key, [one.name for one in series], top + high + 34)
    return _svg(about, len(series), [*parts, *legend], height)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a category's columns stand."""

    key: str
    x: float
    wide: float
    foot: float
    scale: float

    def tall(self, value: int) -> float:
        return max(value * self.scale, _LEAST)


def _stack(place: _Place, values: Sequence[int]) -> list[str]:
    found, y = [], place.foot
    for n, value in enumerate(values):
        if value:
            y -= place.tall(value)
            found.append(_box(place.key, n, place.x, y, place.wide, place.tall(value)))
    return found


def _group(place: _Place, values: Sequence[int]) -> list[str]:
    wide = place.wide / len(values)
    return [
        _box(
            place.key,
            n,
            place.x + n * wide,
            place.foot - place.tall(value),
            wide * 0.9,
            place.tall(value),
        )
        for n, value in enumerate(values)
        if value
    ]


def bars(about: Drawing, rows: Sequence[tuple[str, int]]) -> str:
    """A bar for each row, its name above it and its number behind it."""
    most = max(value for _, value in rows)
    room, parts, y = WIDTH - 76.0, [], 4.0
    for label, value in rows:
        long = max(value / most * room, _LEAST) if value else 0.0
        parts.append(_text(0, y + 11, label, 12))
        parts.append(_box(about.key, 0, 0, y + 16, long, 13))
        parts.append(_text(long + 6, y + 27, f"{value:,}", 12))
        y += 37
    return _svg(about, 1, parts, y)


def timeline(about: Drawing, rows: Sequence[Lasting], today: date) -> str:
    """From which day to which each thing holds, and where today is in it."""
    first = min(today, *(one.first for one in rows))
    last = max(today, *(one.last or today for one in rows))
    span = max((last - first).days, 1)
    room, boxes, texts, y = WIDTH - 4.0, [], [], 22.0

    def at(value: date) -> float:
        return 2 + (value - first).days / span * room

    for one in rows:
        begin, end = at(one.first), at(one.last or last)
        texts.append(_text(0, y + 11, f"{one.label}: {one.note}", 12))
        boxes.append(_box(about.key, int(one.over), begin, y + 16, max(end - begin, _LEAST), 13))
        y += 37
    x = at(today)
    side = "end" if x > WIDTH / 2 else "start"
    mark = (
        f'<path class="mark" d="M{x:.1f} 16V{y:.1f}" stroke="{_INK}" stroke-width="1.5" '
        'stroke-dasharray="4 3"/>'
    )
    texts += [
        _text(x, 11, "the last day of the period", 11, side),
        _text(0, y + 12, first.isoformat(), 10.5),
        _text(WIDTH, y + 12, last.isoformat(), 10.5, "end"),
    ]
    names = ["in force", "no longer in force"] if any(one.over for one in rows) else ["in force"]
    legend, height = _legend(about.key, names, y + 32)
    return _svg(about, 2, [*boxes, mark, *texts, *legend], height)


def _ticks(highest: int) -> list[int]:
    """Nought and up to four round numbers, the last at least ``highest``."""
    step = 1
    while step * 4 < highest:
        lead = int(str(step)[0])
        step = step * 2 if lead in {1, 5} else step * 5 // 2
    return [n * step for n in range(-(-max(highest, 1) // step) + 1)]


def _axis(value: int, y: float, left: float) -> str:
    grid = f'<path class="grid" d="M{left:.1f} {y:.1f}H{WIDTH - 6}" stroke="{_GRID}"/>'
    return grid + _text(left - 6, y + 4, _short(value), 10.5, "end")


def _short(value: int) -> str:
    thousand, million = 1_000, 1_000_000
    if value >= million:
        return f"{value / million:g}m"
    return f"{value / thousand:g}k" if value >= 10 * thousand else f"{value:,}"


def _rule(left: float, y: float, right: float) -> str:
    return f'<path class="mark" d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="{_INK}"/>'


def _box(key: str, n: int, x: float, y: float, wide: float, tall: float) -> str:
    # a plain colour needs no pattern, and shows no seams
    fill, drawn = (f"url(#{key}-{n})", "edge") if n else (_FILLS[0], "edge s0")
    return (
        f'<rect class="{drawn}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
        f'fill="{fill}" stroke="#ffffff" stroke-width="0.6"/>'
    )


def _text(x: float, y: float, text: str, size: float, anchor: str = "start") -> str:
    """Text that stays readable where it crosses a line."""
    return (
        f'<text class="ink halo" paint-order="stroke" stroke="#ffffff" stroke-width="3" '
        f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{_INK}">{escape(cut(text))}</text>'
    )


def cut(text: str) -> str:
    """No longer than the drawing is wide; the table beside it has the whole."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _legend(key: str, names: Sequence[str], y: float) -> tuple[list[str], float]:
    """Boxes with names in rows of two; and where they end."""
    found: list[str] = []
    for n, name in enumerate(names):
        x, line = (n % 2) * WIDTH / 2, y + (n // 2) * 19
        found += [_box(key, n, x, line - 10, 16, 12), _text(x + 22, line, name, 12)]
    return found, y + (len(names) - 1) // 2 * 19 + 8


def _pattern(key: str, n: int) -> str:
    fill = _FILLS[n]
    mark = (
        f'<g class="paper-mark" stroke="#ffffff" fill="#ffffff">{_PATTERNS[n]}</g>'
        if _PATTERNS[n]
        else ""
    )
    return (
        f'<pattern id="{key}-{n}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect class="s{n}" width="6" height="6" fill="{fill}"/>{mark}</pattern>'
    )


def _svg(about: Drawing, series: int, parts: Sequence[str], height: float) -> str:
    key = about.key
    patterns = "".join(_pattern(key, n) for n in range(1, series))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-labelledby="{key}-title {key}-desc" font-family="{_FONT}">'
        f'<title id="{key}-title">{escape(about.title)}</title>'
        f'<desc id="{key}-desc">{escape(about.says)}</desc>'
        f"<defs>{patterns}</defs>{''.join(parts)}</svg>"
    )

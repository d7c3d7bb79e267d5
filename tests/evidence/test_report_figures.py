"""Figures and charts: the right numbers, the same in picture and table, nothing from nothing."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.evidence.clauses.model import Need
from callward.evidence.reporting import charts
from callward.evidence.reporting.drawing import Asked
from callward.evidence.reporting.figures import FIGURES, of_need
from callward.evidence.reporting.parts import Figure
from tests.evidence.years import FACTS, YEAR, make_item

SVG = "{http://www.w3.org/2000/svg}"
ABOUT = charts.Drawing("f-k", "T", "S")


def figures_of(
    named: str, facts: Mapping[str, Any] | None = None, **options: str
) -> dict[str, Figure]:
    """The figures of an item, by title."""
    need = Need(named, None, "any", options)
    asked = Asked(named, YEAR, YEAR.to_day, options)
    item = make_item(named, FACTS[named] if facts is None else facts)
    return {one.title: one for one in of_need(need, item, asked)}


def rows_of(figure: Figure) -> list[list[str]]:
    """Its table as text."""
    return [
        ["".join(span.text for span in cell).replace("\xa0", " ") for cell in row]
        for row in figure.table.rows
    ]


def drawn(svg: str) -> ET.Element:
    """A drawing that is well formed, has a role, and is named by its title and description."""
    root = ET.fromstring(svg)  # noqa: S314 - our own drawing
    assert root.get("role") == "img"
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    assert set((root.get("aria-labelledby") or "").split()) <= set(ids)
    return root


def boxes(svg: str) -> list[tuple[float, float]]:
    """Width and height of what is drawn outside patterns."""
    root = drawn(svg)
    return [
        (float(one.get("width", "")), float(one.get("height", "")))
        for one in root.findall(f"{SVG}rect")
    ]


def test_deletions_show_how_late_per_class() -> None:
    """Only the clause's classes; days in bands; one that was never late has one row."""
    found = figures_of("deletions", classes="recordings voicemail")
    [lateness] = [one for title, one in found.items() if title.startswith("Days between")]
    assert rows_of(lateness) == [
        ["recordings, on the day", "30,359"],
        ["recordings, 1 day late", "29"],
        ["recordings, 2 to 7 days late", "8"],
        ["recordings, 8 to 30 days late", "4"],
        ["voicemail, on the day", "2,112"],
    ]
    months = rows_of(found["Objects destroyed per month"])
    assert months[6] == ["Jul 26", "3,039", "41"]
    assert months[-1][2] == "41"
    other = figures_of("deletions", classes="messages")
    assert "messages, on the day" in str(other)
    assert "recordings" not in str([one.table for one in other.values()])


def test_what_was_early_or_very_late_is_shown() -> None:
    """Neither falls out of the bands."""
    one = {"destroyed": 9, "late": 4, "early": 3, "excused": 0, "days_late": {"0": 2, "400": 4}}
    facts = {"by_class": {"notes": one}, "by_month": {}}
    rows = rows_of(next(iter(figures_of("deletions", facts).values())))
    assert rows == [
        ["notes, before the day", "3"],
        ["notes, on the day", "2"],
        ["notes, more than 30 days late", "4"],
    ]


def test_gates_by_month_and_suite() -> None:
    """Outcomes in words, and how many of a hundred that had something to check passed."""
    found = figures_of("gates")
    assert rows_of(found["What the gates found per month"])[2] == ["Mar 26", "270", "24", "9", "1"]
    assert rows_of(found["Gates, one by one"])[0] == ["Ingest in", "350", "12", "3", "1", "96.4"]
    assert rows_of(found["Stages stopped"])[0] == ["2026-03-14", "Ingest in"]
    assert ["Items that failed", "803"] in rows_of(found["Gates in numbers"])


def test_refusals_are_ranked_by_reason() -> None:
    """The most frequent first, in table and chart alike."""
    figure = figures_of("transcription")["Transcriptions refused, by reason"]
    assert [row[0] for row in rows_of(figure)] == [
        "no instruction",
        "agreement ended",
        "review overdue",
        "outside region",
    ]
    wide = [width for width, _ in boxes(figure.svg)]
    assert wide == sorted(wide, reverse=True)
    assert wide[-1] >= 2


def test_assurance_shows_age_and_what_is_left() -> None:
    """What has ended differs by pattern and word; what has no end is shown without one."""
    found = figures_of("assurance", kind="cyber-essentials-plus")
    life = found["Age and remaining life of what others have assured"]
    assert [
        "ce-plus-2025",
        "Cyber Essentials Plus",
        "1 Sep 2025",
        "31 Aug 2026",
        "486",
        "-122",
    ] in (rows_of(life))
    for said in ("ended 122 days ago", "41 days left", "no end is set", "no longer in force"):
        assert said in life.svg
    assert 'fill="url(#' in life.svg
    [lapsed] = [one for title, one in found.items() if "not in force" in title]
    assert rows_of(lapsed) == [["Cyber Essentials Plus", "31", "1 Sep 2026", "1 Oct 2026"]]
    assert not [one for one in figures_of("assurance", kind="dpo") if "not in force" in one]


def test_the_witness_s_missing_month_is_seen() -> None:
    """Signed heads and the witness's beside each other, month by month."""
    figure = figures_of("ledger")["States of the ledger signed per month"]
    assert rows_of(figure)[10] == ["Nov 26", "31", "0", "30"]
    legend = 3
    assert len(boxes(figure.svg)) == 12 * 3 - 1 + legend


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_every_figure_has_source_and_table(kind: str) -> None:
    """Each leads to its file; whatever is drawn is drawn well, and has its table."""
    for figure in figures_of(kind).values():
        assert [one.href for one in figure.source] == [f"evidence/{kind}.json"]
        assert figure.table.rows
        if figure.svg:
            assert figure.says
            drawn(figure.svg)


@pytest.mark.parametrize("kind", sorted(FIGURES))
@pytest.mark.parametrize("facts", [{}, {"by_month": [1]}, {"by_month": {"2026-01": {"x": "y"}}}])
def test_facts_that_cannot_be_read_are_said(kind: str, facts: Mapping[str, Any]) -> None:
    """No crash: either there is nothing to show, or that it could not be read is told."""
    found = figures_of(kind, facts)
    assert all("could not be read" in one or not found[one].svg for one in found)


def test_nothing_is_drawn_from_nothing() -> None:
    """No chart of noughts, of one month, or of one row; the table alone."""
    noughts = {
        "by_month": {"2026-01": {"transcribed": 0, "refused": 0}},
        "refusals": {"a": 0, "b": 0},
    }
    assert [one.svg for one in figures_of("transcription", noughts).values()] == ["", ""]
    need, item = Need("intake", None, "any"), make_item("intake", FACTS["intake"])
    night = replace(YEAR, from_day=date(2026, 3, 1), to_day=date(2026, 3, 1))
    facts = {"by_month": {"2026-03": {"ingested": 4}}, "by_kind": {"note": 4}}
    found = of_need(need, replace(item, facts=facts), Asked("intake", night, night.to_day, {}))
    assert [one.svg for one in found] == ["", ""]


def test_a_kind_nobody_knows_is_shown_too() -> None:
    """Its numbers by name, and month by month where it counts so."""
    facts = {"seen": 4, "ok": True, "by_month": {"2026-01": {"seen": 4}, "2026-03": {"seen": 1}}}
    found = figures_of("weather", facts)
    assert rows_of(found["Weather per month"])[0] == ["Jan 26", "4"]
    assert rows_of(found["Weather in numbers"]) == [["Seen", "4"], ["Ok", "yes"]]
    plain = figures_of("weather", {"by_month": {"2026-02": 7}})["Weather per month"]
    assert [one.name for one in plain.table.columns] == ["Month", "Number"]
    assert rows_of(plain)[1] == ["Feb 26", "7"]


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=14),
    st.integers(1, 4),
    st.booleans(),
)
def test_columns_stay_inside(values: list[int], series: int, stacked: bool) -> None:  # noqa: FBT001 - drawn at random
    """Whatever the numbers, columns stand in proportion within the drawing."""
    rows = [charts.Series(f"s{n}", values) for n in range(series)]
    root = drawn(charts.columns(ABOUT, [str(n) for n in range(len(values))], rows, stacked=stacked))
    _, _, wide, high = map(float, (root.get("viewBox") or "").split())
    for box in root.findall(f"{SVG}rect"):
        x, y, w, h = (float(box.get(name, "")) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= wide
        assert -8 <= y <= y + h <= high + 0.1
        assert h > 0


@pytest.mark.parametrize("highest", [0, 1, 3, 4, 5, 9, 31, 99, 1_000, 120_450, 10**9])
def test_axes_are_round_and_reach_the_highest(highest: int) -> None:
    """From nought in even steps of 1, 2 or 5 and noughts, five of them at most."""
    ticks = charts._ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest
    assert 2 <= len(ticks) <= 5
    assert re.fullmatch(r"[125]0*", str(ticks[1]))


def test_labels_are_text_and_not_too_long() -> None:
    """Markup is escaped, and what would run out of the drawing is cut."""
    svg = charts.bars(ABOUT, [("<b>&" + "x" * 200, 3), ("y", 1)])
    assert "<b>" not in svg
    texts = [one.text or "" for one in drawn(svg).findall(f"{SVG}text")]
    assert max(map(len, texts)) == 60
    assert texts[0].endswith("…")

"""The report in a real browser: wide and narrow, light and dark, by keyboard and printed.

Needs Chromium, and axe-core: at CALLWARD_AXE, or in node_modules below the checkout.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from callward.evidence.report import render_report
from tests.evidence.packs import make_signer
from tests.evidence.papers import first_of, pages_of
from tests.evidence.years import crowded, make_year

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
AXE = Path(os.environ.get("CALLWARD_AXE", "node_modules/axe-core/axe.min.js"))
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = {"desk": (1280, 900), "phone": (360, 740)}
SCHEMES = ("light", "dark")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year's report as a file."""
    signer = make_signer()
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report(make_year(signer), signer.verifier), encoding="utf-8")
    return path


def opened(
    browser: Browser, report: Path, size: str = "desk", scheme: Any = "light", *, csp: bool = True
) -> Page:
    """The report at a size; without its policy where a test brings a script along."""
    wide, high = SIZES[size]
    context = browser.new_context(
        viewport={"width": wide, "height": high}, color_scheme=scheme, bypass_csp=not csp
    )
    page = context.new_page()
    page.goto(report.as_uri())
    return page


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there (CALLWARD_AXE)")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing(browser: Browser, report: Path, size: str, scheme: str) -> None:
    """No violation of any weight by axe-core's rules."""
    page = opened(browser, report, size, scheme, csp=False)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 20
    assert [(one["id"], one["impact"], len(one["nodes"])) for one in found["violations"]] == []


@pytest.mark.parametrize("size", SIZES)
def test_the_page_does_not_scroll_sideways(browser: Browser, report: Path, size: str) -> None:
    """What is too wide scrolls in a box of its own, which the keyboard reaches."""
    page = opened(browser, report, size)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide == SIZES[size][0]
    boxes = page.evaluate(
        """[...document.querySelectorAll('*')].filter(one => one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).overflowX === 'auto').map(one => [one.className, one.tabIndex])"""
    )
    assert bool(boxes) == (size == "phone")
    assert all(box[1] == 0 for box in boxes)


def test_findings_are_readable_on_a_phone(browser: Browser, report: Path) -> None:
    """The table of what was not kept fits 360 pixels whole: nobody has to scroll for an owner."""
    page = opened(browser, report, "phone")
    fits = page.evaluate(
        """(() => { const box = document.getElementById('not-kept').closest('.scroll');
        return box.scrollWidth <= box.clientWidth })()"""
    )
    assert fits


@pytest.mark.parametrize("scheme", SCHEMES)
def test_colours_follow_the_reader_and_keep_their_contrast(
    browser: Browser, report: Path, scheme: str
) -> None:
    """Text in every colour, in charts too, stands 4.5 to 1 on its ground; shapes 3 to 1."""
    page = opened(browser, report, scheme=scheme)
    asked = page.evaluate(
        """(() => { const style = getComputedStyle(document.documentElement);
        return Object.fromEntries(['paper', 'ink', 'faint', 'accent', 'link', 'tint', 'code',
        'gap-tint', 'partly-tint', 'met-tint', 'none-tint', 'gap', 'partly', 'met', 'none',
        's0', 's1', 's2', 's3'].map(one => [one, style.getPropertyValue('--' + one)])) })()"""
    )
    assert (luminance(asked["paper"]) > 0.5) == (scheme == "light")
    for text in ("ink", "faint", "accent", "link"):
        assert contrast(asked[text], asked["paper"]) >= 4.5, text
    for ground in ("code", "gap-tint", "partly-tint", "met-tint", "none-tint"):
        assert contrast(asked["ink"], asked[ground]) >= 4.5, ground
    for shape in ("gap", "partly", "met", "none", "s0", "s1", "s2", "s3"):
        assert contrast(asked[shape], asked["paper"]) >= 3, shape
    fill = "getComputedStyle(document.querySelector('svg text')).fill"
    assert page.evaluate(fill) == page.evaluate("getComputedStyle(document.body).color")


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of ``#rgb`` or ``#rrggbb``."""
    digits = colour.strip().lstrip("#")
    digits = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_keyboard_comes_first_to_the_skip_link(browser: Browser, report: Path) -> None:
    """It shows when reached, and leads to the summary; where one is can be seen."""
    page = opened(browser, report)
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.url.endswith("#summary")


def test_nothing_is_loaded_and_nothing_is_refused(browser: Browser, report: Path) -> None:
    """The page asks for itself alone, and its own policy finds nothing to stop."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    assert asked == [report.as_uri()]
    assert said == []


def test_charts_and_tables_stand_side_by_side(browser: Browser, report: Path) -> None:
    """On a desk; on a phone one below the other, the chart no wider than the screen."""
    place = """(() => { const figure = document.querySelector('figure.drawn');
        const [chart, table] = ['svg', 'table'].map(
            one => figure.querySelector(one).getBoundingClientRect());
        return [chart.right, table.left, chart.bottom, table.top] })()"""
    right, left, bottom, top = opened(browser, report).evaluate(place)
    assert left > right
    assert top < bottom
    right, left, bottom, top = opened(browser, report, "phone").evaluate(place)
    assert right <= SIZES["phone"][0]
    assert top > bottom


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_first_sheet_has_the_whole_summary(browser: Browser, report: Path, scheme: str) -> None:
    """Printed on A4, in light colours whatever the screen has, heads repeated."""
    page = opened(browser, report, scheme=scheme)
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    texts = pages_of(paper)
    for said in ("10 Gap", "N16.2 Reviewed sooner", "Partly N13.3", "To renew: ICO registration"):
        assert said in texts[0]
    assert texts[1].lstrip().startswith("The annual review")
    size, bright, darkest = first_of(paper)
    assert size == (595, 842)
    assert bright > 200
    assert darkest < 100


def test_a_crowded_first_sheet_is_set_smaller(browser: Browser, tmp_path: Path) -> None:
    """Seven more broken promises and ten more notes still take one sheet."""
    signer = make_signer()
    path = tmp_path / "report.html"
    path.write_text(render_report(crowded(make_year(signer)), signer.verifier), encoding="utf-8")
    texts = pages_of(opened(browser, path).pdf(prefer_css_page_size=True))
    assert "10 Partly" in texts[0]
    assert "To renew: ICO registration" in texts[0]
    assert texts[1].lstrip().startswith("The annual review")

"""The report: complete, self-contained, and proof against markup in the data."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import ClassVar

from callward.evidence.report import render_report, stage_tables, summarise
from callward.ledger.signing import Signer
from tests.evidence.packs import Maker


class Page(HTMLParser):
    """Collects what a browser would load or run, and checks that tags are closed."""

    VOID: ClassVar = {"meta", "link", "img", "br"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what is opened and loaded."""
        if tag not in self.VOID:
            self.open.append(tag)
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "onload"}]
        if tag in {"script", "link", "img", "iframe"}:
            self.loads.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Every end has its beginning."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Gather the text."""
        self.words += data


def test_report_stands_alone(maker: Maker, signer: Signer) -> None:
    """No scripts, nothing from elsewhere, every element closed."""
    text = render_report(maker.contents, signer.verifier)
    page = Page(text)
    assert page.open == []
    assert page.loads == []
    assert "url(" not in text
    assert "@import" not in text
    assert "size: A4" in text


def test_report_has_all_parts(maker: Maker, signer: Signer) -> None:
    """A reader finds each subject of the pack."""
    words = re.sub(r"\s+", " ", Page(render_report(maker.contents, signer.verifier)).words)
    for expected in (
        "1 March 2026 to 2 March 2026",
        "0123456789abcdef",
        signer.verifier,
        "birch",
        "ingest in",
        "Head of Data Protection",
        "c2",
        "nightly 2026-03-02",
        "run with --plain, or by another command: 1 (n0)",
        "callward verify",
        maker.contents.ledger.checkpoint.splitlines()[2],
    ):
        assert expected in words


def test_markup_in_the_data_stays_text(maker: Maker, signer: Signer) -> None:
    """Whatever a controller writes as its reference is shown, not run."""
    nasty = "<script>alert(1)</script>"
    [row] = maker.contents.instructions
    contents = replace(maker.contents, instructions=(replace(row, reference=nasty),))
    page = Page(render_report(contents, signer.verifier))
    assert nasty in page.words
    assert page.loads == []


def test_stage_tables_add_up(maker: Maker) -> None:
    """Nights are summed, controllers sorted, missing counts nought, the total right."""
    first = maker.contents.stages[0]
    tables = stage_tables((*maker.contents.stages, replace(first, night="n2")))
    assert [table.stage for table in tables] == ["ingest", "transcribe", "retention"]
    assert tables[0].columns == ("files", "ingested", "duplicate", "quarantined")
    assert tables[0].rows == (("acorn", (24, 18, 2, 4)), ("birch", (1, 0, 0, 1)))
    assert tables[0].total == (25, 18, 2, 5)


def test_summary_is_three_sentences(maker: Maker) -> None:
    """It gives what came in, what was destroyed, and what the gates did."""
    received, destroyed, checked = summarise(maker.contents)
    assert "1 run: 13 files, of which 9 taken into keeping, 1 there already and 3" in received
    assert "6 objects, under 3 certificates" in destroyed
    assert "2 times, of which 0 stopped" in checked

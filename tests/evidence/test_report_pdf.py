"""The report on paper: tagged, the same bytes again, all text as data."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from callward.evidence.model import PackContents
from callward.evidence.report import render_pdf, render_report
from callward.evidence.reporting.compose import document
from callward.evidence.reporting.pdf import shown
from callward.ledger.signing import Signer
from tests.evidence.packs import Maker, make_signer
from tests.evidence.papers import outline_of, pages_of
from tests.evidence.years import REVIEW, make_year

TRICK = '#panic("no") $ * _ ] #read("/etc/hostname") [ @x <y> ` \\ // /* "'
AGAIN = """
import hashlib
from callward.evidence.report import render_pdf, render_report
from tests.evidence.packs import make_signer
from tests.evidence.years import make_year
signer = make_signer()
year = make_year(signer)
for made in (render_report(year, signer.verifier).encode(), render_pdf(year, signer.verifier)):
    print(hashlib.sha256(made).hexdigest())
"""


@pytest.fixture(scope="module")
def year() -> PackContents:
    """A year's pack."""
    return make_year(make_signer())


@pytest.fixture(scope="module")
def pdf(year: PackContents) -> bytes:
    """Its report on paper."""
    return render_pdf(year, make_signer().verifier)


def test_it_is_tagged_and_says_what_it_is(pdf: bytes) -> None:
    """PDF/UA-1 and PDF/A-2a: structure, headings, table headers, language, title, alt texts."""
    for said in (b"<pdfuaid:part>1<", b"<pdfaid:part>2<", b"<pdfaid:conformance>A<"):
        assert said in pdf
    for tag in (b"/H1", b"/H2", b"/H3", b"/TH", b"/Figure", b"/Lang(en-GB)", b"/Alt"):
        assert tag in pdf.replace(b"/Lang (", b"/Lang("), tag
    title, names = outline_of(pdf)
    assert title == "Privacy notice: annual evidence, 1 January 2026 to 31 December 2026"
    assert names[0] == "Privacy notice: annual evidence"
    assert any("N12.6 Records that cannot be altered unseen" in one for one in names)


def test_the_first_page_has_every_finding(pdf: bytes, year: PackContents) -> None:
    """Gaps, what was partly kept, notes, what is missing, changes and decisions fit one page."""
    first = pages_of(pdf)[0]
    kept = {"met", "not applicable"}
    broken = [one.clause for one in year.proof.verdicts if one.state.value not in kept]
    assert len(broken) == 13
    titles = {one.id: one.title for one in year.proof.clauses}
    for clause in broken:
        assert f"{clause} {titles[clause]}" in first
    for said in (
        "10 Gap",
        "2 transfers outside the United Kingdom and the EEA were refused.",
        "The folder of backups could not be read.",
        "No longer promised",
        "What must be decided next",
        "To renew: ICO registration by 10 Feb 2027.",
    ):
        assert said in first


def test_page_and_paper_say_the_same(pdf: bytes, year: PackContents) -> None:
    """All figures and sections of the page are on paper, with page numbers."""
    pages = pages_of(pdf)
    text = " ".join(pages)
    html = render_report(year, make_signer().verifier)
    numbers = re.findall(r"<strong>Figure (\d+)\.</strong> ([^<]+)\. <span", html)
    assert len(numbers) > 30
    for number, title in numbers:
        assert f"Figure {number}. {title}." in text
    for section in document(year, "").sections:
        assert section.title in text
    assert f"page {len(pages)} of {len(pages)}" in pages[-1]
    assert "data/evidence/deletions.json" in text


def test_a_long_table_repeats_its_head(maker: Maker) -> None:
    """Two hundred controllers take several pages, with the headings on each."""
    first = maker.contents.stages[0]
    many = tuple(replace(first, controller=f"controller-{n:03}") for n in range(200))
    pages = pages_of(render_pdf(replace(maker.contents, stages=many), "KEY"))
    rows = [page for page in pages if "controller-" in page]
    assert len(rows) > 2
    assert all("Controller Files Ingested Duplicate Quarantined" in page for page in rows)


def test_same_contents_same_bytes(pdf: bytes, year: PackContents) -> None:
    """In another process with other hashes too, page and paper alike; dated as the pack."""
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path.cwd())}
    made = subprocess.run(
        [sys.executable, "-c", AGAIN], env=environment, capture_output=True, text=True, check=True
    )
    html = render_report(year, make_signer().verifier).encode()
    assert made.stdout.split() == [hashlib.sha256(one).hexdigest() for one in (html, pdf)]
    assert b"D:20270103021000" in pdf


def test_markup_in_it_is_text(signer: Signer) -> None:
    """What looks like the typesetter's language is printed, not obeyed."""
    contents = make_year(signer, rows=3)
    items = {kind: replace(one, source=TRICK) for kind, one in contents.proof.items.items()}
    review = {**REVIEW, "comments": {"N1.1": TRICK, "N77.7": TRICK}, "minute": TRICK}
    proof = replace(contents.proof, items=items, failures={TRICK: TRICK})
    text = " ".join(pages_of(render_pdf(replace(contents, proof=proof, review=review), "KEY")))
    assert text.count('#panic("no") $ * _ ]') > 40
    assert '#read("/etc/hostname")' in text


def test_letters_without_a_glyph_are_shown_by_number(maker: Maker) -> None:
    """The standard allows no empty boxes, so they do not stop the report."""
    [row] = maker.contents.instructions
    strange = replace(row, reference="Zoë 中 \U0001f600 \x07 Ω Ж")
    text = " ".join(pages_of(render_pdf(replace(maker.contents, instructions=(strange,)), "KEY")))
    for said in ("Zoë [U+4E2D]", "[U+1F600]", "[U+0007]", "Ω Ж"):
        assert said in text


def test_every_letter_kept_has_a_glyph(maker: Maker) -> None:
    """The whole set that is not replaced can be set in each of the two faces."""
    letters = "".join(
        one for one in map(chr, range(0x20, 0x2300)) if shown(one) == one and one.isprintable()
    )
    assert len(letters) > 450
    [row] = maker.contents.instructions
    names = replace(row, reference=letters)
    raw = replace(maker.contents.certificates[0], id=letters)
    contents = replace(maker.contents, instructions=(names,), certificates=(raw,))
    assert render_pdf(contents, "KEY").startswith(b"%PDF-1.7")


def test_a_long_word_does_not_run_into_its_neighbour(year: PackContents) -> None:
    """An id without an end is broken where a column ends, in a table alone."""
    long = "x" * 300
    item = replace(year.proof.items["cards"], source=long)
    proof = replace(year.proof, items={**year.proof.items, "cards": item})
    text = " ".join(pages_of(render_pdf(replace(year, proof=proof), "KEY")))
    assert long not in text
    assert sum(len(one) for one in re.findall(r"x{4,}", text)) >= 300
    assert shown({"rows": ["y" * 41], "text": "y" * 41, "href": "z" * 50}) == {
        "rows": ["\u200b".join(["y" * 8] * 5 + ["y"])],
        "text": "y" * 41,
        "href": "z" * 50,
    }


def test_a_draft_is_marked_on_every_page(year: PackContents) -> None:
    """And a final pack on none."""
    pages = pages_of(render_pdf(replace(year, kind="draft", review=None), "KEY"))
    assert all("DRAFT" in page for page in pages)


def test_too_many_gaps_run_over(year: PackContents) -> None:
    """With nothing collected at all the summary takes more than a page, and loses nothing."""
    gaps = tuple(replace(one, state=_GAP, findings=_FINDINGS) for one in year.proof.verdicts)
    proof = replace(year.proof, items={}, verdicts=gaps)
    text = " ".join(pages_of(render_pdf(replace(year, proof=proof), "KEY")))
    rows = re.findall(r"Gap (N\d+\.\d+)", text)
    assert [one.clause for one in gaps][-1] in rows
    assert "What must be decided next" in text


_SAMPLE = next(
    one for one in make_year(make_signer(), rows=1).proof.verdicts if one.clause == "N7.1"
)
_GAP, _FINDINGS = _SAMPLE.state, _SAMPLE.findings

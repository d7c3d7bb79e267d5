"""The report's page: what it says, in which order, and proof against markup in the data."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, ClassVar

from callward.evidence.clauses.model import Finding, State, Verdict, Weight
from callward.evidence.model import PackContents, Proof
from callward.evidence.report import render_report
from callward.evidence.reporting.records import stage_tables, summarise
from callward.ledger.signing import Signer
from tests.evidence.packs import Maker
from tests.evidence.years import REVIEW, make_year

NASTY = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """Collects what a browser would load or run, and checks that tags are closed."""

    VOID: ClassVar = {"meta", "link", "img", "br", "col"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what is opened and loaded."""
        if tag not in self.VOID:
            self.open.append(tag)
        self.tags.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in {"src", "href"} or name.startswith("on"):
                self.loads.append(f"{tag} {name}")
        if tag in {"script", "link", "img", "iframe", "foreignobject", "use"}:
            self.loads.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Every end has its beginning; what stands apart is kept apart."""
        assert self.open.pop() == tag
        if tag in {"td", "th", "dt", "dd", "p", "li", "caption", "figcaption"}:
            self.words += " "

    def handle_data(self, data: str) -> None:
        """Gather the text, but for styles."""
        if "style" not in self.open:
            self.words += data


def words_of(contents: PackContents) -> str:
    """What a page says, spaces made single."""
    return re.sub(r"\s+", " ", Page(render_report(contents, "KEY")).words)


def test_report_stands_alone(signer: Signer) -> None:
    """No scripts, nothing from elsewhere, every element closed, each id once, links lead on."""
    text = render_report(make_year(signer), signer.verifier)
    page = Page(text)
    assert (page.open, page.loads) == ([], [])
    assert set(re.findall(r"url\((.)", text)) == {"#"}
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert 'lang="en-GB"' in text
    assert len(page.ids) == len(set(page.ids))
    inside = {one[1:] for one in page.links if one.startswith("#")}
    assert inside <= set(page.ids)
    outside = [one for one in page.links if not one.startswith("#")]
    assert all(re.fullmatch(r"[a-z-]+(/[a-z-]+)?(\.[a-z]+|/)", one) for one in outside)
    assert "evidence/deletions.json" in outside


def test_headings_are_in_order(signer: Signer) -> None:
    """One of the first level, and none is skipped on the way down."""
    levels = Page(render_report(make_year(signer), signer.verifier)).headings
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_table_has_a_caption_and_scopes(signer: Signer) -> None:
    """And lies in a box of its own that scrolls, can be reached by key, and has a name."""
    text = render_report(make_year(signer), signer.verifier)
    tables = text.count("<table")
    assert tables > 80
    assert text.count("<caption id=") == tables
    named = r'<div class="scroll" role="group" aria-labelledby="[^"]+" tabindex="0">\s*<table'
    assert len(re.findall(named, text)) == tables
    assert re.findall(r"<th(?! scope=\"(?:row|col)\")", text.replace("<thead", "")) == []


def test_a_night_has_all_parts(maker: Maker, signer: Signer) -> None:
    """A reader finds each subject of the pack, although no promise was judged."""
    contents = replace(maker.contents, proof=Proof())
    words = re.sub(r"\s+", " ", Page(render_report(contents, signer.verifier)).words)
    for expected in (
        "1 March 2026 to 2 March 2026",
        "0123456789abcdef",
        signer.verifier,
        "birch",
        "Ingest in",
        "Head of Data Protection",
        "c2",
        "nightly 2026-03-02",
        "run with --plain, or by another command: 1 (n0)",
        "callward verify",
        "sha512sum -c manifest-sha512.txt",
        "judges no promise",
        maker.contents.ledger.checkpoint.splitlines()[2],
    ):
        assert expected in words


def test_gaps_come_first_with_reason_and_owner(signer: Signer) -> None:
    """Before anything else the verdicts counted, then gaps, then what was partly kept."""
    words = words_of(make_year(signer))
    summary = words[words.index("Summary") : words.index("The annual review")]
    order = [
        "10 Gap",
        "3 Partly",
        "33 Met",
        "1 Not applicable",
        "Gap N5.2",
        "Gap N16.2",
        "Partly N10.1",
        "41 recordings were destroyed late. Head of Operations",
        "Partly N13.3",
        "What you should know although the promise held",
        "2 transfers outside the United Kingdom and the EEA were refused. (N9.1)",
        "One sweep waits for a legal hold to be lifted. (N10.1, N11.1)",
        "Evidence that is missing",
        "Restore drills: The folder of backups could not be read. It is to prove N11.4.",
        "Changes since",
        "What must be decided next",
        "Head of Marketing: how and by when to close N7.1, N7.2.",
        "To renew: ICO registration by 10 Feb 2027.",
    ]
    places = [summary.find(one) for one in order]
    assert -1 not in places, [one for one, at in zip(order, places, strict=True) if at < 0]
    assert places == sorted(places)


def test_a_verdict_is_never_colour_alone(signer: Signer) -> None:
    """Beside every sign stands its word."""
    text = render_report(make_year(signer), signer.verifier)
    badges = re.findall(r'<span class="badge"><svg .*?</svg> ([^<]+)</span>', text)
    assert len(badges) > 55
    assert len(badges) == text.count('class="badge"')
    known = {"Gap", "Partly", "Met", "Not applicable", "Better", "Worse", "New"}
    assert set(badges) == known | {"No longer promised"}


def test_changes_against_the_earlier_pack(signer: Signer) -> None:
    """Worse, better, new, and what is promised no more; and nothing where nothing changed."""
    contents = make_year(signer)
    words = words_of(contents)
    for said in (
        "Changes since 1 January 2025 to 31 December 2025",
        "Worse: N13.2 (from met to gap), N13.3 (from not applicable to partly).",
        "Better: N10.1 (from gap to partly).",
        "New: N16.3 (met).",
        "No longer promised: N99.1 (was met).",
    ):
        assert said in words
    assert contents.previous is not None
    same = {one.clause: one.state.value for one in contents.proof.verdicts}
    still = replace(contents, previous=replace(contents.previous, verdicts=same))
    assert "No verdict has changed since 1 January 2025 to 31 December 2025." in words_of(still)
    assert "no earlier pack of this kind" in words_of(replace(contents, previous=None))


def test_each_promise_is_told_in_full(signer: Signer) -> None:
    """Duty, verdict, remark, figures and their file, how new, law, controls and owner."""
    words = words_of(make_year(signer))
    section = words[words.rindex("N12.6 Records that") : words.rindex("N13.1 ISO 27001")]
    for said in (
        "Partly",
        "Every change is in a ledger that only grows",
        "No witness signed in November 2026. (Ledger)",
        "States of the ledger signed per month. From data/evidence/ledger.json",
        "table ledger, ledger 2026-12-31 01:30 UTC, 0 of at most 2 days old 2027-01-03 02:06 UTC",
        "Head of Information Security",
        "UK GDPR Art 5(2); UK GDPR Art 32(1)(b)",
        "A.8.15, A.5.28, A.5.33",
        "Records management and security",
    ):
        assert said in section
    assert "N7.1 Marketing is done by hand" in words
    assert "remarks: Marketing is done by hand today" in words
    assert words.count("Found: nothing against it") > 20


def test_the_review_is_told_without_names(signer: Signer) -> None:
    """Day, minute, how many, remarks, and actions by their day."""
    words = words_of(make_year(signer))
    assert "On 19 Jan 2027 the board approved the notice and this pack, with the actions" in words
    assert "minute B/2027/04. It was given by 5 persons" in words
    assert "Actions: 3, of which 2 open" in words
    assert words.index("End the engagement") < words.index("Keep a register of consents")
    assert "2 to follow up, the first by 31 Mar 2027" in words
    assert "DRAFT" not in words


def test_a_draft_says_so(signer: Signer) -> None:
    """At the very top, in words, and the board is asked; a final pack does not."""
    undecided = {key: REVIEW[key] for key in ("id", "draft", "comments", "actions")}
    words = words_of(replace(make_year(signer), kind="draft", review=undecided))
    assert words.index("(draft)") < words.index("DRAFT.") < words.index("Gap N5.2")
    assert "Board: approve this draft, approve it with actions, or reject it." in words
    assert "The board has not decided yet." in words
    assert "DRAFT." in words_of(replace(make_year(signer), kind="draft", review=None))


def test_markup_in_the_data_stays_text(signer: Signer) -> None:
    """Whatever an id, a fact, a code or a remark holds is shown, not run."""
    contents = make_year(signer, rows=3)
    items = {
        kind: replace(item, source=NASTY, facts=_poisoned(item.facts))
        for kind, item in contents.proof.items.items()
    }
    verdicts = (
        Verdict("N1.1", State.GAP, (Finding(Weight.GAP, NASTY, 1, (NASTY,), NASTY),)),
        *contents.proof.verdicts[1:],
    )
    proof = replace(contents.proof, items=items, verdicts=verdicts, failures={NASTY: NASTY})
    review = {**REVIEW, "minute": NASTY, "comments": {"N1.1": NASTY, NASTY: NASTY}}
    [row] = contents.instructions
    stages = [replace(one, stage=NASTY, controller=NASTY) for one in contents.stages[:2]]
    page = Page(
        render_report(
            replace(
                contents,
                proof=proof,
                review=review,
                stages=tuple(stages),
                instructions=(replace(row, reference=NASTY),),
                certificates=tuple(replace(one, id=NASTY) for one in contents.certificates),
            ),
            NASTY,
        )
    )
    assert page.words.count(NASTY) > 20
    assert (page.open, page.loads) == ([], [])
    assert "script" not in page.tags


def _poisoned(value: Any) -> Any:
    """The same facts with markup in every name and text."""
    if isinstance(value, dict):
        extra = {NASTY: 1} if value and all(isinstance(one, int) for one in value.values()) else {}
        return {key: _poisoned(each) for key, each in value.items()} | extra
    if isinstance(value, list):
        return [_poisoned(each) for each in value]
    return value


def test_long_lists_are_bounded(signer: Signer) -> None:
    """A year of certificates and runs: counted per month, the newest fifty listed."""
    text = render_report(make_year(signer, rows=400), signer.verifier)
    words = re.sub(r"\s+", " ", Page(text).words)
    assert words.count("The newest 50 of 400") == 2
    assert f"{399:032x}" in words
    assert f"{349:032x}" not in words
    assert "nightly 350 " in words
    assert "nightly 349 " not in words
    assert re.search(r"All 400 20,000\b", words)


def test_missing_evidence_is_said(signer: Signer) -> None:
    """Without a single item the report still stands, and names every kind that lacks."""
    contents = make_year(signer, rows=3)
    words = words_of(replace(contents, proof=replace(contents.proof, items={})))
    assert "Deletions: Nothing collects it. It is to prove N10.1, N10.2, N10.3, N11.1." in words
    assert "Figure 1." not in words
    nothing = replace(contents, proof=Proof(), certificates=(), flow_runs=(), stages=(), gates=())
    assert "None was issued in the period." in words_of(nothing)


def test_stage_tables_add_up(maker: Maker) -> None:
    """Nights are summed, controllers sorted, missing counts nought, the total right."""
    first = maker.contents.stages[0]
    tables = stage_tables((*maker.contents.stages, replace(first, night="n2")))
    assert [table.stage for table in tables] == ["ingest", "transcribe", "retention"]
    assert tables[0].columns == ("files", "ingested", "duplicate", "quarantined")
    assert tables[0].rows == (("acorn", (24, 18, 2, 4)), ("birch", (1, 0, 0, 1)))
    assert tables[0].total == (25, 18, 2, 5)


def test_what_came_and_went_in_three_sentences(maker: Maker) -> None:
    """What came in, what was destroyed, and what the gates did."""
    received, destroyed, checked = summarise(maker.contents)
    assert "1 run: 13 files, of which 9 taken into keeping, 1 there already and 3" in received
    assert "6 objects, under 3 certificates" in destroyed
    assert "2 times, of which 0 stopped" in checked

"""The whole report as one value, the same for the web page and the PDF. Pure."""

from collections.abc import Iterator
from typing import Final, Literal

from callward.evidence.model import PackContents
from callward.evidence.reporting.clauses import clause_sections
from callward.evidence.reporting.parts import (
    Block,
    Bullets,
    Code,
    Document,
    Lights,
    Line,
    Section,
    Span,
    Table,
    Terms,
    Text,
    line,
)
from callward.evidence.reporting.records import record_sections
from callward.evidence.reporting.review import review_section
from callward.evidence.reporting.summary import evidence_link, is_draft, summary
from callward.evidence.reporting.words import days, moment

_LINE: Final = 130
_CELL: Final = 60
"""Letters of a line of the page, and of the widest column."""
_FEW: Final = 46
_SOME: Final = 56
_TITLES: Final = {
    "nightly": "Evidence of record keeping",
    "monthly": "Evidence of record keeping: the month",
    "draft": "Privacy notice: annual evidence",
    "annual": "Privacy notice: annual evidence",
}


def document(contents: PackContents, verifier: str) -> Document:
    """The report of ``contents``; ``verifier`` is the key the pack will be signed with."""
    period, draft, first = contents.period, is_draft(contents), summary(contents)
    title = _TITLES.get(contents.kind, _TITLES["nightly"])
    return Document(
        title=f"{title} (draft)" if draft else title,
        subtitle=days(period.from_day, period.to_day),
        draft=draft,
        about=_about(contents, verifier),
        summary=first,
        sections=tuple(_sections(contents)),
        instance=contents.instance,
        crowd=_crowd(lines_of(first)),
    )


def lines_of(section: Section) -> int:
    """About how many printed lines a section takes."""
    return 2 + sum(_lines(one) for one in section.blocks)


def _lines(block: Block) -> int:
    if isinstance(block, Section):
        return lines_of(block)
    if isinstance(block, Bullets):
        return sum(-(-_letters(one) // _LINE) for one in block.items)
    if isinstance(block, Table):
        return 2 + sum(max(-(-_letters(one) // _CELL) for one in row) for row in block.rows)
    return 4 if isinstance(block, Lights) else 1


def _letters(spans: Line) -> int:
    return sum(len(one.text) for one in spans) or 1


def _crowd(lines: int) -> Literal["few", "some", "many"]:
    if lines <= _FEW:
        return "few"
    return "some" if lines <= _SOME else "many"


def _about(contents: PackContents, verifier: str) -> Terms:
    made = f"{moment(contents.made_at)}, by Callward {contents.callward_version}"
    rows = [
        ("Instance", line(contents.instance)),
        ("Made", line(made)),
        ("Signed with the key", line(Span(verifier, "code"))),
    ]
    before = contents.previous
    if before is not None:
        rows.append(("Earlier pack", line(before.name, ", SHA-256 ", Span(before.id, "code"))))
    return Terms(tuple(rows))


def _sections(contents: PackContents) -> Iterator[Section]:
    review = review_section(contents)
    if review is not None:
        yield review
    clauses = tuple(clause_sections(contents))
    if clauses:
        intro = Text(
            line(
                "For each promise: what was promised, what was found, the figures, and the "
                "evidence they came from. The map of promises and the verdicts are in ",
                evidence_link("data/clauses.json"),
                ", what was collected in ",
                evidence_link("data/items.json"),
                ".",
            ),
            "note",
        )
        yield Section("promises", "Promise by promise", (intro, *clauses))
    yield from record_sections(contents)
    yield _checking()


def _checking() -> Section:
    blocks = (
        Text(line("On any computer with Callward installed, and without access to the system:")),
        Code("callward verify PACK --key FILE"),
        Text(
            line(
                "With Python and the library cryptography alone, the pack brings its own verifier; "
                "take it from a pack that you trust already, or from Callward's release:"
            )
        ),
        Code("python -P verify.py PACK --key FILE"),
        Text(line("The digests alone, in the unpacked folder, with nothing but the system's own:")),
        Code("sha512sum -c manifest-sha512.txt"),
        Text(
            line(
                "FILE holds the verifier key you received from elsewhere, in your contract or in "
                "an earlier year, for instance; it must be the one at the top of this report. Keys "
                "in the pack prove nothing. The command says line by line what it has checked: "
                "that no file was altered, added or removed; that the signature is genuine; that "
                "the entries of the ledger lead to the signed checkpoint; that every certificate "
                "is genuine and entered in the ledger; and that what came in adds up. Keep the "
                "pack: next year's must continue the same ledger."
            )
        ),
        Text(
            line(
                "What no check can show is whether the system was given everything, and told the "
                "truth about it. The figures above are its own signed statements."
            ),
            "note",
        ),
    )
    return Section("check", "How to check this pack", blocks)

"""Clause by clause: what was promised, what was found, and on what evidence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from callward.clock import london_day
from callward.evidence.clauses.model import Clause, Finding, Item, Need, Verdict, Weight
from callward.evidence.judges import sentence
from callward.evidence.model import PackContents
from callward.evidence.reporting.drawing import Asked
from callward.evidence.reporting.figures import of_need, source_of
from callward.evidence.reporting.parts import (
    Block,
    Bullets,
    Column,
    Figure,
    Line,
    Section,
    Span,
    Table,
    Terms,
    Text,
    line,
)
from callward.evidence.reporting.summary import KINDS, WORDS, anchor
from callward.evidence.reporting.words import full, many, moment, name

_WEIGHTS: Final[Mapping[Weight, str]] = {
    Weight.GAP: "Gap: ",
    Weight.PARTLY: "Partly: ",
    Weight.NOT_APPLICABLE: "Not applicable: ",
    Weight.NOTE: "To know: ",
}


@dataclass(slots=True)
class Numbering:
    """Gives each figure its number, once, and remembers what has been shown."""

    shown: dict[str, int] = field(default_factory=dict)

    def place(self, figures: list[Figure]) -> tuple[list[Figure], list[tuple[str, int]]]:
        """Those to be shown here, numbered, and the keys and numbers of those shown before."""
        new, before = [], []
        for one in figures:
            if one.key in self.shown:
                before.append((one.key, self.shown[one.key]))
            else:
                self.shown[one.key] = len(self.shown) + 1
                new.append(replace(one, number=self.shown[one.key]))
        return new, before


def clause_sections(contents: PackContents) -> Iterator[Section]:
    """A section for every clause, in the order of the map."""
    verdicts = {one.clause: one for one in contents.proof.verdicts}
    numbering = Numbering()
    for clause in contents.proof.clauses:
        if clause.id in verdicts:
            yield _section(contents, clause, verdicts[clause.id], numbering)


def _section(
    contents: PackContents, clause: Clause, verdict: Verdict, numbering: Numbering
) -> Section:
    found: list[Block] = [_findings(verdict)]
    comment = (contents.review or {}).get("comments", {}).get(clause.id)
    if comment:
        found.append(
            Text(line(Span("The data protection officer remarks: ", "strong"), str(comment)))
        )
    blocks: list[Block] = [
        Text(line(clause.duty), "lead"),
        *found,
        *_figures(contents, clause, numbering),
        _evidence(contents, clause),
        _basis(clause),
    ]
    return Section(
        anchor(clause.id),
        f"{clause.id} {clause.title}",
        tuple(blocks),
        KINDS[verdict.state],
        WORDS[verdict.state],
    )


def _findings(verdict: Verdict) -> Block:
    if not verdict.findings:
        return Text(line("Found: nothing against it; the evidence shows that it was kept."))
    return Bullets(tuple(_finding(one) for one in verdict.findings))


def _finding(finding: Finding) -> Line:
    of = f" ({name(finding.kind)})" if finding.kind else ""
    return line(Span(_WEIGHTS[finding.weight], "strong"), full(sentence(finding)), of)


def _figures(contents: PackContents, clause: Clause, numbering: Numbering) -> Iterator[Block]:
    figures: list[Figure] = []
    for need in clause.needs:
        item = contents.proof.items.get(need.kind)
        if item is not None:
            asked = Asked(need.kind, contents.period, _day(contents), need.options)
            figures += of_need(need, item, asked)
    new, before = numbering.place(figures)
    yield from new
    known = sorted(set(before), key=lambda one: one[1])
    if known:
        parts: list[str | Span] = ["Figures shown before: "]
        for n, (key, number) in enumerate(known):
            parts += [", " if n else "", Span(f"figure {number}", "", f"#{key}")]
        yield Text(line(*parts, "."), "note")


def _day(contents: PackContents) -> date:
    return min(contents.period.to_day, london_day(contents.made_at))


def _evidence(contents: PackContents, clause: Clause) -> Block:
    """What it rests on, how new that is and may be, and where it lies."""
    if not clause.needs:
        return Text(line("Evidence: the map names none."))
    needs = {need.kind: need for need in clause.needs}
    fresh = [need for need in clause.needs if need.fresh_days is not None]
    needs |= {need.kind: need for need in fresh}
    columns = (
        Column("Evidence"),
        Column("From what", share=3),
        Column("Newest in it"),
        Column("Collected"),
        Column("File", share=2),
    )
    rows = tuple(_row(need, contents) for need in needs.values())
    return Table(f"{anchor(clause.id)}-evidence", f"Evidence for {clause.id}", columns, rows)


def _row(need: Need, contents: PackContents) -> tuple[Line, ...]:
    item = contents.proof.items.get(need.kind)
    if item is None:
        why = contents.proof.failures.get(need.kind, "nothing collects it")
        told = full(why.removeprefix(f"{need.kind}: "))
        return line(name(need.kind)), line(told), line("-"), line("not collected"), line("-")
    return (
        line(name(need.kind)),
        line(item.source),
        line(_newest(need, item, contents)),
        line(moment(item.collected_at)),
        source_of(item),
    )


def _newest(need: Need, item: Item, contents: PackContents) -> str:
    if item.newest is None:
        return "nothing in it"
    age = max((_day(contents) - london_day(item.newest)).days, 0)
    limit = "" if need.fresh_days is None else f" of at most {many(need.fresh_days, 'day')}"
    old = many(age, "day") if not limit else f"{age:,}"
    return f"{moment(item.newest)}, {old}{limit} old"


def _basis(clause: Clause) -> Terms:
    """Legal basis, controls and expectations, and who answers for it."""
    rows = (
        ("Owner", clause.owner),
        ("Legal basis", "; ".join(clause.legal_basis)),
        ("ISO/IEC 27001:2022, Annex A", ", ".join(clause.iso27001)),
        ("ICO accountability framework", "; ".join(clause.ico)),
    )
    return Terms(tuple((label, line(text)) for label, text in rows if text))

"""The first page: what a board member must know, and decide."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from callward.evidence.clauses.model import Clause, Finding, State, Verdict, Weight
from callward.evidence.judges import sentence
from callward.evidence.model import PackContents
from callward.evidence.reporting.figures import beside
from callward.evidence.reporting.parts import (
    Block,
    Bullets,
    Column,
    Kind,
    Light,
    Lights,
    Line,
    Section,
    Span,
    Table,
    Text,
    line,
)
from callward.evidence.reporting.words import day_of, days, full, listing, many, name, words

KINDS: Final[Mapping[State, Kind]] = {
    State.GAP: "gap",
    State.PARTLY: "partly",
    State.MET: "met",
    State.NOT_APPLICABLE: "not-applicable",
}
WORDS: Final[Mapping[State, str]] = {
    State.GAP: "Gap",
    State.PARTLY: "Partly",
    State.MET: "Met",
    State.NOT_APPLICABLE: "Not applicable",
}
_MEANINGS: Final[Mapping[State, str]] = {
    State.GAP: "broken, or nothing shows that it was kept",
    State.PARTLY: "broken for a time or in part, or not fully shown",
    State.MET: "kept, and shown",
    State.NOT_APPLICABLE: "nothing to keep in the period",
}
_GRADES: Final[Mapping[str, int]] = {
    State.GAP.value: 0,
    State.PARTLY.value: 1,
    State.MET.value: 2,
    State.NOT_APPLICABLE.value: 2,
}
_CHANGES: Final[Mapping[str, Span]] = {
    "worse": Span("Worse", "worse"),
    "better": Span("Better", "better"),
    "new": Span("New", "new"),
    "changed": Span("Changed", "changed"),
    "gone": Span("No longer promised", "changed"),
}
_SOON_DAYS: Final = 60
_LISTED: Final = 12


def badge(state: State) -> Span:
    """A verdict with its word."""
    return Span(WORDS[state], KINDS[state])


def anchor(clause: str) -> str:
    """The key of a clause's section."""
    return f"clause-{clause.replace('.', '-')}"


def to_clause(clause: str) -> Span:
    """A clause's number, leading to it."""
    return Span(clause, "", f"#{anchor(clause)}")


def summary(contents: PackContents) -> Section:
    """Everything on the first page, the gravest first."""
    proof = contents.proof
    clauses = {one.id: one for one in proof.clauses}
    judged = [one for one in proof.verdicts if one.clause in clauses]
    blocks: list[Block] = [Text(line(_lead(contents, judged)), "lead"), *_draft(contents)]
    if judged:
        blocks += [_lights(judged), _broken(judged, clauses)]
        blocks += [*_notes(judged), *_missing(contents), *_changes(contents, judged)]
        blocks += _decisions(contents, judged, clauses)
    else:
        blocks += _missing(contents)
    return Section("summary", "Summary", tuple(blocks))


def _lead(contents: PackContents, judged: Sequence[Verdict]) -> str:
    notice = str(contents.proof.notice.get("notice", "privacy notice"))
    edition = str(contents.proof.notice.get("edition", ""))
    period = contents.period
    span = days(period.from_day, period.to_day)
    when = f"{'on' if period.from_day == period.to_day else 'from'} {span}"
    if not judged:
        return f"What was recorded {when}. This pack judges no promise of a notice."
    named = f"{notice} ({edition})" if edition else notice
    return (
        f"How we kept the {many(len(judged), 'promise')} of our published {named} {when}: "
        "a verdict on each by fixed rules from the evidence in this pack, what stands against it, "
        "and what is to be decided."
    )


def _draft(contents: PackContents) -> Iterator[Block]:
    if is_draft(contents):
        yield Text(
            line(
                Span("DRAFT. ", "strong"),
                "The board has not decided on this yet: it may not be passed on as a final pack.",
            ),
            "draft",
        )


def is_draft(contents: PackContents) -> bool:
    """Whether the board has still to decide."""
    said = contents.review or {}
    return contents.kind == "draft" or (bool(said.get("draft")) and not said.get("meeting_day"))


def _lights(judged: Sequence[Verdict]) -> Lights:
    states = [one.state for one in judged]
    return Lights(
        tuple(Light(KINDS[one], WORDS[one], states.count(one), _MEANINGS[one]) for one in State)
    )


def against(verdict: Verdict) -> list[Finding]:
    """What stands against a clause."""
    return [one for one in verdict.findings if one.weight in {Weight.GAP, Weight.PARTLY}]


def _broken(judged: Sequence[Verdict], clauses: Mapping[str, Clause]) -> Block:
    """A row for each clause that was not kept: gaps first, the map's order within."""
    rows = [
        (
            line(badge(one.state), " ", to_clause(one.clause), f" {clauses[one.clause].title}"),
            line(" ".join(_once(full(sentence(each)) for each in against(one)))),
            line(clauses[one.clause].owner),
        )
        for state in (State.GAP, State.PARTLY)
        for one in judged
        if one.state is state
    ]
    if not rows:
        return Text(line(Span("No promise was broken. ", "strong"), "There are no gaps."))
    columns = (
        Column("Verdict, promise", share=6),
        Column("Why", share=9),
        Column("Owner", share=4),
    )
    return Table("not-kept", "What was not kept, or not shown: gaps first", columns, tuple(rows))


def _once(sentences: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


def _notes(judged: Sequence[Verdict]) -> Iterator[Block]:
    """What a board should know, once each, with all the clauses it was noted under."""
    found: dict[str, list[str]] = {}
    for one in judged:
        for each in one.findings:
            if each.weight is Weight.NOTE:
                found.setdefault(full(sentence(each)), []).append(one.clause)
    if found:
        items = tuple(
            line(said, " (", *_separated(list(dict.fromkeys(ids))), ")")
            for said, ids in found.items()
        )
        inside: tuple[Block, ...] = (Bullets(items),)
        yield Section("notes", "What you should know although the promise held", inside)


def _separated(clauses: Sequence[str]) -> Iterator[str | Span]:
    for n, one in enumerate(clauses):
        yield from ((", ",) if n else ())
        yield to_clause(one)


def _missing(contents: PackContents) -> Iterator[Block]:
    proof = contents.proof
    needed = {need.kind for one in proof.clauses for need in one.needs}
    absent = sorted((needed - set(proof.items)) | set(proof.failures))
    items = []
    for kind in absent[:_LISTED]:
        ids = [one.id for one in proof.clauses if any(need.kind == kind for need in one.needs)]
        why = proof.failures.get(kind, "nothing collects it").removeprefix(f"{kind}: ")
        wanted: tuple[str | Span, ...] = (" It is to prove ", *_separated(ids), ".") if ids else ()
        items.append(line(Span(f"{name(kind)}: ", "strong"), full(why), *wanted))
    if len(absent) > _LISTED:
        items.append(line(f"And {len(absent) - _LISTED} more, in data/clauses.json."))
    if items:
        yield Section("missing", "Evidence that is missing", (Bullets(tuple(items)),))


def _changes(contents: PackContents, judged: Sequence[Verdict]) -> Iterator[Block]:
    before = contents.previous
    if before is None:
        told: Block = Text(line("There is no earlier pack of this kind to compare with."))
        yield Section("changes", "Changes", (told,))
        return
    span = days(before.period.from_day, before.period.to_day)
    found = tuple(_changed(judged, before.verdicts))
    if found:
        yield Section("changes", f"Changes since {span}", (Bullets(found),))
    else:
        told = Text(line(f"No verdict has changed since {span}."))
        yield Section("changes", "Changes", (told,))


def _changed(judged: Sequence[Verdict], before: Mapping[str, str]) -> Iterator[Line]:
    """A line each for what is worse, better, new, otherwise changed, and no longer promised."""
    found: dict[str, list[tuple[str | Span, ...]]] = {one: [] for one in _CHANGES}
    for one in judged:
        then, now = before.get(one.clause), one.state.value
        if then is None:
            found["new"].append((to_clause(one.clause), f" ({now})"))
        elif then != now:
            moved = (to_clause(one.clause), f" (from {then} to {now})")
            found[_direction(then, now)].append(moved)
    for clause in sorted(set(before) - {one.clause for one in judged}):
        found["gone"].append((f"{clause} (was {before[clause]})",))
    for change, clauses in found.items():
        if clauses:
            parts = [each for n, one in enumerate(clauses) for each in ((", ",) if n else ()) + one]
            yield line(_CHANGES[change], ": ", *parts, ".")


def _direction(then: str, now: str) -> str:
    was, has = _GRADES.get(then), _GRADES[now]
    if was is None or was == has:
        return "changed"
    return "worse" if has < was else "better"


def _decisions(
    contents: PackContents, judged: Sequence[Verdict], clauses: Mapping[str, Clause]
) -> Iterator[Block]:
    items = [
        *_of_the_board(contents),
        *_of_owners(judged, clauses),
        *_open_actions(contents),
        *_renewals(contents),
    ]
    if items:
        yield Section("decide", "What must be decided next", (Bullets(tuple(items)),))


def _of_the_board(contents: PackContents) -> Iterator[Line]:
    if is_draft(contents):
        yield line(
            Span("Board: ", "strong"),
            "approve this draft, approve it with actions, or reject it.",
        )


def _of_owners(judged: Sequence[Verdict], clauses: Mapping[str, Clause]) -> Iterator[Line]:
    """Who has to say how and by when; one line an office, in the order of the map."""
    gaps: dict[str, list[str]] = {}
    parts: dict[str, list[str]] = {}
    for one in judged:
        if one.state in {State.GAP, State.PARTLY}:
            by_owner = gaps if one.state is State.GAP else parts
            by_owner.setdefault(clauses[one.clause].owner, []).append(one.clause)
    for owner in dict.fromkeys([*gaps, *parts]):
        told: list[str | Span] = []
        if owner in gaps:
            told += ["how and by when to close ", *_separated(gaps[owner])]
        if owner in parts:
            told += ["; " if told else "", "whether the cause is mended in "]
            told += _separated(parts[owner])
        yield line(Span(f"{owner}: ", "strong"), *told, ".")


def _open_actions(contents: PackContents) -> Iterator[Line]:
    actions = [one for one in (contents.review or {}).get("actions", ()) if is_open(one)]
    if actions:
        first = min(str(one["due_day"]) for one in actions)
        yield line(
            Span("Actions decided: ", "strong"),
            f"{len(actions)} to follow up, the first by {day_of(first)} ",
            Span("(the review)", "", "#review"),
            ".",
        )


def is_open(action: Mapping[str, Any]) -> bool:
    """Whether an action is still to be done."""
    return str(action.get("state", "open")) not in {"closed", "done"}


def _renewals(contents: PackContents) -> Iterator[Line]:
    """Documents that end soon after the period; what has ended is judged already."""
    item = contents.proof.items.get("assurance")
    rows = item.facts.get("items", ()) if item else ()
    latest: dict[str, str] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and row.get("last_day") and row.get("kind"):
            kind, last = str(row["kind"]), str(row["last_day"])
            latest[kind] = max(latest.get(kind, ""), last)
    due = [
        f"{words(kind)} by {day_of(last)}"
        for kind, last in sorted(latest.items(), key=lambda one: (one[1], one[0]))
        if 0 <= _days_left(last, contents.period.to_day) <= _SOON_DAYS
    ]
    if due:
        yield line(Span("To renew: ", "strong"), listing(due), ".")


def _days_left(last: str, today: date) -> int:
    try:
        return (date.fromisoformat(last) - today).days
    except ValueError:
        return -1


def evidence_link(file: str) -> Span:
    """A file of the pack, leading to it."""
    return Span(file, "code", beside(file))

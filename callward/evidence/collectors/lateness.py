"""Objects past their due day, in groups that share everything that matters, and their holds."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.base import Moment
from callward.clock import london_day
from callward.evidence.collectors.base import Source
from callward.evidence.collectors.reading import Condition, Row
from callward.evidence.collectors.ripening import Span, Term, instructed_on, ripe_day
from callward.instructions.classes import RETENTION_CLASSES, WHILE_ACTIVE
from callward.instructions.periods import Period

_Columns = Sequence[sa.ColumnElement[Any]]


class Alike(NamedTuple):
    """What objects of one group share.

    ``known_at``: when it came or, of an agent's account, its newest version;
    ``faceless``: nobody knows any more whom it was about; ``asked_at``: when its erasure,
    or that of its recording, was instructed.
    """

    controller: str
    retention_class: str
    anchor_day: date
    due_day: date | None
    known_at: datetime
    shredded_at: datetime | None
    faceless: bool
    asked_at: datetime | None

    @property
    def instructed(self) -> bool:
        """Whether its due day is that of the instruction to erase it, and not an earlier one."""
        asked, due = self.asked_at, self.due_day
        return asked is not None and due is not None and london_day(asked) <= due


@dataclass(frozen=True, slots=True)
class Late:
    """Objects that are alike, how many, and the holds that were on every one of them."""

    alike: Alike
    count: int
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class _Hold:
    controller: str
    scope: str
    target: str | None
    placed_at: datetime
    lifted_at: datetime | None

    @property
    def spans(self) -> tuple[Span, ...]:
        return () if self.lifted_at is None else (Span(self.placed_at, self.lifted_at),)


@dataclass(frozen=True)
class Circumstances:
    """What excuses: holds placed before the period's end, and the versions of instructions."""

    source: Source
    _terms: dict[tuple[str, str], list[Term]] = field(default_factory=dict)

    @cached_property
    def holds(self) -> Mapping[str, Sequence[_Hold]]:
        """By controller."""
        row = t.holds.c
        query = (
            sa.select(row.controller, row.scope, row.target, row.placed_at, row.lifted_at)
            .where(row.placed_at < self.source.end)
            .order_by(row.placed_at, row.id)
        )
        found: dict[str, list[_Hold]] = defaultdict(list)
        for one in self.source.connection.execute(query):
            found[one.controller].append(_Hold(*one))
        return found

    @cached_property
    def _versions(self) -> Mapping[str, Sequence[Row]]:
        row = t.instructions.c
        query = sa.select(
            row.controller, row.version, row.effective_from, row.body, row.loaded_at
        ).where(row.loaded_at < self.source.end)
        found: dict[str, list[Row]] = defaultdict(list)
        for one in self.source.connection.execute(query.order_by(row.controller, row.version)):
            found[one.controller].append(one)
        return found

    def terms(self, controller: str, retention_class: str) -> list[Term]:
        """The periods of a class, version by version; none for a class without any."""
        key = controller, retention_class
        if key not in self._terms:
            named = retention_class in RETENTION_CLASSES and retention_class != WHILE_ACTIVE
            self._terms[key] = [
                Term(
                    max(one.effective_from, london_day(one.loaded_at)),
                    one.effective_from,
                    one.version,
                    Period.parse(one.body["retention"][retention_class]),
                )
                for one in (self._versions.get(controller, ()) if named else ())
            ]
        return self._terms[key]

    def ripe(self, late: Late, day: date, by: datetime, *, at_best: bool = False) -> date:
        """The first day whose night could take them, as known on ``day``; else the last of all.

        A hold that was not lifted ``by`` then has not kept them until then. ``at_best``: had
        every person's hold been on those of whom nobody knows any more whom they were about.
        """
        one = late.alike
        if one.due_day is None:
            return date.max
        terms = self.terms(one.controller, one.retention_class)
        known = one.known_at
        if one.instructed and one.asked_at is not None:
            known = max(known, one.asked_at)
        instructed = instructed_on(terms, one.anchor_day, one.due_day, day)
        whole = [
            span
            for hold in self.holds.get(one.controller, ())
            if hold.scope == "controller" or (at_best and one.faceless and hold.scope == "person")
            for span in hold.spans
        ]
        spans = [span for span in (*whole, *late.spans) if span.lifted_at <= by]
        return ripe_day(one.due_day, known, instructed, spans)

    def may_have_been_held(self, late: Late) -> bool:
        """Whether a person's hold at the end can be why they were there, and none can tell.

        Whom they were about was forgotten when they went, after the period: by the night
        after such a hold was lifted, or they cannot have waited for that alone.
        """
        gone = late.alike.shredded_at
        if gone is None or not late.alike.faceless:
            return False
        stood = any(
            hold.scope == "person"
            and hold.lifted_at is not None
            and self.source.end <= hold.lifted_at <= gone
            for hold in self.holds.get(late.alike.controller, ())
        )
        day = london_day(gone)
        return stood and self.ripe(late, day, gone, at_best=True) >= day

    def groups(
        self,
        which: Condition,
        parts: Sequence[Condition] = (),
        known: sa.ColumnElement[Any] | None = None,
    ) -> Iterator[Late]:
        """Objects ``which`` are past their due day; those under holds of their own apart.

        ``parts``: the same in other words, one after the other, each of which an index fits;
        ``known``: what to take for ``known_at`` instead.
        """
        counts: Counter[Alike] = Counter()
        columns = _columns(known, self.source)
        for part in parts or (which,):
            for *found, count in self.source.connection.execute(_grouped(columns, part)):
                counts[Alike(*found)] += count
        for alike, spans in self._apart(which, columns, counts).values():
            counts[alike] -= 1
            yield Late(alike, 1, tuple(spans))
        yield from (Late(alike, count) for alike, count in counts.items() if count)

    def _apart(
        self, which: Condition, columns: _Columns, counts: Mapping[Alike, int]
    ) -> dict[str, tuple[Alike, list[Span]]]:
        """Those of the objects counted that a hold of less than a controller was on, by id."""
        first: dict[str, date] = {}
        for one in counts:
            if one.due_day is not None:
                first[one.controller] = min(one.due_day, first.get(one.controller, one.due_day))
        found: dict[str, tuple[Alike, list[Span]]] = {}
        for controller, day in sorted(first.items()):
            for hold in self.holds.get(controller, ()):
                lifted = hold.lifted_at is not None and london_day(hold.lifted_at) >= day
                if hold.scope != "controller" and lifted:
                    query = sa.select(t.objects.c.id, *columns).where(which, _mine(hold))
                    self._under(query, hold, counts, found)
        return found

    def _under(
        self,
        query: sa.Select[Any],
        hold: _Hold,
        counts: Mapping[Alike, int],
        found: dict[str, tuple[Alike, list[Span]]],
    ) -> None:
        """Note a lifted hold with each object it was on."""
        for one, *columns in self.source.connection.execute(query):
            alike = Alike(*columns)
            if alike in counts:
                found.setdefault(one, (alike, []))[1].extend(hold.spans)


def _columns(known: sa.ColumnElement[Any] | None, source: Source) -> _Columns:
    """Those of ``Alike``."""
    row = t.erasures.c
    objects, kin, person = t.objects.c, t.objects.alias("version"), t.people.c
    newest = (
        sa.select(sa.func.max(kin.c.created_at))
        .where(kin.c.interaction_id == objects.interaction_id)
        .correlate(t.objects)
        .scalar_subquery()
    )
    account = sa.and_(objects.retention_class == WHILE_ACTIVE, objects.interaction_id.is_not(None))
    if known is None:
        known = sa.case((account, newest), else_=objects.created_at)
    asked = (
        sa.select(sa.func.max(row.asked_at))
        .where(row.object_id.in_((objects.id, objects.parent_id)), row.asked_at < source.end)
        .correlate(t.objects)
        .scalar_subquery()
    )
    faceless = sa.and_(
        objects.interaction_id.is_not(None),
        ~sa.exists().where(person.interaction_id == objects.interaction_id).correlate(t.objects),
    )
    return [
        objects.controller,
        objects.retention_class,
        objects.anchor_day,
        objects.due_day,
        sa.type_coerce(known, Moment()).label("known_at"),
        objects.shredded_at,
        faceless.label("faceless"),
        sa.type_coerce(sa.case((objects.early, asked)), Moment()).label("asked_at"),
    ]


def _grouped(columns: _Columns, which: Condition) -> sa.Select[Any]:
    each = sa.select(*columns).where(which).subquery()
    return sa.select(*each.c, sa.func.count()).group_by(*each.c)


def _mine(hold: _Hold) -> Condition:
    return sa.and_(t.objects.c.controller == hold.controller, t.objects.c.id.in_(_family(hold)))


def _family(hold: _Hold) -> sa.CompoundSelect[tuple[str]]:
    """What a hold is on: interactions, and the recordings and transcripts of any in them."""
    one, kin, person = t.objects.alias("one").c, t.objects.alias("kin").c, t.people.c
    inside: Condition = kin.interaction_id == hold.target
    if hold.scope == "person":
        within = sa.select(person.interaction_id).where(person.blind == hold.target)
        inside = kin.interaction_id.in_(within)
    recordings = sa.select(sa.func.coalesce(kin.parent_id, kin.id)).where(inside)
    return sa.union(
        sa.select(kin.id).where(inside),
        recordings,
        sa.select(one.id).where(one.parent_id.in_(recordings)),
    )

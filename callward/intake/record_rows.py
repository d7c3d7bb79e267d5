"""Making rows of judged records; ``record_write`` writes them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from secrets import token_hex
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instructions.classes import RetentionClass, class_of
from callward.intake.categories import KINDS, TRANSCRIPT
from callward.intake.judging import ACCOUNT, Days, Judged, Known, Outcome
from callward.intake.take import Taken, TakenPart
from callward.vault.blind import Blinder
from callward.vault.filing import NewObject

_PART = 10_000
KEYED = ("id", "content_digest", "conversation", "about")
"""What of an interaction is keyed: noted with a refused record, for its release."""


def known_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Known]:
    """What the catalogue knows of some records, by interaction."""
    row, found = t.interactions.c, dict[str, Known]()
    for some in _parts(sorted(set(ids))):
        query = sa.select(row.id, row.revision, row.ended_at, row.content_digest)
        for one in connection.execute(query.where(row.id.in_(some))):
            content = one.content_digest
            found[one.id] = Known(one.revision, one.ended_at, content, {content})
    old = t.versions.c
    for some in _parts(sorted(found)):
        versions = sa.select(old.interaction_id, old.content_digest)
        for interaction, content in connection.execute(
            versions.where(old.interaction_id.in_(some))
        ):
            found[interaction].contents.add(content)
    return found


@dataclass(slots=True)
class Batched:
    """Rows of one batch, table by table, and what they add up to."""

    objects: list[NewObject] = field(default_factory=list)
    interactions: dict[str, dict[str, Any]] = field(default_factory=dict)
    newer: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    people: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    accounts: dict[str, tuple[date, date | None]] = field(default_factory=dict)
    """Agent accounts of which the newest version came: the days of all versions."""
    late: set[str] = field(default_factory=set)
    """Records of which a version came after a newer one."""
    aged: set[str] = field(default_factory=set)
    """Agent accounts of which only an older version came."""
    known: set[str] = field(default_factory=set)
    """Records among these of which the catalogue has a version."""
    counts: Counter[str] = field(default_factory=Counter)


class RowMaker:
    """Turns judged records of one controller into rows."""

    def __init__(self, blinder: Blinder, controller: str, days: Days, now: datetime) -> None:
        self._blinder, self._controller, self._days = blinder, controller, days
        self._now = now
        self._newest: dict[str, list[int]] = {}
        self._blinds: dict[str, str] = {}
        self.rows = Batched()

    def take(self, one: Judged, drop_id: str, known: Mapping[str, Known]) -> None:
        """Make the rows of one record."""
        self._count(one)
        if one.outcome is Outcome.REFUSED:
            self._quarantine(one, drop_id)
        elif one.outcome is not Outcome.DUPLICATE:
            self._ingest(one, known)

    def _count(self, one: Judged) -> None:
        counts, taken = self.rows.counts, one.taken
        counts["files"] += 1
        if taken.masked:
            counts["masked"] += taken.masked
            counts["masked-records"] += 1
        if one.outcome is Outcome.REFUSED:
            counts["quarantined"] += 1
            counts[f"quarantined:{one.reason}"] += 1
        elif one.outcome is Outcome.DUPLICATE:
            counts["duplicate"] += 1
        else:
            counts["ingested"] += 1
            counts[f"kind:{taken.kind}"] += 1
            if one.outcome is not Outcome.NEW:
                counts["versions"] += 1
            for reason in taken.without:
                counts[f"without:{reason}"] += 1

    def _ingest(self, one: Judged, known: Mapping[str, Known]) -> None:
        rows, taken, interaction = self.rows, one.taken, one.interaction
        if one.outcome is Outcome.NEW:
            rows.interactions[interaction] = self._interaction(one)
        elif one.outcome is Outcome.NEWER:
            self._supersede(one, known)
        else:
            self._version(interaction, one.content, taken.revision)
            rows.late.add(interaction)
        if interaction in known:
            rows.known.add(interaction)
        self._people(interaction, taken)
        older = one.outcome is Outcome.OLDER
        made = self._objects(one, interaction, superseded=self._now if older else None)
        if not older:
            first = len(rows.objects)
            self._newest[interaction] = list(range(first, first + len(made)))
        rows.objects.extend(made)
        if taken.kind == ACCOUNT:
            self._account(one, older=older)

    def _account(self, one: Judged, *, older: bool) -> None:
        """All versions of an account have the days of the newest."""
        if not older:
            self.rows.accounts[one.interaction] = (one.anchor, one.due)
        elif one.interaction not in self.rows.accounts:
            self.rows.aged.add(one.interaction)

    def _supersede(self, one: Judged, known: Mapping[str, Known]) -> None:
        """The newest version takes the place of the one before, of this batch or catalogued."""
        rows, interaction = self.rows, one.interaction
        place = rows.interactions if interaction in rows.interactions else rows.newer
        before = place.get(interaction)
        if before is not None:
            self._version(interaction, before["content_digest"], before["revision"])
        else:
            was = known[interaction]
            self._version(interaction, was.content, was.revision)
        place[interaction] = self._interaction(one)
        for index in self._newest.get(interaction, ()):
            rows.objects[index] = replace(rows.objects[index], superseded_at=self._now)

    def _version(self, interaction: str, content: str, revision: datetime | None) -> None:
        self.rows.versions[interaction, content] = {
            "interaction_id": interaction,
            "content_digest": content,
            "revision": revision,
            "seen_at": self._now,
        }

    def _interaction(self, one: Judged) -> dict[str, Any]:
        taken = one.taken
        talk = taken.conversation
        return {
            "id": one.interaction,
            "controller": self._controller,
            "source": one.source,
            "kind": taken.kind,
            "direction": taken.direction,
            "started_at": taken.started_at,
            "ended_at": taken.ended_at,
            "content_digest": one.content,
            "revision": taken.revision,
            "conversation": self._blinder.digest("conversation", one.source, talk),
            "about": about_of(self._blinder, taken.kind, taken.external_id, taken.of),
        }

    def _people(self, interaction: str, taken: Taken) -> None:
        for role, text in taken.people:
            blind = self._blinds.get(text)
            if blind is None:
                blind = self._blinds[text] = self._blinder.digest("person", text)
            self.rows.people[interaction, role, blind] = {
                "interaction_id": interaction,
                "role": role,
                "blind": blind,
            }

    def _objects(
        self, one: Judged, interaction: str | None, *, superseded: datetime | None = None
    ) -> list[NewObject]:
        """A record's document and what came in it, as objects."""
        main, *parts = one.taken.parts
        name = one.main
        state = "quarantined" if one.outcome is Outcome.REFUSED else "live"
        made = [self._object(main, name, one.anchor, one.due, interaction, state, superseded)]
        for part in parts:
            own = class_of(part.kind) if part.kind in KINDS else name
            # What came with an account in use is as little due as that.
            due = one.due if own == name else self._days.due(own, one.anchor)
            made.append(self._object(part, own, one.anchor, due, interaction, state, superseded))
        return made

    def _object(
        self,
        part: TakenPart,
        retention_class: RetentionClass,
        anchor: date,
        due: date | None,
        interaction: str | None,
        state: str,
        superseded: datetime | None,
    ) -> NewObject:
        return NewObject(
            id=part.id,
            controller=self._controller,
            kind=part.kind,
            retention_class=retention_class,
            anchor_day=anchor,
            due_day=due,
            sealed=part.sealed,
            interaction_id=interaction,
            state=state,
            facts=part.facts,
            superseded_at=superseded,
        )

    def _quarantine(self, one: Judged, drop_id: str) -> None:
        """What was refused is found by a hold on a person under an id of its own."""
        taken, quarantine_id = one.taken, token_hex(16)
        self._people(quarantine_id, taken)
        main, *others = self._objects(one, quarantine_id)
        if taken.external_id:
            # What its sealed document says is masked: it would make another record of it.
            told = self._interaction(one)
            main = replace(main, facts={name: told[name] for name in KEYED})
        self.rows.objects.extend((main, *others))
        parts = taken.parts
        self.rows.quarantine.append(
            {
                "id": quarantine_id,
                "controller": self._controller,
                "drop_id": drop_id,
                "reason": str(one.reason),
                "state": "held",
                "media_id": parts[1].id if len(parts) > 1 else None,
                "row_id": parts[0].id,
                "created_at": self._now,
            }
        )


def about_of(blinder: Blinder, kind: str, external_id: str, of: str) -> str | None:
    """What a recording and the transcripts of it that were made elsewhere have in common."""
    if kind == TRANSCRIPT:
        return blinder.digest("about", of) if of else None
    media = kind in KINDS and KINDS[kind].media
    return blinder.digest("about", external_id) if media else None


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _PART] for start in range(0, len(ids), _PART)]

"""Recording what a scan found: muted versions in the place of originals, which then go."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from callward.cardscan.plan import UNSCANNABLE, Candidate
from callward.cardscan.work import ENGINE, UNDECODABLE, Scanned
from callward.catalogue import tables as t
from callward.catalogue.held import held
from callward.errors import DefectError
from callward.instance import Instance
from callward.ledger import log
from callward.retention import erasures
from callward.retention.due import KEPT, follow_recordings
from callward.run import Run, record_counts
from callward.vault.filing import NewObject, file_objects
from callward.vault.intents import claim_intent
from callward.vault.sealing import Sealed

STAGE: Final = "cards"
REASON: Final = "A card number was said in it; a version with that muted has taken its place."


@dataclass(frozen=True, slots=True)
class Outcome:
    """A recording and what came of it: a scan, or why there is none (a code).

    ``new_id``: of the muted version, if there is one. ``unused``: a ciphertext that is not.
    """

    recording: Candidate
    result: Scanned | str
    new_id: str = ""
    unused: str | None = None

    @property
    def sealed(self) -> Sealed | None:
        """The muted version's, if there is one."""
        return None if isinstance(self.result, str) else self.result.sealed


def record(
    instance: Instance, run: Run, intent: str, outcomes: Sequence[Outcome]
) -> tuple[Counter[str], list[str]]:
    """Enter a batch of one controller, in one transaction; counts, and ciphertexts not used.

    What is gone, or to be erased, by now is left as it is.
    """
    now, controller = instance.clock.now(), outcomes[0].recording.controller
    unused = {one.unused for one in outcomes}
    with instance.unit() as connection:
        instance.vault.generation(connection, lock=True)  # before any row, as a turn does
        rows = _lock(connection, [one.recording.id for one in outcomes])
        claim_intent(connection, intent)
        late = [one for one in outcomes if one.recording.id not in rows]
        unused |= {one.sealed.store_key for one in late if one.sealed}
        outcomes = [one for one in outcomes if one.recording.id in rows]
        muted = [one for one in outcomes if one.sealed]
        new = [_muted_version(one, rows[one.recording.id]) for one in muted]
        file_objects(connection, instance.vault, new, now)
        _point_transcripts(connection, muted)
        _point_quarantine(connection, [one for one in muted if one.recording.refused])
        _replace_rows(connection, [row for one in outcomes for row in _scan_rows(one, now)])
        if muted:
            originals = [one.recording.id for one in muted]
            erasures.instruct(connection, instance, originals, REASON)
            follow_recordings(connection, [one.new_id for one in muted])
        counts = _counts(connection, outcomes)
        ids = {"controller": controller, "night": run.night}
        items = [_item(one) for one in outcomes]
        items += [log.Item(one.id, one.ledger_body()) for one in new]
        if outcomes:
            log.append(connection, "cards-scanned", items, at=now, counts=counts, ids=ids)
            record_counts(connection, run, STAGE, controller, counts, at=now)
    return counts, [one for one in unused if one]


def _lock(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, sa.Row[Any]]:
    """Recordings that are still there and not to be erased, locked against sweeps."""
    objects = t.objects.c
    query = (
        sa.select(t.objects)
        .where(objects.id.in_(ids), objects.state.in_(KEPT), ~objects.early)
        .order_by(objects.id)
        .with_for_update()
    )
    return {row.id: row for row in connection.execute(query)}


def _muted_version(one: Outcome, original: sa.Row[Any]) -> NewObject:
    """It is the same recording in all but the sound: class, days, interaction, quarantine."""
    if isinstance(one.result, str) or one.result.sealed is None:
        raise DefectError("nothing was muted")
    # As long as what there was of the original; what it promised, nobody can see any more.
    truncated = (original.facts or {}).get("truncated", False)
    return NewObject(
        id=one.new_id,
        controller=original.controller,
        kind=original.kind,
        retention_class=original.retention_class,
        anchor_day=original.anchor_day,
        due_day=original.due_day,
        sealed=one.result.sealed,
        interaction_id=original.interaction_id,
        facts={**(one.result.facts or {}), "truncated": truncated},
        state=original.state,
        superseded_at=original.superseded_at,
    )


def _point_transcripts(connection: sa.Connection, muted: Sequence[Outcome]) -> None:
    """A transcript that showed the number, and has it masked, stays with the muted version.

    Any other was made of what was said, and goes with it.
    """
    elsewhere = sa.select(t.interactions.c.id).where(t.interactions.c.kind == "transcript")
    for one in muted:
        before, after = one.recording.id, one.new_id
        made = t.transcriptions
        # One made elsewhere was masked when it came, and nobody could make it again.
        connection.execute(
            t.objects.update()
            .where(t.objects.c.parent_id == before, t.objects.c.interaction_id.in_(elsewhere))
            .values(parent_id=after)
        )
        if one.recording.known:
            connection.execute(
                t.objects.update().where(t.objects.c.parent_id == before).values(parent_id=after)
            )
            connection.execute(
                made.update().where(made.c.recording_id == before).values(recording_id=after)
            )
        else:
            connection.execute(made.delete().where(made.c.recording_id == before))


def _point_quarantine(connection: sa.Connection, muted: Sequence[Outcome]) -> None:
    """What is refused is the muted version from now on; its content is known as delivered."""
    refused, items = t.quarantine, t.drop_items
    for one in muted:
        before, after = one.recording.id, one.new_id
        connection.execute(
            refused.update().where(refused.c.media_id == before).values(media_id=after)
        )
        connection.execute(
            items.update().where(items.c.object_id == before).values(object_id=after)
        )


def _scan_rows(one: Outcome, now: datetime) -> list[dict[str, Any]]:
    row: dict[str, Any] = {
        "object_id": one.recording.id,
        "controller": one.recording.controller,
        "state": "failed",
        "code": None,
        "engine": ENGINE,
        "spans": None,
        "muted": None,
        "muted_seconds": None,
        "seconds": None,
        "replaced_by": None,
        "at": now,
    }
    if isinstance(one.result, str):
        known = [list(stretch) for stretch in one.recording.known]
        return [
            {
                **row,
                "state": _lost(one.recording, one.result),
                "code": one.result,
                "spans": known or None,
            }
        ]
    clean = {**row, "state": "clean", "seconds": one.result.seconds}
    if one.result.sealed is None:
        return [clean]
    muted = {
        **clean,
        "state": "muted",
        "muted": len(one.result.muted),
        "muted_seconds": round(one.result.muted_seconds, 2),
        "replaced_by": one.new_id,
    }
    return [muted, {**clean, "object_id": one.new_id}]


def _replace_rows(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    scans = t.card_scans
    ids = [row["object_id"] for row in rows]
    connection.execute(scans.delete().where(scans.c.object_id.in_(ids)))
    connection.execute(scans.insert(), list(rows))


def _lost(recording: Candidate, code: str) -> str:
    """The state of a scan without a result: what a gate has refused twice it would refuse again."""
    final = code.startswith(UNDECODABLE) or (recording.refused and code.startswith("gate-"))
    return UNSCANNABLE if final else "failed"


def _item(one: Outcome) -> log.Item:
    if isinstance(one.result, str):
        return log.Item(
            one.recording.id, {"state": _lost(one.recording, one.result), "code": one.result}
        )
    if one.result.sealed is None:
        return log.Item(one.recording.id, {"state": "clean"})
    body: dict[str, str | int | bool | None] = {"state": "muted", "replaced_by": one.new_id}
    body["spans"] = len(one.result.muted)
    return log.Item(one.recording.id, body)


def _counts(connection: sa.Connection, outcomes: Sequence[Outcome]) -> Counter[str]:
    """``muted-held``: originals that stay, for a hold wins, until it is lifted."""
    counts: Counter[str] = Counter()
    muted: list[str] = []
    for one in outcomes:
        if isinstance(one.result, str):
            counts[f"failed:{one.result}"] += 1
            counts[UNSCANNABLE] += _lost(one.recording, one.result) == UNSCANNABLE
            continue
        counts["scanned"] += 1
        if one.result.sealed is not None:
            muted.append(one.recording.id)
            counts["muted"] += 1
            counts["numbers-muted"] += len(one.result.muted)
    if muted:
        kept = sa.select(sa.func.count()).where(t.objects.c.id.in_(muted), held())
        counts["muted-held"] = connection.scalar(kept) or 0
    return +counts

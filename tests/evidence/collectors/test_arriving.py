"""Intake, gates and cards: what came, what was set aside, stopped, and listened to."""

from datetime import date, timedelta
from typing import Any

from callward.catalogue import tables as t
from tests.evidence.collectors.kept import Shelf, on

SOUND: dict[str, Any] = {"kind": "recording", "created_at": on(6, 1)}


def test_nothing_came(shelf: Shelf) -> None:
    """An empty catalogue has no figures, and no newest."""
    for kind in ("intake", "gates", "cards"):
        facts, _, newest = shelf.collected(kind)
        assert newest is None
        assert facts["by_month"] == {}


def test_what_came_by_month_and_kind(shelf: Shelf) -> None:
    """Of the period alone; a London month begins at 23:00 UTC in summer."""
    shelf.counts("ingest", on(5, 31, 23), files=5, ingested=3, duplicate=1, kind__recording=3)
    shelf.counts("ingest", on(6, 2), files=2, quarantined=1, ingested=1, kind__sms=1)
    shelf.counts("ingest", on(1, 1) - timedelta(days=9), files=100)
    shelf.counts("retention", on(6, 2), files=100)
    facts = shelf.facts("intake")
    assert facts["by_month"] == {
        "2026-06": {"files": 7, "ingested": 4, "duplicate": 1, "quarantined": 1}
    }
    assert facts["by_kind"] == {"recording": 3, "sms": 1}


def test_quarantine_as_it_stood(shelf: Shelf) -> None:
    """Not what was decided, destroyed or sent off by the end; with the age of the oldest."""
    known = {"controller": "acorn", "state": "held"}
    gone = shelf.gone(date(2026, 7, 1), on(7, 1), state="shredded")
    going = shelf.thing(date(2026, 7, 1), state="quarantined")
    shelf.add(t.erasures, object_id=going, controller="acorn", reason_id="r", asked_at=on(8, 1))
    for values in (
        {"created_at": on(12, 1), "reason": "gate"},
        {"created_at": on(12, 2), "reason": "empty", "decided_at": on(12, 3)},
        {"created_at": on(6, 1), "reason": "gate", "media_id": gone},
        {"created_at": on(6, 1), "reason": "gate", "row_id": going},
        {"created_at": on(12, 31), "reason": "no-audio"},
    ):
        shelf.add(t.quarantine, **{**known, **values})
    facts = shelf.facts("intake")["quarantine"]
    assert facts == {
        "held": 2,
        "oldest_days": 30,
        "by_reason": {"gate": 1, "no-audio": 1},
        "expired": {"30": 1},
    }


def test_what_gates_said(shelf: Shelf) -> None:
    """Outcomes by suite; what stopped and passed later, what stops yet, and for how long."""
    for day, outcome in ((1, "failed"), (2, "failed"), (3, "passed"), (4, "failed")):
        shelf.gate("ingest_entry", outcome, on(6, day), night=f"n{day}")
    shelf.gate("ingest_entry", "rows-failed", on(6, 5))
    shelf.gate("cards_entry", "failed", on(6, 5), night="n5")
    facts = shelf.facts("gates")
    assert facts["asked"] == 6
    assert facts["by_suite"]["ingest_entry"] == {
        "passed": 1,
        "rows-failed": 1,
        "empty": 0,
        "failed": 3,
    }
    assert facts["by_month"]["2026-06"]["failed"] == 4
    assert (facts["stops"], facts["standing"]) == (4, ["cards_entry"])
    assert facts["in_a_row"] == {"cards_entry": 1, "ingest_entry": 2}
    assert facts["stopped"][0] == ["n1", "ingest_entry"]
    assert (facts["rows"], facts["failed_rows"]) == (60, 6)


def test_a_stop_is_not_hidden_by_what_passed_in_the_same_night(shelf: Shelf) -> None:
    """Gates are asked about each controller's batch; what passes a night later ends it."""
    for suite, nights in (("ingest_entry", "ab"), ("cards_entry", "bb"), ("vault_entry", "bc")):
        for minute, (night, outcome) in enumerate(zip(nights, ("failed", "passed"), strict=True)):
            shelf.gate(suite, outcome, on(6, 1) + timedelta(minutes=minute), night=night)
    assert shelf.facts("gates")["standing"] == ["cards_entry"]


def _scan(shelf: Shelf, one: str, state: str) -> None:
    shelf.add(t.card_scans, object_id=one, controller="acorn", state=state, at=on(6, 2))
    shelf.leaf("cards-scanned", {one: {"state": state}}, on(6, 2))


def test_what_nobody_has_listened_to(shelf: Shelf) -> None:
    """Kept for more than a night, without a scan that came to an end; by what was tried."""
    shelf.instruct()
    shelf.instruct("birch", card_data="pause_and_resume")
    due = date(2027, 6, 1)
    for state in ("clean", "muted", "failed", "unscannable"):
        _scan(shelf, shelf.thing(due, **SOUND), state)
    shelf.thing(due, **SOUND)
    shelf.thing(due, **{**SOUND, "controller": "unheard-of"})
    shelf.thing(due, **{**SOUND, "kind": "voicemail"})
    shelf.thing(due, **{**SOUND, "controller": "birch"})
    shelf.thing(due, **{**SOUND, "kind": "sms"})
    shelf.thing(due, **{**SOUND, "created_at": on(12, 31, 12)})
    shelf.thing(date(2026, 12, 31), **SOUND)
    refused = shelf.thing(due, **{**SOUND, "state": "quarantined"})
    shelf.add(
        t.quarantine,
        controller="acorn",
        state="held",
        reason="gate",
        media_id=refused,
        created_at=on(6, 1),
    )
    facts = shelf.facts("cards")
    assert (facts["unheard"], facts["failed"], facts["unscannable"]) == (3, 1, 1)
    assert facts["paused"] == 1


def test_what_has_gone_since_is_asked_of_the_ledger(shelf: Shelf) -> None:
    """Its scan's row went with it."""
    due, moment = date(2027, 1, 2), on(12, 31) + timedelta(days=2)
    heard, unheard = (shelf.gone(due, moment, **SOUND) for _ in range(2))
    shelf.leaf("cards-scanned", {heard: {"state": "clean"}}, on(6, 2))
    shelf.leaf("cards-scanned", {unheard: {"state": "clean"}}, moment)
    assert shelf.facts("cards")["unheard"] == 1


def test_what_was_taken_out(shelf: Shelf) -> None:
    """From sound, texts and transcripts; originals that are there yet, and why."""
    shelf.counts("cards", on(6, 2), scanned=9, muted=2, numbers_muted=3, failed__gone=1)
    shelf.counts("ingest", on(6, 2), masked=4)
    shelf.counts("transcribe", on(6, 2), card_numbers_masked=5)
    shelf.hold(on(6, 1), scope="interaction", target="i")
    for interaction in ("i", "j"):
        one = shelf.thing(date(2026, 6, 2), early=True, interaction_id=interaction, **SOUND)
        shelf.add(t.erasures, object_id=one, controller="acorn", reason_id="r", asked_at=on(6, 2))
        shelf.leaf("cards-scanned", {one: {"state": "muted"}}, on(6, 2))
    facts = shelf.facts("cards")
    assert (facts["heard"], facts["muted"], facts["numbers_muted"]) == (9, 2, 3)
    assert (facts["text_masked"], facts["transcripts_masked"]) == (4, 5)
    assert facts["failures"] == {"gone": 1}
    assert (facts["originals"], facts["originals_held"]) == (1, 1)

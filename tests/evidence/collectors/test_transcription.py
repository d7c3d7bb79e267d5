"""Transcription: by whose instruction, refused for what, and no longer kept than recordings."""

from datetime import date, timedelta

import pytest

from callward.evidence.collectors.transcription import OF_TRANSFERS
from callward.speech.decision import Refused
from callward.subprocessors.checking import NotThere
from tests.evidence.collectors.kept import Shelf, on

NIGHT = on(6, 2)
DIGEST = f"{1:064x}"


def test_codes_of_transfers_are_those_of_the_decision() -> None:
    """What is counted as a refused transfer is what the decision says of regions and safeguards."""
    assert {
        Refused.REGION.value,
        NotThere.REGION.value,
        NotThere.NOT_INSTRUCTED.value,
        NotThere.NO_SAFEGUARD.value,
    } == OF_TRANSFERS


def test_counts_and_refusals(shelf: Shelf) -> None:
    """By code and month, those of transfers apart."""
    shelf.counts("transcribe", NIGHT, transcribed=7, failed__broken=1)
    shelf.counts("transcribe", NIGHT, refused__transfer_not_instructed=2, refused__held=1)
    facts = shelf.facts("transcription")
    assert (facts["transcribed"], facts["refused"], facts["transfers_refused"]) == (7, 3, 2)
    assert facts["refusals"] == {"held": 1, "transfer-not-instructed": 2}
    assert facts["failures"] == {"broken": 1}
    assert facts["by_month"] == {"2026-06": {"transcribed": 7, "refused": 3}}


@pytest.mark.parametrize(
    ("found", "instructed"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"effective_from": date(2026, 6, 3)}, False),
        ({"loaded_at": on(6, 3)}, False),
        ({"digest": "f" * 64}, False),
        ({"controller": "birch"}, False),
    ],
    ids=["in-force", "off", "not-yet", "loaded-later", "another-version", "another-controller"],
)
def test_by_whose_instruction(shelf: Shelf, found: dict[str, object], *, instructed: bool) -> None:
    """The one that the ledger names must have been in force, and allow it."""
    shelf.instruct(**found)  # type: ignore[arg-type] # each by its name
    shelf.leaf("transcribed", {"a": {}, "b": {}}, NIGHT, controller="acorn", instruction=DIGEST)
    assert shelf.facts("transcription")["uninstructed"] == (0 if instructed else 2)


def test_a_batch_admitted_before_midnight(shelf: Shelf) -> None:
    """The instruction of the day before counts, that of two days before does not.

    Nor does that of the day before count in a night that did not begin on it.
    """
    shelf.instruct()
    shelf.instruct(version=2, effective_from=date(2026, 6, 2), enabled=False)
    shelf.gate("ingest_entry", "passed", NIGHT - timedelta(hours=3))
    shelf.counts("ingest", NIGHT, files=1)
    shelf.counts("ingest", NIGHT, night="of-the-day", files=1)
    told = {"controller": "acorn", "instruction": DIGEST, "night": "n"}
    shelf.leaf("transcribed", {"a": {}}, NIGHT, **told)
    assert shelf.facts("transcription")["uninstructed"] == 0
    shelf.leaf("transcribed", {"b": {}}, NIGHT + timedelta(days=1), **told)
    assert shelf.facts("transcription")["uninstructed"] == 1
    shelf.leaf("transcribed", {"c": {}}, NIGHT, **told | {"night": "of-the-day"})
    assert shelf.facts("transcription")["uninstructed"] == 2
    shelf.leaf("transcribed", {"d": {}}, NIGHT, **told | {"night": "nobody-knows"})
    assert shelf.facts("transcription")["uninstructed"] == 3


def test_with_their_recordings(shelf: Shelf) -> None:
    """Kept without one, gone later than it, gone with it, and kept with it."""
    due = date(2026, 6, 2)
    sweep = shelf.sweep(NIGHT)
    recording = shelf.gone(due, NIGHT, sweep)
    kept = shelf.thing(date(2027, 2, 1))
    shelf.thing(due, kind="transcript", parent_id=recording)
    shelf.gone(due, NIGHT, sweep, kind="transcript", parent_id=recording)
    shelf.gone(due, NIGHT + timedelta(days=1), kind="transcript", parent_id=recording)
    shelf.thing(due, kind="transcript", parent_id=kept)
    facts = shelf.facts("transcription")
    assert (facts["orphans"], facts["outlived"], facts["transcripts"]) == (1, 1, 2)

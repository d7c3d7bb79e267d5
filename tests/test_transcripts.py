"""Transcripts looked up in the catalogue, on each database."""

from datetime import timedelta

from callward.instance import Instance
from callward.speech.export.vcon import Source
from callward.transcripts import find, listing
from tests.speech.filed import transcribed
from tests.support import NOW, instruct


def test_what_is_known_of_one(instance: Instance) -> None:
    """Ids, moments and channels, aware and in UTC, by its own id or its recording's."""
    instruct(instance)
    one = transcribed(instance)
    with instance.reading() as connection:
        found = {find(connection, wanted) for wanted in (one.recording, one.transcript)}
    assert found == {Source(one.transcript, NOW, NOW - timedelta(days=1), 2)}
    assert [each.started_at.utcoffset() for each in found] == [timedelta()]


def test_a_list_is_in_order(instance: Instance) -> None:
    """Of the recordings' ids, from behind the one named."""
    instruct(instance)
    made = sorted((transcribed(instance, str(n)) for n in range(3)), key=lambda one: one.recording)
    with instance.reading() as connection:
        found = listing(connection, after=made[0].recording, limit=5)
    assert [row["transcript"] for row in found] == [one.transcript for one in made[1:]]
    assert {row["seconds"] for row in found} == {3700.5}

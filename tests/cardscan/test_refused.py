"""Recordings in quarantine are scanned too: what is released or rejected is the muted version."""

import io
import wave
from collections.abc import Iterable

import numpy as np
import pytest

from callward.cards.listen import Stretch
from callward.cards.mute import Samples
from callward.cardscan import work
from callward.errors import ShreddedError
from callward.instance import Instance
from callward.intake.quarantine import release
from callward.retention.holds import place_hold
from tests.retention.shelf import reject
from tests.speech.studio import studio
from tests.support import NOW, Call, PassingGates, deliver, instruct, rows, run_stage, tone


def _everything(pieces: Iterable[Samples]) -> tuple[list[Stretch], float]:
    seconds = len(np.concatenate(list(pieces))) / 8000
    return [Stretch(0, seconds)], seconds


@pytest.fixture
def room(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """Workers in process; whatever is said is a card number."""
    monkeypatch.setattr(work, "listen_to", _everything)
    made, _ = studio(instance)
    instruct(made, card_data="scan")
    return made


def _refused(instance: Instance, call: Call) -> tuple[str, str]:
    """Take in a call that is refused; its quarantine and its recording."""
    deliver(instance, [call])
    run_stage(instance, "ingest")
    ((one, media),) = rows(instance, "quarantine", "id", "media_id")
    return one, media


WRONG = Call("one", row={"sha256": "0" * 64})
CUT = Call("one", content=tone(2.0)[:-20_000])


def _media(instance: Instance) -> str:
    ((media,),) = rows(instance, "quarantine", "media_id")
    return str(media)


def _states(instance: Instance) -> dict[str, str]:
    return dict(rows(instance, "objects", "id", "state"))


def _is_quiet(instance: Instance, one: str) -> bool:
    with instance.unit() as connection:
        data = b"".join(instance.vault.open(connection, one))
    with wave.open(io.BytesIO(data)) as file:
        return not any(file.readframes(file.getnframes()))


@pytest.mark.parametrize("swept", [True, False], ids=["after-the-sweep", "before"])
@pytest.mark.parametrize("call", [WRONG, CUT], ids=["digest-mismatch", "truncated"])
def test_what_is_released_is_the_muted_version(room: Instance, call: Call, *, swept: bool) -> None:
    """The original goes with the night; release finds the muted one, waives what it waived."""
    one, original = _refused(room, call)
    assert run_stage(room, "cards").counts["acorn"]["muted"] == 1
    after = _media(room)
    assert after != original
    assert _states(room)[after] == "quarantined"
    if swept:
        assert run_stage(room, "retention").failures == []
        assert _states(room)[original] == "shredded"
    assert release(room, one) == after
    run_stage(room, "retention")
    assert (_states(room)[after], _states(room)[original]) == ("live", "shredded")
    assert _is_quiet(room, after)
    ((digest,),) = rows(room, "interactions", "content_digest")
    assert digest == rows(room, "drop_items", "content_digest")[0][0]
    assert run_stage(room, "cards").outcome == "NothingToScan"
    with room.unit() as connection, pytest.raises(ShreddedError):
        b"".join(room.vault.open(connection, original))


@pytest.mark.parametrize("swept", [True, False], ids=["after-the-sweep", "before"])
def test_rejecting_destroys_both(room: Instance, *, swept: bool) -> None:
    """Whatever there is of it then."""
    one, original = _refused(room, WRONG)
    run_stage(room, "cards")
    if swept:
        run_stage(room, "retention")
    assert reject(room, one).failures == []
    states = _states(room)
    assert (states[_media(room)], states[original]) == ("shredded", "shredded")
    assert rows(room, "quarantine", "state") == [("rejected",)]


def test_a_hold_keeps_the_original(room: Instance) -> None:
    """It waits, refused as it was."""
    _, original = _refused(room, WRONG)
    place_hold(room, "acorn", "controller", None, "a dispute", NOW.date())
    assert run_stage(room, "cards").total("muted-held") == 1
    run_stage(room, "retention")
    assert _states(room)[original] == "quarantined"


def test_what_a_gate_refuses_again_is_told_once(room: Instance) -> None:
    """The gate in front; the real gates pass what the stage shows them of it."""
    from data_checks.gate import GreatExpectationsGates  # noqa: PLC0415 - slow

    _, original = _refused(room, WRONG)
    gates = PassingGates(fail_rows={original: "rate-possible"})
    report = run_stage(room, "cards", gates)
    assert report.failures == [f"{original}: gate-rate-possible"]
    assert rows(room, "card_scans", "state") == [("unscannable",)]
    assert run_stage(room, "cards").outcome == "NothingToScan"
    assert _media(room) == original
    with room.unit() as connection:
        connection.exec_driver_sql("DELETE FROM card_scans")
    report = run_stage(room, "cards", GreatExpectationsGates())
    assert (report.failures, report.counts["acorn"]["muted"]) == ([], 1)


def test_what_is_no_audio_is_not_asked_about(room: Instance) -> None:
    """Without facts there is nothing to listen to."""
    _refused(room, Call("one", content=b"no media"))
    assert run_stage(room, "cards").outcome == "NothingToScan"

"""The demo's recordings, its landing zone and its instructions."""

import csv
import hashlib
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import av
import pytest

from callward.durable import sync_file
from callward.instructions.reader import read_instruction
from callward.speech.sphinx import Sphinx
from deployments.demo import landing as demo_landing
from deployments.demo.calls import CALLS, INSTRUCTIONS, demo_calls
from deployments.demo.landing import fill_landing
from deployments.demo.make_calls import encode, error_rate, hear, record

NOW = datetime(2026, 3, 31, 0, 30, tzinfo=UTC)
DRAMA = re.compile(r"07700 900\d{3}|020 7946 0\d{3}")


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A landing zone filled at ``NOW``."""
    fill_landing(tmp_path / "landing", now=NOW, marker=tmp_path / "demo.json")
    return tmp_path / "landing"


def manifests(landing: Path) -> dict[Path, list[dict[str, str]]]:
    """The lines of each drop's manifest."""
    return {
        path.parent: list(csv.DictReader(path.open(encoding="utf-8", newline="")))
        for path in landing.rglob("manifest.csv")
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_recordings_are_small_stereo_and_as_long_as_said() -> None:
    """Every listed call is there in two channels with its length, in 2 MB in all."""
    calls = demo_calls()
    assert {call.file for call in calls} == {path.name for path in CALLS.iterdir()}
    assert len(calls) >= 14
    assert sum(call.path.stat().st_size for call in calls) <= 2_000_000
    for call in calls:
        with av.open(str(call.path)) as container:
            frames = list(container.decode(audio=0))
        assert {frame.layout.nb_channels for frame in frames} == {2}
        length = sum(frame.samples / frame.sample_rate for frame in frames)
        assert length == pytest.approx(call.seconds, abs=0.2)
        assert 13 < call.seconds < 30


def test_containers_are_mixed() -> None:
    """Opus, FLAC, MP3 and mu-law are all there."""
    codecs = set()
    for call in demo_calls():
        with av.open(str(call.path)) as container:
            codecs.add(container.streams.audio[0].codec_context.codec.canonical_name)
    assert codecs == {"opus", "flac", "mp3", "pcm_mulaw"}


def test_numbers_are_made_up() -> None:
    """Every number is from a range that Ofcom keeps for drama."""
    for call in demo_calls():
        assert DRAMA.fullmatch(call.caller)
        assert DRAMA.fullmatch(call.called)


def test_speech_is_legible() -> None:
    """The engine gets at least three words out of five right, in each kind of container."""
    calls = {call.file: call for call in demo_calls()}
    engine = Sphinx()
    for file in ("fernhollow-5.ogg", "fernhollow-3.flac"):
        assert error_rate(hear(engine, calls[file])) < 0.4


def test_ages_reach_across_both_periods() -> None:
    """Some calls are due after 45 days, some only after 30, most not at all, none on the edge."""
    ages = [call.age_days for call in demo_calls()]
    assert min(ages) >= 1
    assert len([age for age in ages if age > 46]) >= 3
    assert len([age for age in ages if 31 < age < 44]) >= 2
    assert len([age for age in ages if age < 29]) > len(ages) / 2
    assert not {29, 30, 31, 44, 45, 46} & set(ages)


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
@pytest.mark.parametrize("suffix", [".ogg", ".mp3", ".flac", ".wav"])
def test_making_a_call_twice_gives_the_same_file(tmp_path: Path, suffix: str) -> None:
    """The recordings are a function of the script."""
    call = next(call for call in demo_calls() if call.path.suffix == suffix)
    encode(record(call), tmp_path / f"one{suffix}")
    encode(record(call), tmp_path / f"two{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_manifests_match_the_files(landing: Path) -> None:
    """Each drop's manifest names exactly its files, with their digests."""
    drops = manifests(landing)
    assert len(drops) == 4
    for drop, lines in drops.items():
        names = {path.name for path in drop.iterdir()} - {"manifest.csv"}
        assert {line["file"] for line in lines} == names
        assert len(lines) == len(names)
        for line in lines:
            assert line["sha256"] == hashlib.sha256((drop / line["file"]).read_bytes()).hexdigest()


def test_times_are_past_and_have_their_age(landing: Path) -> None:
    """Calls begin and end before now, with an offset, as many London days ago as said."""
    by_number = {call.caller: call for call in demo_calls() if call.direction == "inbound"}
    for lines in manifests(landing).values():
        for line in lines:
            started = datetime.fromisoformat(line["started_at"])
            ended = datetime.fromisoformat(line["ended_at"])
            assert started.utcoffset() is not None
            assert started < ended < NOW
            if line["direction"] == "inbound":
                # NOW is 01:30 on 31 March in London
                age = date(2026, 3, 31) - started.date()
                assert age == timedelta(days=by_number[line["caller"]].age_days)


def test_winter_and_summer_time_are_told_apart(landing: Path) -> None:
    """Before the clocks go forward on 29 March the offset is 0, afterwards an hour."""
    offsets = {
        line["started_at"][:10] >= "2026-03-29": line["started_at"][-6:]
        for lines in manifests(landing).values()
        for line in lines
    }
    assert offsets == {False: "+00:00", True: "+01:00"}


def test_two_files_are_bad_and_one_comes_twice(landing: Path) -> None:
    """There is a text called .wav, half a FLAC, and one call with the same id and content again."""
    files = contents(landing)
    known = {call.path.read_bytes() for call in demo_calls()}
    media = [data for name, data in files.items() if not name.endswith("manifest.csv")]
    bad = [data for data in media if data not in known]
    assert len(bad) == 2
    assert any(data.isascii() for data in bad)
    assert any(whole.startswith(data) for data in bad for whole in known)
    lines = [line for lines in manifests(landing).values() for line in lines]
    keys = [(line["external_id"], line["sha256"]) for line in lines]
    assert len(keys) - len(set(keys)) == 1
    assert len({line["external_id"] for line in lines}) == len(set(keys))
    assert len(media) == len(known) + 3


def test_the_call_to_be_held_is_old_and_there(tmp_path: Path) -> None:
    """The call to be put on hold was delivered and would otherwise be due."""
    drops = fill_landing(tmp_path / "landing", now=NOW, marker=tmp_path / "demo.json")
    lines = [
        line
        for drop, lines in manifests(tmp_path / "landing").items()
        if drop.parent.name == drops.hold_controller
        for line in lines
        if line["external_id"] == drops.hold_external_id
    ]
    assert len(lines) == 1
    assert NOW - datetime.fromisoformat(lines[0]["started_at"]) > timedelta(days=46)


def test_a_second_delivery_brings_nothing(tmp_path: Path) -> None:
    """Once delivered nothing comes again, not even days later, and the hold stays the same."""
    place, marker = tmp_path / "landing", tmp_path / "data" / "demo.json"
    first = fill_landing(place, now=NOW, marker=marker)
    shutil.rmtree(place)
    second = fill_landing(place, now=NOW + timedelta(days=3), marker=marker)
    assert not place.exists()
    assert (second.drops, second.files) == ((), 0)
    assert second.hold_external_id == first.hold_external_id
    assert first.files == 19


def test_a_delivery_that_broke_off_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies leaves no manifest without its files; the next brings the same lines."""
    fill_landing(tmp_path / "whole", now=NOW, marker=tmp_path / "whole.json")
    place, marker = tmp_path / "landing", tmp_path / "demo.json"
    calls = iter(range(100))

    def die_at_the_tenth(path: Path) -> None:
        if next(calls) == 9:
            raise OSError("the disk is gone")
        sync_file(path)

    monkeypatch.setattr(demo_landing, "sync_file", die_at_the_tenth)
    with pytest.raises(OSError, match="the disk is gone"):
        fill_landing(place, now=NOW, marker=marker)
    assert len(manifests(place)) < 4
    for drop, lines in manifests(place).items():
        assert all((drop / line["file"]).exists() for line in lines)
    fill_landing(place, now=NOW + timedelta(days=1), marker=marker)
    assert contents(place) == contents(tmp_path / "whole")


def test_instructions_are_valid_and_differ() -> None:
    """One per controller of the calls: 30 days, defaults, and no transcription."""
    read = [read_instruction(path).instruction for path in sorted(INSTRUCTIONS.glob("*.yaml"))]
    assert {one.controller for one in read} == {call.controller for call in demo_calls()}
    said = {
        one.controller: (str(one.retention.recordings), one.transcription.enabled) for one in read
    }
    assert said == {
        "thornbeck-insurance": ("30 days", True),
        "fernhollow-housing": ("45 days", True),
        "northmere-water": ("45 days", False),
    }

"""Which engine a recording goes to, and what counts at the moment of the call."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from callward import night
from callward.enginesettings import HttpSettings, Place, WhisperSettings
from callward.errors import CallwardError
from callward.instance import Instance
from callward.instructions.load import load_folder
from callward.retention.holds import place_hold
from callward.speech import admission, engines, listening
from callward.speech.engine import EngineFailedError, Hints, ModelMissingError, Pcm, Word
from callward.speech.plan import plan_speech
from callward.speech.stage import transcribe_shard
from tests.speech.studio import Faults, Parrot, Studio, studio, whole, with_settings
from tests.subprocessors.entries import FULL
from tests.support import Call, PassingGates, deliver, instruct, rows, run_stage

NORTHWIND = HttpSettings(
    kind="http",
    url="https://speech.northwind.example/v1/audio/transcriptions",
    model="large",
    sub_processor="northwind",
)


class Named(Parrot):
    """A parrot of some other name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Engines:
    """One engine for every kind of settings; a kind may be missing."""

    def __init__(self) -> None:
        self.made = {kind: Named(kind) for kind in ("pocketsphinx", "faster-whisper", "http")}
        self.missing: dict[str, CallwardError] = {}

    def __call__(self, settings: Any, home: Path) -> Parrot:
        """As ``engine_of``."""
        assert home.is_dir()
        if settings.kind in self.missing:
            raise self.missing[settings.kind]
        return self.made[settings.kind]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Engines:
    """The engines there are."""
    found = Engines()
    monkeypatch.setattr(engines, "engine_of", found)
    monkeypatch.setattr(listening, "speech_spans", whole)
    return found


@pytest.fixture
def room(instance: Instance, known: Engines) -> tuple[Studio, Faults]:
    """An instance with three engines, one of them a sub-processor's."""
    assert known
    made, faults = studio(instance)
    (made.settings.sub_processors / "northwind.yaml").write_text(FULL)
    settings = {"whisper": WhisperSettings(kind="faster-whisper", model=Path("model"))}
    return with_settings(made, faults, engine={**settings, "northwind": NORTHWIND}), faults


def ask_for(instance: Instance, *said: str) -> None:
    """Enable transcription, with more lines below it."""
    instruct(instance, transcription=True)
    path = instance.settings.instructions / "acorn.yaml"
    path.write_text(path.read_text() + "".join(f"  {line}\n" for line in said))


def take_in(instance: Instance, *calls: Call) -> None:
    """Ingest calls."""
    deliver(instance, calls, drop=f"drop-{calls[0].external_id}")
    assert run_stage(instance, "ingest").failures == []


def made_by(instance: Instance) -> list[tuple[str, str | None, str | None]]:
    """State, code and engine of every recording."""
    return rows(instance, "transcriptions", "state", "code", "engine")


def test_the_instructions_first_engine_is_asked(room: tuple[Studio, Faults]) -> None:
    """And named in the catalogue; nothing is disclosed by an engine of our own."""
    instance, _ = room
    ask_for(instance, "engines: [whisper, pocketsphinx]")
    take_in(instance, Call("one"))
    assert run_stage(instance, "transcribe").counts == {"acorn": {"transcribed": 1}}
    assert made_by(instance) == [("done", None, "faster-whisper")]
    assert rows(instance, "disclosures") == []


def test_one_that_cannot_be_had_is_passed_over(room: tuple[Studio, Faults], known: Engines) -> None:
    """If the instruction allows another; else the refusal says what is missing."""
    instance, _ = room
    known.missing = {"faster-whisper": ModelMissingError("no model")}
    ask_for(instance, "engines: [whisper]")
    take_in(instance, Call("one"))
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"refused:engine-model-missing": 1}}
    ask_for(instance, "engines: [whisper, pocketsphinx]")
    run_stage(instance, "transcribe")
    assert made_by(instance) == [("done", None, "pocketsphinx")]


def test_phrases_and_language_reach_the_engine(room: tuple[Studio, Faults], known: Engines) -> None:
    """As the instruction has them."""
    instance, _ = room
    ask_for(instance, "engines: [whisper]", "language: cy-GB", "phrases: [Flexi Saver, Llandudno]")
    take_in(instance, Call("one"))
    run_stage(instance, "transcribe")
    assert known.made["faster-whisper"].hints == [Hints("cy-GB", ("Flexi Saver", "Llandudno"))]


def test_what_goes_to_a_sub_processor_is_entered(room: tuple[Studio, Faults]) -> None:
    """Who, where, how many and by which instruction: announced, then ended with what went."""
    instance, _ = room
    ask_for(instance, "engines: [northwind]", "sub_processors: [northwind]")
    take_in(instance, Call("one"), Call("two"))
    assert run_stage(instance, "transcribe").failures == []
    columns = ("sub_processor", "country", "engine", "state", "recordings")
    assert rows(instance, "disclosures", *columns) == [("northwind", "GB", "northwind", "ended", 2)]
    ((instruction,),) = rows(instance, "disclosures", "instruction")
    assert (instruction,) in rows(instance, "instructions", "digest")
    leaves = [event for (event,) in rows(instance, "ledger_leaves", "event")]
    assert leaves.count("disclosure-announced") == leaves.count("disclosed") == 1


def test_without_the_controllers_word_nothing_goes(room: tuple[Studio, Faults]) -> None:
    """The engine is named, the sub-processor is not agreed to."""
    instance, faults = room
    ask_for(instance, "engines: [northwind]")
    take_in(instance, Call("one"))
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"refused:sub-processor-not-authorised": 1}}
    assert faults.heard == []
    assert rows(instance, "disclosures") == []


def test_a_register_that_cannot_be_read_stops_its_sub_processor(
    room: tuple[Studio, Faults],
) -> None:
    """The night says so and fails; other engines go on."""
    instance, faults = room
    ask_for(instance, "engines: [northwind]", "sub_processors: [northwind]")
    take_in(instance, Call("one"))
    (instance.settings.sub_processors / "northwind.yaml").write_text("id: northwind\n")
    report = run_stage(instance, "transcribe")
    assert len(report.failures) == 1
    assert report.counts == {"acorn": {"refused:sub-processor-register-unreadable": 1}}
    ask_for(instance, "engines: [northwind, pocketsphinx]", "sub_processors: [northwind]")
    run_stage(instance, "transcribe")
    assert made_by(instance) == [("done", None, "pocketsphinx")]
    assert len(faults.heard) == 1


class Slow(Named):
    """An engine during whose first call something happens."""

    def __init__(self, happens: Any) -> None:
        super().__init__("http")
        self.happens = happens

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """As a parrot, after what happens, once."""
        happens, self.happens = self.happens, lambda: None
        happens()
        return super().transcribe(pcm, hints)


@pytest.fixture
def always_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recording is decided on anew, as if each took long."""
    monkeypatch.setattr(admission, "STALE_SECONDS", -1.0)


def _one_by_one(instance: Studio, faults: Faults) -> Studio:
    """Workers that ask for the next recording when they have done one."""
    made, other = studio(instance)
    other.in_turn = True
    other.failures, other.heard = faults.failures, faults.heard
    return made


@pytest.mark.usefixtures("always_stale")
def test_what_is_withdrawn_while_another_is_heard_counts(
    room: tuple[Studio, Faults], known: Engines
) -> None:
    """The first of three has gone when the controller says no: the others do not go."""
    instance, faults = room
    instance = _one_by_one(instance, faults)
    ask_for(instance, "engines: [northwind]", "sub_processors: [northwind]")
    take_in(instance, Call("a"), Call("b"), Call("c"))

    def withdraw() -> None:
        instruct(instance)
        load_folder(instance)

    known.made["http"] = Slow(withdraw)
    report = run_stage(instance, "transcribe")
    assert report.failures == []
    assert report.counts == {"acorn": {"transcribed": 1, "refused:no-instruction": 2}}
    assert len(faults.heard) == 1
    assert rows(instance, "disclosures", "state", "recordings") == [("ended", 1)]


@pytest.mark.usefixtures("always_stale")
def test_a_hold_placed_while_another_is_heard_counts(
    room: tuple[Studio, Faults], known: Engines
) -> None:
    """On everything of the controller: only what was on its way is done."""
    instance, faults = room
    instance = _one_by_one(instance, faults)
    ask_for(instance, "engines: [whisper]")
    take_in(instance, Call("a"), Call("b"))

    def hold() -> None:
        place_hold(instance, "acorn", "controller", None, "because", date(2027, 1, 1))

    known.made["faster-whisper"] = Slow(hold)
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"transcribed": 1, "refused:held": 1}}


def test_what_may_go_elsewhere_only_waits(room: tuple[Studio, Faults]) -> None:
    """The plan's engine is not the instruction's any more: the next plan sees to it."""
    instance, faults = room
    ask_for(instance, "engines: [whisper]")
    take_in(instance, Call("one"))
    run = night.new_run(instance)
    (shard,) = plan_speech(instance, run).shards
    ask_for(instance, "engines: [pocketsphinx]")
    load_folder(instance)
    work = night.work_for(instance, PassingGates(), run)
    report = transcribe_shard(instance, work, run, instance.workers(), shard)
    assert report.counts == {}
    assert faults.heard == []
    assert run_stage(instance, "transcribe").counts == {"acorn": {"transcribed": 1}}
    assert made_by(instance) == [("done", None, "pocketsphinx")]


def test_what_goes_to_an_engine_abroad_of_our_own_is_refused(
    room: tuple[Studio, Faults],
) -> None:
    """The promise is about where, not whose."""
    instance, faults = room
    ours = NORTHWIND.model_copy(update={"sub_processor": "", "country": "US"})
    assert ours.place == Place("US")
    instance = with_settings(instance, faults, engine={"ours": ours})
    ask_for(instance, "engines: [ours]")
    take_in(instance, Call("one"))
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"refused:region-outside-uk-eea": 1}}


class Dead(Named):
    """An engine that fails on whatever it is given."""

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """Nothing."""
        raise EngineFailedError("out of order")


def test_an_engine_that_always_fails_is_asked_no_more(
    room: tuple[Studio, Faults], known: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some in a row; the night says how many wait, and the next one does them."""
    instance, faults = room
    instance = _one_by_one(with_settings(instance, faults, shard_recordings=4), faults)
    monkeypatch.setattr(admission, "PATIENCE", 3)
    ask_for(instance, "engines: [whisper]")
    take_in(instance, *(Call(str(number)) for number in range(9)))
    well, known.made["faster-whisper"] = known.made["faster-whisper"], Dead("faster-whisper")
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"failed:engine-failed": 3}}
    assert len(faults.heard) == 3
    waiting = [said for said in report.failures if "asked no more" in said]
    assert [said.rpartition("; ")[2] for said in waiting] == [
        "recordings that wait: 1",
        "recordings that wait: 4",
        "recordings that wait: 1",
    ]
    known.made["faster-whisper"] = well
    assert run_stage(instance, "transcribe").counts == {"acorn": {"transcribed": 9}}


def test_one_that_fails_now_and_then_goes_on(
    room: tuple[Studio, Faults], known: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other recording fails: no reason to stop."""
    instance, faults = room
    instance = _one_by_one(instance, faults)
    monkeypatch.setattr(admission, "PATIENCE", 2)
    ask_for(instance, "engines: [whisper]")
    take_in(instance, *(Call(str(number)) for number in range(6)))
    engine = known.made["faster-whisper"]
    monkeypatch.setattr(engine, "transcribe", Moody(engine))
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"failed:engine-failed": 3, "transcribed": 3}}


class Moody:
    """Fails on every other recording."""

    def __init__(self, engine: Parrot) -> None:
        self.hear, self.asked = engine.transcribe, 0

    def __call__(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """As ``transcribe``."""
        self.asked += 1
        if self.asked % 2:
            raise EngineFailedError("out of order")
        return self.hear(pcm, hints)

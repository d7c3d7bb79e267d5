"""faster-whisper with a model that lies here, of which only the plumbing can be right."""

import json
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ctranslate2
import numpy as np
import pytest
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Word as Heard

from callward.enginesettings import WhisperSettings
from callward.speech.engine import RATE, EngineFailedError, Hints, ModelMissingError, Pcm, Word
from callward.speech.engines import engine_of
from callward.speech.whisper import Whisper, _hotwords, _words
from callward.workers import Workers
from tests.speech.tiny_whisper import SAID, tiny_whisper

ENGLISH = Hints("en-GB")
QUOTED = "what the customer said"


def settings(model: str = "tiny", **more: Any) -> WhisperSettings:
    """Settings of an engine whose model lies in the home."""
    return WhisperSettings(kind="faster-whisper", model=Path(model), **more)


def sound(seconds: float, seed: int = 0) -> Pcm:
    """Noise that swells and fades three times a second, as syllables do."""
    at = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 3_000, len(at))
    return (noise * np.abs(np.sin(3 * np.pi * at))).astype(np.int16)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a multilingual model and one that knows English only."""
    folder = tmp_path_factory.mktemp("home")
    tiny_whisper(folder / "tiny")
    tiny_whisper(folder / "tiny.en", multilingual=False)
    return folder


@pytest.fixture(scope="module")
def engine(home: Path) -> Whisper:
    """The multilingual model, loaded once."""
    return Whisper(settings(), home)


@pytest.fixture
def broken(home: Path, tmp_path: Path) -> Path:
    """A home whose model a test may damage."""
    shutil.copytree(home / "tiny", tmp_path / "tiny")
    return tmp_path


@pytest.fixture
def calls_out(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Attempts to reach anything over a network, all of which fail."""
    attempts: list[object] = []

    def refuse(*args: object, **_: object) -> None:
        attempts.append(args)
        raise OSError("no network")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    return attempts


def test_words_are_ordered_and_inside_the_piece(engine: Whisper) -> None:
    """Words come without blanks, in order of time, within the piece, with a confidence."""
    seen = set[str]()
    for seconds in (0.5, 3.0, 12.34, 30.0):
        words = engine.transcribe(sound(seconds), ENGLISH)
        assert words
        assert all(0 <= word.start <= word.end <= seconds for word in words)
        assert all(one.start <= other.start for one, other in pairwise(words))
        assert all(0 <= word.confidence <= 1 for word in words)
        seen.update(word.text for word in words)
    assert len(seen) > 3
    assert {word.strip(".,") for word in seen} <= set(SAID)


@pytest.mark.parametrize("samples", [1, 100, 160, 320, 479, 480, 1_600, 4_801, 16_001])
def test_a_piece_may_be_as_short_as_it_likes(engine: Whisper, samples: int) -> None:
    """No length makes the library fail, and words stay inside."""
    words = engine.transcribe(sound(2)[:samples], ENGLISH)
    assert all(0 <= word.start <= word.end <= samples / RATE for word in words)


def test_nothing_gives_nothing(engine: Whisper) -> None:
    """An empty piece has no words."""
    assert engine.transcribe(np.zeros(0, np.int16), ENGLISH) == []


def test_input_of_another_shape_or_type_is_refused(engine: Whisper) -> None:
    """Stereo or floats are a mistake of the caller's, not silence."""
    with pytest.raises(ValueError, match="2 axes"):
        engine.transcribe(np.zeros((2, RATE), np.int16), ENGLISH)
    with pytest.raises(ValueError, match="float32"):
        engine.transcribe(np.zeros(RATE, np.float32), ENGLISH)


def test_the_same_speech_gives_the_same_words(engine: Whisper, home: Path) -> None:
    """Neither what was transcribed before nor a fresh model changes a word."""
    first = engine.transcribe(sound(8), ENGLISH)
    model = engine._model
    other = engine.transcribe(sound(8, seed=5), Hints("cy", ("parcel", "order")))
    assert first
    assert other != first
    assert engine.transcribe(sound(8), ENGLISH) == first
    assert engine._model is model
    assert Whisper(settings(), home).transcribe(sound(8), ENGLISH) == first


def test_the_settings_reach_the_model(engine: Whisper, home: Path) -> None:
    """A narrow beam finds other words; threads change none."""
    words = engine.transcribe(sound(8), ENGLISH)
    assert Whisper(settings(beam_size=1), home).transcribe(sound(8), ENGLISH) != words
    assert Whisper(settings(threads=2), home).transcribe(sound(8), ENGLISH) == words


def test_no_network_is_ever_asked(home: Path, calls_out: list[object]) -> None:
    """A model is loaded and used without an attempt to reach anything."""
    assert Whisper(settings(), home).transcribe(sound(2), ENGLISH)
    assert calls_out == []


def test_language_and_phrases_reach_the_model(engine: Whisper) -> None:
    """Either changes what a model of random weights says; regions and cases do not."""
    plain = engine.transcribe(sound(8), ENGLISH)
    assert engine.transcribe(sound(8), Hints("EN-us")) == plain
    assert engine.transcribe(sound(8), Hints("cy-GB")) != plain
    assert engine.transcribe(sound(8), Hints("en", ("order number", "parcel"))) != plain


def test_whisper_has_codes_of_its_own(engine: Whisper) -> None:
    """Norwegian Bokmål is taken for the Norwegian that Whisper knows."""
    assert engine.transcribe(sound(3), Hints("nb-NO")) == engine.transcribe(sound(3), Hints("no"))


@pytest.mark.parametrize("tag", ["ga-IE", "xx", "yue", "", "endoftext", "transcribe"])
def test_a_language_that_the_model_lacks_is_refused(engine: Whisper, tag: str) -> None:
    """Irish, what is no language, and one that only newer models have."""
    with pytest.raises(EngineFailedError, match="does not know the language"):
        engine.transcribe(sound(1), Hints(tag))


def test_a_model_for_english_does_not_take_welsh_for_it(home: Path) -> None:
    """The library would transcribe Welsh as English, with nothing but a line in a log."""
    engine = Whisper(settings("tiny.en"), home)
    assert engine.transcribe(sound(3), ENGLISH)
    with pytest.raises(EngineFailedError, match="English only"):
        engine.transcribe(sound(3), Hints("cy-GB"))


def test_phrases_go_in_whole_as_far_as_there_is_room(engine: Whisper) -> None:
    """What does not fit is left out and what is behind it still goes in; none is cut in two."""
    engine.transcribe(sound(1), ENGLISH)
    long = "a" * 300
    phrases = ["order  number", "", long, "<|endoftext|>", *(f"parcel {n}" for n in range(500))]
    chosen = (_hotwords(engine._model, phrases) or "").split(", ")
    assert chosen[:2] == ["order number", "parcel 0"]
    assert set(chosen) <= {"order number", *phrases}
    assert long not in chosen
    tokens = engine._model.hf_tokenizer.encode(" " + ", ".join(chosen)).ids
    assert 180 < len(tokens) <= 223


def test_phrases_never_break_a_transcription(engine: Whisper) -> None:
    """Many, long and odd phrases leave an engine that still finds words."""
    many = tuple(f"phrase {number}" for number in range(1_000))
    assert engine.transcribe(sound(3), Hints("en", many))
    plain = engine.transcribe(sound(3), ENGLISH)
    odd = ("x" * 100_000, "<|startoftranscript|>", "\n")
    assert engine.transcribe(sound(3), Hints("en", odd)) == plain


def test_a_name_says_which_model_and_how_it_is_used(home: Path, broken: Path) -> None:
    """A copy has the same name; another beam, arithmetic or model has another."""
    name = Whisper(settings(), home).name
    assert re.fullmatch(r"faster-whisper-[0-9.]+-[0-9a-f]{8}", name)
    assert Whisper(settings(threads=2), broken).name == name
    tiny_whisper(broken / "other", seed=2)  # of the same size to the byte
    names = {
        name,
        Whisper(settings(beam_size=1), home).name,
        Whisper(settings(compute_type="float32"), home).name,
        Whisper(settings("tiny.en"), home).name,
        Whisper(settings("other"), broken).name,
    }
    assert len(names) == 5


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_a_folder_that_is_not_whole_is_refused(
    broken: Path, name: str, calls_out: list[object]
) -> None:
    """Nothing is fetched that a folder lacks: whoever runs this is told how to get it."""
    loaded_later = Whisper(settings(), broken)
    (broken / "tiny" / name).unlink()
    with pytest.raises(ModelMissingError, match=f"lacks {name}: .*ct2-transformers-converter"):
        Whisper(settings(), broken)
    with pytest.raises(ModelMissingError, match=f"lacks {name}"):
        loaded_later.transcribe(sound(1), ENGLISH)
    assert calls_out == []


@pytest.mark.parametrize("model", ["small", "openai/whisper-small", "tiny/model.bin", "large-v3"])
def test_a_model_is_a_folder_and_never_a_name(
    home: Path, model: str, calls_out: list[object]
) -> None:
    """What the library would download by its name is missing, as any other folder would be."""
    with pytest.raises(ModelMissingError, match="ct2-transformers-converter") as caught:
        Whisper(settings(model), home)
    assert str(home) not in str(caught.value)
    assert calls_out == []


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _scribble(path: Path) -> None:
    path.write_bytes(QUOTED.encode() * 100)


def _other_mels(path: Path) -> None:
    path.write_text(json.dumps({"feature_size": 128}))


def _other_rate(path: Path) -> None:
    path.write_text(json.dumps({"feature_size": 80, "sampling_rate": 8_000}))


def _without_marks(path: Path) -> None:
    path.write_text(path.read_text().replace("<|startofprev|>", "<|startofnext|>"))


def _reversed(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text())[::-1]))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.bin", _halve),
        ("model.bin", _scribble),
        ("config.json", _scribble),
        ("tokenizer.json", _scribble),
        ("tokenizer.json", _halve),
        ("tokenizer.json", _without_marks),
        ("vocabulary.json", _scribble),
        ("vocabulary.json", _reversed),
        ("preprocessor_config.json", _other_mels),
        ("preprocessor_config.json", _other_rate),
    ],
)
def test_a_model_that_cannot_be_used_is_missing(
    broken: Path, name: str, damage: Callable[[Path], None], calls_out: list[object]
) -> None:
    """Damaged files, and files of two models, are told from each other by no foreign text."""
    damage(broken / "tiny" / name)
    with pytest.raises(ModelMissingError, match="ct2-transformers-converter") as caught:
        Whisper(settings(), broken).transcribe(sound(1), ENGLISH)
    assert QUOTED not in str(caught.value)
    assert str(broken) not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert calls_out == []


def test_another_models_tokenizer_is_refused(home: Path, broken: Path) -> None:
    """A tokenizer that was copied from the wrong model would give wrong words without an error."""
    shutil.copy(home / "tiny.en" / "tokenizer.json", broken / "tiny")
    with pytest.raises(ModelMissingError, match="another model's"):
        Whisper(settings(), broken).transcribe(sound(1), ENGLISH)


def test_a_model_may_lack_what_only_newer_ones_have(broken: Path, engine: Whisper) -> None:
    """Without ``preprocessor_config.json`` a model is taken for one of the first."""
    (broken / "tiny" / "preprocessor_config.json").unlink()
    words = Whisper(settings(), broken).transcribe(sound(3), ENGLISH)
    assert words == engine.transcribe(sound(3), ENGLISH)


def test_arithmetic_that_the_processor_lacks_is_an_error(home: Path) -> None:
    """Half precision is for graphics processors."""
    if "float16" in ctranslate2.get_supported_compute_types("cpu"):
        pytest.skip("this processor has half precision")
    with pytest.raises(EngineFailedError, match="float16 on this cpu"):
        Whisper(settings(compute_type="float16"), home).transcribe(sound(1), ENGLISH)


def test_a_graphics_processor_that_is_not_there_is_an_error(home: Path) -> None:
    """It is not replaced by the processor, and not taken for a missing model."""
    if ctranslate2.get_cuda_device_count():
        pytest.skip("this machine has a graphics processor")
    with pytest.raises(EngineFailedError, match="no cuda") as caught:
        Whisper(settings(device="cuda"), home).transcribe(sound(1), ENGLISH)
    assert not isinstance(caught.value, ModelMissingError)


@dataclass
class Scripted:
    """The library's model, saying what it was told to."""

    segments: list[Any]
    model: Any = field(default_factory=lambda: SimpleNamespace(is_multilingual=False))
    hf_tokenizer: Any = field(default_factory=lambda: SimpleNamespace(token_to_id=len))
    max_length: int = 448
    asked: int = 0
    told: dict[str, object] = field(default_factory=dict)

    def transcribe(self, audio: object, **options: object) -> tuple[Iterator[Any], None]:
        """One segment after the other; an error where there is one."""
        self.told = options
        return self._said(), None

    def _said(self) -> Iterator[Any]:
        for segment in self.segments:
            self.asked += 1
            if isinstance(segment, Exception):
                raise segment
            yield segment


def scripted(home: Path, *segments: Any) -> tuple[Whisper, Scripted]:
    """An engine with such a model."""
    engine = Whisper(settings(), home)
    engine._model = model = Scripted(list(segments))
    return engine, model


def test_the_library_is_told_to_write_down_what_is_said(home: Path) -> None:
    """Nothing is translated, sampled, left out by another detector or kept in mind."""
    engine, model = scripted(home)
    assert engine.transcribe(sound(1), Hints("en-GB")) == []
    assert model.told == {
        "language": "en",
        "task": "transcribe",
        "beam_size": 5,
        "temperature": 0.0,
        "condition_on_previous_text": False,
        "word_timestamps": True,
        "vad_filter": False,
        "hotwords": None,
    }


def segment(*words: tuple[float, float, str]) -> Any:
    """Words as the library gives them."""
    heard = [Heard(start, end, text, 0.5) for start, end, text in words]
    return SimpleNamespace(words=heard, end=heard[-1].end)


@pytest.mark.parametrize("error", [RuntimeError, ValueError, IndexError, MemoryError, OSError])
def test_a_failure_of_the_librarys_does_not_quote_it(home: Path, error: type[Exception]) -> None:
    """Whatever breaks inside it, only the kind of error comes out, and the engine goes on."""
    engine, model = scripted(home, segment((0, 1, " yes")), error(QUOTED))
    with pytest.raises(EngineFailedError, match=error.__name__) as caught:
        engine.transcribe(sound(10), ENGLISH)
    assert QUOTED not in str(caught.value)
    assert caught.value.__suppress_context__
    model.segments.pop()
    assert [word.text for word in engine.transcribe(sound(10), ENGLISH)] == ["yes"]


def test_what_is_left_behind_the_last_word_is_not_listened_to(home: Path) -> None:
    """The library would take a fraction of a second for a whole window and hear words in it."""
    engine, model = scripted(
        home, segment((1, 2, " yes")), segment((9.5, 9.8, " no")), segment((9.8, 10, " thanks"))
    )
    assert [word.text for word in engine.transcribe(sound(10), ENGLISH)] == ["yes", "no"]
    assert model.asked == 2


def test_a_model_that_does_not_get_on_is_stopped(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library can look at the same window for ever."""
    split = WhisperModel._split_segments_by_timestamps

    def stay(*given: object, seek: int, **more: object) -> tuple[list[Any], int, bool]:
        return split(*given, seek=seek, **more)[0], seek, True

    monkeypatch.setattr(WhisperModel, "_split_segments_by_timestamps", stay)
    with pytest.raises(EngineFailedError, match="did not come to the end"):
        Whisper(settings(), home).transcribe(sound(2), ENGLISH)


def test_words_of_the_librarys_are_put_right() -> None:
    """Blanks and broken characters go, times are brought in order and into the piece."""
    heard = [
        Heard(-0.5, 0.5, " one", 0.12345),
        Heard(2.0, 1.0, " two ", 1.5),
        Heard(1.5, 3.0, "  ", 0.5),
        Heard(1.5, 3.0, "\ufffd", 0.5),
        Heard(1.5, 9.0, " thr\ufffdee\n four", -1.0),
        Heard(9.0, 10.0, "5", float("nan")),
    ]
    assert _words(heard, 4.0) == [
        Word("one", 0.0, 0.5, 0.1235),
        Word("two", 2.0, 2.0, 1.0),
        Word("three four", 2.0, 4.0, 0.0),
        Word("5", 4.0, 4.0, 0.0),
    ]


def in_a_worker(item: tuple[Path, int]) -> list[Word]:
    """Transcribe in a worker, as the stage does."""
    home, seed = item
    return engine_of(settings(), home).transcribe(sound(3, seed), ENGLISH)


def test_workers_have_a_model_each(home: Path, engine: Whisper) -> None:
    """Forked processes load the model themselves and find the words that we do."""
    here = [engine.transcribe(sound(3, seed), ENGLISH) for seed in range(4)]
    items = [(home, seed) for seed in range(4)]
    preload = ("callward.speech.whisper",)
    with Workers(2, preload=preload, memory_bytes=2 * 1024**3) as workers:
        for _ in range(2):
            there = dict(workers.map(in_a_worker, items, seconds_each=60))
            assert [there[index] for index in range(4)] == here

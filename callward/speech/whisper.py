"""faster-whisper: Whisper's models on CTranslate2, on our own processors.

A model is a folder that an operator puts there; nothing is ever downloaded. The library
would fetch two things by itself: a model whose folder is not there, and ``tokenizer.json``
where a folder lacks it. Both are refused before the library is asked.
"""

import json
import os
import threading
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

from callward.enginesettings import WhisperSettings
from callward.speech.engine import (
    RATE,
    EngineFailedError,
    Hints,
    ModelMissingError,
    Pcm,
    Word,
)

_FILES: Final = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")  # the second of older converters
_MARKS: Final = ("<|endoftext|>", "<|startoftranscript|>", "<|startofprev|>", "<|notimestamps|>")
_OTHERWISE: Final = {"nb": "no", "jv": "jw", "fil": "tl"}
"""Languages that Whisper calls by another code than BCP 47 does."""
_ADVICE: Final = (
    "on a machine with Internet access run `ct2-transformers-converter --model "
    "openai/whisper-small --output_dir DIR --quantization int8 --copy_files tokenizer.json "
    "preprocessor_config.json`, and copy the folder to where the engine's settings name it"
)
_TAIL: Final = 0.3
"""Seconds behind a word at the end of a piece that hold no other: all padding, or a word's rest."""
_SAMPLES: Final = 64
_SAMPLE_BYTES: Final = 4_096


class Whisper:
    """A Whisper model of any size; see ``WhisperSettings``.

    ``home`` is what the model's path is relative to. Raises ModelMissingError.
    """

    window = 30.0  # what the models were trained on; a shorter piece costs as much

    def __init__(self, settings: WhisperSettings, home: Path) -> None:
        self._settings = settings
        self._folder = home / settings.model
        _check_files(self._folder)
        self.name = f"faster-whisper-{version('faster-whisper')}-{_digest(self._folder, settings)}"
        self._lock = threading.Lock()
        self._model: Any = None

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """Words of one piece of speech; phrases are hints to the model. See ``Engine``."""
        if pcm.ndim != 1 or pcm.dtype != np.int16:
            raise ValueError(f"one channel of int16 expected, got {pcm.ndim} axes of {pcm.dtype}")
        with self._lock:
            if self._model is None:
                # Not before there is speech: CTranslate2's threads do not survive a fork, so
                # the process that workers are forked from must never have a model.
                self._model = _load(self._folder, self._settings)
            language = _language(self._model, hints.language)
            try:
                return self._heard(pcm, language, hints.phrases)
            except EngineFailedError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, its text may be content
                raise EngineFailedError(
                    f"faster-whisper gave up on a piece: {type(error).__name__}"
                ) from None

    def _heard(self, pcm: Pcm, language: str, phrases: Sequence[str]) -> list[Word]:
        length = len(pcm) / RATE
        self._model.windows_left = 5 + int(length)
        segments, _ = self._model.transcribe(
            pcm.astype(np.float32) / 32_768,
            language=language,
            task="transcribe",
            beam_size=self._settings.beam_size,
            # Higher ones sample, and then the same speech would not give the same words.
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=False,
            hotwords=_hotwords(self._model, phrases),
        )
        words: list[Any] = []
        for segment in segments:
            words += segment.words or ()
            if length - segment.end < _TAIL:
                break  # or it would listen to the rest alone, and hear words in it
        return _words(words, length)


class _Model(WhisperModel):  # type: ignore[misc]  # its wheel carries no type information
    """The library's model, which is not stopped by short pieces and does stop at some time."""

    windows_left = 0
    """How often it may still look for words: it can go forward by as little as 0.02 s."""

    def generate_with_fallback(self, *args: Any) -> Any:
        """Look for words in one window."""
        self.windows_left -= 1
        if self.windows_left < 0:
            raise EngineFailedError("faster-whisper did not come to the end of a piece")
        return super().generate_with_fallback(*args)

    def find_alignment(
        self, tokenizer: Any, text_tokens: Any, encoder_output: Any, num_frames: int, *rest: Any
    ) -> Any:
        """Find when words were said; the library fails on less than two frames (0.02 s)."""
        return super().find_alignment(
            tokenizer, text_tokens, encoder_output, max(num_frames, 2), *rest
        )


def _check_files(folder: Path) -> None:
    """Refuse a folder from which the library could not, or not without a network, load a model."""
    try:
        if not folder.is_dir():
            raise ModelMissingError(f"the model's folder of faster-whisper is not there: {_ADVICE}")
        lacking = [name for name in _FILES if not (folder / name).is_file()]
        if not any((folder / name).is_file() for name in _VOCABULARIES):
            lacking.append(_VOCABULARIES[0])
    except OSError:
        raise ModelMissingError(
            "the model's folder of faster-whisper may not be read by this user"
        ) from None
    if lacking:
        raise ModelMissingError(
            f"the model's folder of faster-whisper lacks {', '.join(lacking)}: {_ADVICE}"
        )


def _digest(folder: Path, settings: WhisperSettings) -> str:
    """Eight hex digits that change when the words may: of settings and parts of the model."""
    told = (settings.device, settings.compute_type, str(settings.beam_size), version("ctranslate2"))
    digest = sha256("\n".join(told).encode())
    try:
        digest.update((folder / "config.json").read_bytes())
        with (folder / "model.bin").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(str(size).encode())
            # Of all its length, for models trained further may differ in some layers only.
            for at in range(0, size, size // _SAMPLES + 1):
                file.seek(at)
                digest.update(file.read(_SAMPLE_BYTES))
    except OSError:
        raise ModelMissingError("the model of faster-whisper cannot be read") from None
    return digest.hexdigest()[:8]


def _load(folder: Path, settings: WhisperSettings) -> _Model:
    """Load the model. Raises ModelMissingError, or EngineFailedError if the device is not there."""
    _check_files(folder)
    _check_device(settings)
    os.environ["HF_HUB_OFFLINE"] = "1"  # a second lock, in case a file goes just now
    try:
        model = _Model(
            str(folder),
            device=settings.device,
            compute_type=settings.compute_type,
            cpu_threads=settings.threads,
            num_workers=1,
            local_files_only=True,
        )
        fits = _fits(model, folder)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with its files
        raise ModelMissingError(
            f"the model of faster-whisper cannot be loaded ({type(error).__name__}); "
            f"if its files are damaged, {_ADVICE}"
        ) from None
    if not fits:
        raise ModelMissingError(
            "tokenizer.json or preprocessor_config.json is another model's than model.bin "
            f"of faster-whisper: {_ADVICE}"
        )
    return model


def _check_device(settings: WhisperSettings) -> None:
    try:
        types = ctranslate2.get_supported_compute_types(settings.device)
    except (RuntimeError, ValueError):
        raise EngineFailedError(f"faster-whisper finds no {settings.device} to use") from None
    if settings.compute_type not in types:
        raise EngineFailedError(
            f"faster-whisper cannot compute in {settings.compute_type} on this {settings.device}"
        )


def _fits(model: _Model, folder: Path) -> bool:
    """Whether the files belong together; those of two models give words, but the wrong ones."""
    features = model.feature_extractor
    if len(features.mel_filters) != model.model.n_mels or features.sampling_rate != RATE:
        return False
    path = folder / _VOCABULARIES[0]
    if not path.is_file():
        return all(model.hf_tokenizer.token_to_id(mark) is not None for mark in _MARKS)
    tokens = json.loads(path.read_bytes())
    return all(model.hf_tokenizer.token_to_id(mark) == tokens.index(mark) for mark in _MARKS)


def _language(model: _Model, tag: str) -> str:
    """What the model calls a language. The library would take English for some it lacks."""
    primary = tag.split("-", 1)[0].lower()
    code = _OTHERWISE.get(primary, primary)
    if not model.model.is_multilingual:
        if code != "en":
            raise EngineFailedError("faster-whisper's model knows English only")
    elif (
        code not in model.supported_languages
        or model.hf_tokenizer.token_to_id(f"<|{code}|>") is None
    ):
        raise EngineFailedError("faster-whisper's model does not know the language asked for")
    return code


def _hotwords(model: _Model, phrases: Iterable[str]) -> str | None:
    """As many phrases as go into a prompt: the library would cut one in two.

    One that spells a mark of the model's, such as ``<|endoftext|>``, would be taken for it.
    """
    end = model.hf_tokenizer.token_to_id("<|endoftext|>")
    left = model.max_length // 2 - 1
    chosen = []
    for phrase in phrases:
        text = " ".join(phrase.split())
        tokens = model.hf_tokenizer.encode(f" {text},", add_special_tokens=False).ids
        if text and len(tokens) <= left and max(tokens) < end:
            chosen.append(text)
            left -= len(tokens)
    return ", ".join(chosen) or None


def _words(heard: Iterable[Any], length: float) -> list[Word]:
    """Words out of the library's: inside the piece, in order of time, with something in them."""
    words = []
    last = 0.0
    for each in heard:
        # Bytes that are no character, of a model that lost its way inside one, say nothing.
        text = " ".join(each.word.replace("\ufffd", "").split())
        start = max(last, min(length, max(0.0, float(each.start))))
        end = max(start, min(length, max(0.0, float(each.end))))
        if text:
            confidence = min(1.0, max(0.0, float(each.probability)))
            words.append(Word(text, start, end, round(confidence, 4)))
            last = start
    return words

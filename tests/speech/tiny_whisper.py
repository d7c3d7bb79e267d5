"""A whole Whisper model, small enough to be made in a test: its words mean nothing.

Weights are random (seeded), biases decide what can come out of it: a few English words
and times, never a lone byte. faster-whisper loads it as it would a real one.
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ctranslate2.specs.model_spec import OPTIONAL, visit_spec
from ctranslate2.specs.whisper_spec import WhisperSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

Weights = npt.NDArray[np.float32]

SAID: Final = ("yes", "no", "thank", "you", "please", "order", "number", "parcel", "Monday", "okay")
"""All the words it can say."""
_WIDTH: Final = 32
_HEADS: Final = 2
_LAYERS: Final = 1
_MELS: Final = 80
_ENCODED: Final = 1500  # states of the encoder in a window of 30 s
_DECODED: Final = 448  # tokens in a window, with the prompt
_TIMES: Final = 1501  # 0.00 to 30.00 s in steps of 0.02 s
_LANGUAGES: Final = tuple(code for code in _LANGUAGE_CODES if code != "yue")  # v3 added it


@dataclass(frozen=True, slots=True)
class _Tokens:
    """All tokens by id: text, then the marks, then the times."""

    text: list[str]
    marks: list[str]

    @property
    def all(self) -> list[str]:
        times = [f"<|{count * 0.02:.2f}|>" for count in range(_TIMES)]
        return [*self.text, *self.marks, *times]


def tiny_whisper(folder: Path, *, multilingual: bool = True, seed: int = 1) -> Path:
    """Write a model into a new ``folder`` and give it back; takes a tenth of a second."""
    folder.mkdir(parents=True)
    tokens = _tokens(multilingual=multilingual)
    spec = _spec(tokens, seed)
    spec.save(str(folder))
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    settings = {"feature_size": _MELS, "sampling_rate": 16_000, "hop_length": 160, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def _tokens(*, multilingual: bool) -> _Tokens:
    text = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("Ġ" + word for word in SAID)]
    marks = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{code}|>" for code in _LANGUAGES),
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
    ]
    if multilingual:
        text.append("")  # by which CTranslate2 knows that a model is multilingual
    return _Tokens(text, marks)


def _tokenizer(tokens: _Tokens) -> Tokenizer:
    ids = {token: number for number, token in enumerate(tokens.text)}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in tokens.marks])
    return tokenizer


def _spec(tokens: _Tokens, seed: int) -> WhisperSpec:
    """A model with all its weights, not yet written."""
    spec = WhisperSpec(_LAYERS, _HEADS, _LAYERS, _HEADS)
    everything = tokens.all
    ids = {token: number for number, token in enumerate(everything)}
    rng = np.random.default_rng(seed)
    visit_spec(spec, partial(_fill, rng, _shapes(spec, len(everything))))
    spec.decoder.projection.bias = _bias(ids)
    spec.register_vocabulary(everything)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [ids["<|endoftext|>"]]
    spec.config.lang_ids = [ids[f"<|{code}|>"] for code in _LANGUAGES]
    spec.config.alignment_heads = [(_LAYERS - 1, head) for head in range(_HEADS)]
    spec.validate()
    spec.optimize()
    return spec


def _shapes(spec: Any, vocabulary: int) -> dict[int, tuple[int, ...]]:
    """What ``_fill`` cannot tell from a name: shapes of a layer's weight, by the layer."""
    shapes: dict[int, tuple[int, ...]] = {
        id(spec.encoder.conv1): (_WIDTH, _MELS, 3),
        id(spec.encoder.conv2): (_WIDTH, _WIDTH, 3),
        id(spec.encoder.position_encodings): (_ENCODED, _WIDTH),
        id(spec.decoder.position_encodings): (_DECODED, _WIDTH),
        id(spec.decoder.embeddings): (vocabulary, _WIDTH),
        id(spec.decoder.projection): (vocabulary, _WIDTH),
    }
    for layer in (*spec.encoder.layer, *spec.decoder.layer):
        shapes[id(layer.self_attention.linear[0])] = (3 * _WIDTH, _WIDTH)
        shapes[id(layer.ffn.linear_0)] = (4 * _WIDTH, _WIDTH)
        shapes[id(layer.ffn.linear_1)] = (_WIDTH, 4 * _WIDTH)
    for layer in spec.decoder.layer:
        shapes[id(layer.attention.linear[1])] = (2 * _WIDTH, _WIDTH)
    return shapes


def _fill(
    rng: np.random.Generator,
    shapes: dict[int, tuple[int, ...]],
    layer: Any,
    name: str,
    value: object,
) -> None:
    """Give one weight of one layer its value."""
    what = name.rpartition("/")[2]
    shape = shapes.get(id(layer), (_WIDTH, _WIDTH))
    if what in ("weight", "encodings"):
        setattr(layer, what, _random(rng, shape))
    elif what == "gamma":
        layer.gamma = np.ones(_WIDTH, np.float32)
    elif what == "beta" or (what == "bias" and value == OPTIONAL):
        setattr(layer, what, np.zeros(shape[0], np.float32))


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> Weights:
    # Strong enough that what is heard decides what is said.
    return rng.normal(0, 1.5 / np.sqrt(_WIDTH), shape).astype(np.float32)


def _bias(ids: dict[str, int]) -> Weights:
    """Words often, times now and then, an end some time, nothing else."""
    bias = np.full(len(ids), -50, np.float32)
    bias[ids["<|0.00|>"] :] = -2
    bias[ids["<|endoftext|>"]] = 2
    bias[[ids["Ġ" + word] for word in SAID]] = 3
    return bias

"""The embedded engine on real speech, on noise and on nothing."""

import re
from itertools import pairwise
from typing import Any

import jiwer
import numpy as np
import pytest

from callward.enginesettings import SphinxSettings, understands
from callward.speech import segments, sphinx
from callward.speech.engine import RATE, EngineFailedError, Hints, Pcm, Word
from callward.speech.listening import listen
from callward.speech.segments import LONGEST, speech_spans
from callward.speech.sphinx import Sphinx
from deployments.demo.calls import CALLS

TALK = "wideband/wenet_1995-1837-0001.wav"
JUNK = re.compile(r"[<>\[\]()+]")


def plain(text: str) -> str:
    """Lower-case words without punctuation."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


ENGLISH = Hints("en-GB")


def said(pcm: Pcm) -> list[Word]:
    """What the engine hears on a channel."""
    return list(listen(Sphinx(), pcm, ENGLISH).words)


def heard(words: list[Word]) -> str:
    """The words as one text."""
    return " ".join(word.text for word in words)


def noise(seconds: float, loudness: float) -> Pcm:
    """White noise."""
    return np.random.default_rng(1).normal(0, loudness, int(seconds * RATE)).astype(np.int16)


def test_words_are_clean_ordered_and_inside_the_recording(real_speech: Any) -> None:
    """No filler or variant marks; times rise and end with the recording; confidence is 0 to 1."""
    pcm = real_speech.mono(TALK)
    words = said(pcm)
    assert len(words) > 20
    assert not [word.text for word in words if JUNK.search(word.text)]
    assert all(0 <= word.start < word.end <= len(pcm) / RATE for word in words)
    assert all(earlier.end <= later.start for earlier, later in pairwise(words))
    assert all(0 <= word.confidence <= 1 for word in words)
    assert len({word.confidence for word in words}) > 5


def test_most_words_of_exact_references_are_right(real_speech: Any) -> None:
    """The word error rate on wide-band recordings with exact references is below 0.4."""
    pairs = [
        (plain(text), heard(said(real_speech.mono(name))))
        for name, text in real_speech.references("exact").items()
        if name.startswith("wideband/sb_spk")
    ]
    assert len(pairs) >= 4
    assert jiwer.wer([text for text, _ in pairs], [words for _, words in pairs]) < 0.4


@pytest.mark.parametrize("name", ["pv_leopard_empty.wav", "sb_esc50_thunder.wav"])
def test_recorded_noise_gives_no_words(real_speech: Any, name: str) -> None:
    """A hum and thunder, in both of which pocketsphinx alone hears words, give none."""
    assert said(real_speech.mono(f"non_speech/{name}")) == []


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(0, np.int16),
        np.zeros(100, np.int16),
        np.zeros(5 * RATE, np.int16),
        noise(5, 300),
        noise(5, 3_000),
        (8_000 * np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE)).astype(np.int16),
    ],
    ids=["nothing", "a click", "silence", "hiss", "loud hiss", "a tone"],
)
def test_made_noise_gives_no_words(pcm: Pcm) -> None:
    """Silence, hiss and tones of any length give no words."""
    assert said(pcm) == []


def test_speech_inside_noise_keeps_its_place(real_speech: Any) -> None:
    """Silence before speech shifts its words' times and changes none of them."""
    pcm = real_speech.mono("wideband/sb_spk1_snt1.wav")
    quiet = np.zeros(20 * RATE, np.int16)
    alone = said(pcm)
    later = said(np.concatenate([quiet, pcm, quiet]))
    assert heard(later).split()[-5:] == heard(alone).split()[-5:]
    assert later[-1].end == pytest.approx(alone[-1].end + 20, abs=0.1)


def test_words_do_not_depend_on_what_came_before(real_speech: Any) -> None:
    """The decoder is reused, but what it learnt from one recording leaves the next alone."""
    pcm = real_speech.mono("wideband/sb_spk1_snt2.wav")
    sphinx._decoder.cache_clear()
    fresh = said(pcm)
    said(real_speech.mono("wideband/ps_librivox_0880.wav"))
    assert fresh
    assert said(pcm) == fresh


def test_long_talk_is_cut_into_bounded_pieces(real_speech: Any) -> None:
    """Talk without a pause is cut at 30 s at the latest, and no sample is decoded twice."""
    pcm = real_speech.mono("wideband/fw_hotwords.mp3")
    spans = speech_spans(np.tile(pcm, 30))
    assert len(spans) > 3
    assert max(span.end - span.start for span in spans) <= LONGEST * segments.FRAME
    assert all(earlier.end <= later.start for earlier, later in pairwise(spans))
    assert sum(span.end - span.start for span in spans) > 0.95 * 30 * len(pcm)


def test_a_decoder_that_breaks_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing decoder is an engine error, and the next recording gets a new one."""

    class Broken:
        def reinit_feat(self) -> None:
            raise RuntimeError("stuck")

    made = []

    def make(**_: object) -> Broken:
        made.append(1)
        return Broken()

    sphinx._decoder.cache_clear()
    monkeypatch.setattr("pocketsphinx.Decoder", make)
    for _ in range(2):
        with pytest.raises(EngineFailedError):
            sphinx._decode(noise(1, 100))
    sphinx._decoder.cache_clear()
    assert len(made) == 2


def test_input_of_another_shape_or_type_is_refused() -> None:
    """Stereo or floats are a mistake of the caller's, not silence."""
    with pytest.raises(ValueError, match="2 axes"):
        Sphinx().transcribe(np.zeros((2, RATE), np.int16), ENGLISH)
    with pytest.raises(ValueError, match="float32"):
        Sphinx().transcribe(np.zeros(RATE, np.float32), ENGLISH)


@pytest.mark.parametrize(("language", "known"), [("en-GB", True), ("EN", True), ("cy-GB", False)])
def test_only_english_is_understood(language: str, *, known: bool) -> None:
    """Any English is taken, Welsh is not."""
    assert understands(SphinxSettings(kind="pocketsphinx"), language) is known


def test_demo_has_recordings() -> None:
    """The demo's recordings, which other tests listen to, are in the checkout."""
    assert list(CALLS.iterdir())

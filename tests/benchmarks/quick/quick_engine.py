"""Imported last by the processes that make workers: an engine that answers at once.

What looks for speech looks, and then all of it is taken for speech.
"""

from callward.speech import engines, listening
from callward.speech.engine import RATE, Hints, Pcm, Word
from callward.speech.segments import Span, speech_spans


class Quick:
    """Hears two words, whatever is said."""

    name = "quick-1"
    window = 0.0

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """The same two words, half of the time each."""
        del hints
        half = len(pcm) / RATE / 2
        return [Word("good", 0.0, half * 0.9, 0.9), Word("morning", half, half * 1.9, 0.9)]


def _all_of_it(pcm: Pcm) -> list[Span]:
    speech_spans(pcm)
    return [Span(0, len(pcm))]


_ENGINE = Quick()
for module, name, quick in (
    (engines, "engine_of", lambda _settings, _home: _ENGINE),
    (listening, "speech_spans", _all_of_it),
):
    setattr(module, name, quick)

"""Imported last by the processes that make workers: decoder and engine that raise planted texts."""

import os
from typing import Any, BinaryIO

from callward.intake import seal
from callward.intake.audio import probe
from callward.speech import work
from callward.speech.engine import Pcm, Word
from callward.speech.sphinx import Sphinx
from tests.night.canaries import BROKEN_DECODER, BROKEN_ENGINE_SECONDS, CORE, FATAL_DECODER


def _broken_probe(file: BinaryIO, **limits: Any) -> Any:
    file.seek(0)
    content = file.read()
    if FATAL_DECODER in content:
        os.write(2, content)
        os.abort()
    if BROKEN_DECODER in content:
        raise RuntimeError(f"cannot decode {CORE} 07700900777")
    file.seek(0)
    return probe(file, **limits)


class _BrokenEngine(Sphinx):
    def transcribe(self, pcm: Pcm) -> list[Word]:
        """Raise over recordings of one length."""
        if abs(len(pcm) / self.rate - BROKEN_ENGINE_SECONDS) < 0.05:
            raise RuntimeError(f"cannot understand {CORE} 07700900777")
        return super().transcribe(pcm)


for module, name, broken in (
    (seal, "probe", _broken_probe),
    (work, "engine", _BrokenEngine),
):
    setattr(module, name, broken)

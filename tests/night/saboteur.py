"""Imported last by the processes that make workers: decoder and engine that raise planted texts."""

import os
from typing import Any, BinaryIO

from callward.intake import seal
from callward.intake.audio import probe
from callward.speech import work
from callward.speech.engine import RATE, Engine, Hints
from callward.speech.transcript import Call, transcribe_call
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


def _broken_call(engine: Engine, channels: Any, hints: Hints) -> Call:
    """Raise over recordings of one length."""
    if abs(channels.shape[1] / RATE - BROKEN_ENGINE_SECONDS) < 0.05:
        raise RuntimeError(f"cannot understand {CORE} 07700900777")
    return transcribe_call(engine, channels, hints)


for module, name, broken in (
    (seal, "probe", _broken_probe),
    (work, "transcribe_call", _broken_call),
):
    setattr(module, name, broken)

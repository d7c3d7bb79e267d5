"""Engines made from their settings, one of each per process."""

from functools import cache
from pathlib import Path

from callward.enginesettings import EngineSettings
from callward.speech.engine import Engine


@cache
def engine_of(settings: EngineSettings, home: Path) -> Engine:
    """The engine that the settings describe; ``home`` is what their paths are relative to.

    Raises EngineFailedError if it cannot be had.
    """
    # Each loads its own library, which the others need not have.
    match settings.kind:
        case "pocketsphinx":
            from callward.speech.sphinx import Sphinx  # noqa: PLC0415 - its library alone

            return Sphinx()
        case "faster-whisper":
            from callward.speech.whisper import Whisper  # noqa: PLC0415 - its library alone

            return Whisper(settings, home)
        case "http":
            from callward.speech.http import HttpEngine  # noqa: PLC0415 - its library alone

            return HttpEngine(settings, home)

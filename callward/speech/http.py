"""A server as an engine: the OpenAI-compatible ``POST /v1/audio/transcriptions``.

It is sent a piece of speech, the language, and phrases to expect: nothing that says
whose call it is. What it answers is read by ``answers``.
"""

import io
import re
import threading
import wave
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from callward.enginesettings import HttpSettings
from callward.speech.answers import longest, read_answer
from callward.speech.engine import RATE, Hints, Pcm, Word
from callward.speech.httperrors import (
    EngineAnswerMalformedError,
    EngineBrokenError,
    EngineBusyError,
    EngineRedirectedError,
    EngineRefusedError,
    EngineRequestTooLargeError,
    EngineTimeoutError,
    ServerError,
)
from callward.speech.httpkey import key_of
from callward.speech.httpretry import Slots, Timing, asked_wait, insist
from callward.speech.httpwire import Answer, Fields, Wire, trusted

LONGEST_PROMPT: Final = 500
"""Characters: Whisper takes 224 tokens and leaves out what came first."""
_FORM_BYTES: Final = 8192  # of a request, beside its samples
_BYTES: Final = np.dtype(np.int16).itemsize
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_OK: Final = 200
_BY_STATUS: Final[Mapping[int, type[ServerError]]] = {
    408: EngineTimeoutError,
    425: EngineBusyError,
    429: EngineBusyError,
    503: EngineBusyError,
}
_BY_HUNDRED: Final[Mapping[int, type[ServerError]]] = {
    3: EngineRedirectedError,
    4: EngineRefusedError,
    5: EngineBrokenError,
}


class HttpEngine:
    """A speech server; nothing is asked of it, nor a key read, before the first piece."""

    def __init__(self, settings: HttpSettings, home: Path, *, timing: Timing | None = None) -> None:
        self._settings = settings
        self._home = home
        self._timing = timing or Timing()
        self._slots = Slots(settings.per_minute, self._timing)
        self._lock = threading.Lock()
        self._wire: Wire | None = None

    @property
    def name(self) -> str:
        """``http-``, its model, and a digest of address and model."""
        digest = sha256(f"{self._settings.url}{self._settings.model}".encode()).hexdigest()
        return f"http-{_UNSAFE.sub('-', self._settings.model)}-{digest[:8]}"

    @property
    def window(self) -> float:
        """As the settings say, but no more than fits one request; see ``Engine.window``."""
        most = (self._settings.most_bytes - _FORM_BYTES) / (RATE * _BYTES)
        return min(self._settings.window, most)

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """Words of one piece of speech. See ``Engine.transcribe``; raises ``ServerError``."""
        if pcm.ndim != 1 or pcm.dtype != np.int16:
            raise ValueError(f"one channel of int16 expected, got {pcm.ndim} axes of {pcm.dtype}")
        if not len(pcm):
            return []
        if len(pcm) * _BYTES + _FORM_BYTES > self._settings.most_bytes:
            raise EngineRequestTooLargeError(f"{len(pcm) / RATE:.0f} s of speech in one request")
        fields, wav, seconds = _fields(self._settings.model, hints), _wav(pcm), len(pcm) / RATE
        return insist(
            lambda: self._ask(fields, wav, seconds), self._settings.attempts, self._timing
        )

    def close(self) -> None:
        """End its connections; the next piece makes new ones."""
        with self._lock:
            if self._wire is not None:
                self._wire.close()
            self._wire = None

    def _ask(self, fields: Fields, wav: bytes, seconds: float) -> list[Word]:
        wire = self._connected()
        self._slots.take()
        answer = wire.post(fields, wav, seconds=self._settings.seconds, most=longest(seconds))
        if answer.status != _OK:
            raise _refusal(answer, asked_wait(answer.retry_after, self._timing.clock))
        if answer.content_type != "application/json":
            raise EngineAnswerMalformedError("the answer is not JSON by its own account")
        return read_answer(answer.content, seconds)

    def _connected(self) -> Wire:
        with self._lock:
            if self._wire is None:
                url, ca_file = self._settings.url, self._settings.ca_file
                encrypted = url.lower().startswith("https:")
                context = trusted(ca_file and self._home / ca_file) if encrypted else None
                self._wire = Wire(url, context=context, key=key_of(self._settings, self._home))
            return self._wire


def _fields(model: str, hints: Hints) -> Fields:
    fields: dict[str, str | list[str]] = {
        "model": model,
        "language": hints.language.partition("-")[0].lower(),
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
        "temperature": "0",
    }
    prompt = _prompt(hints.phrases)
    return fields | {"prompt": prompt} if prompt else fields


def _prompt(phrases: tuple[str, ...]) -> str:
    """As many phrases as there is room for, the first first."""
    prompt = ""
    for phrase in phrases:
        longer = ", ".join(filter(None, [prompt, " ".join(phrase.split())]))
        if len(longer) > LONGEST_PROMPT:
            break
        prompt = longer
    return prompt


def _wav(pcm: Pcm) -> bytes:
    """RIFF WAVE, 16 bits, mono, at ``RATE``."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(_BYTES)
        writer.setframerate(RATE)
        writer.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()


def _refusal(answer: Answer, wait: float) -> ServerError:
    """The error that a status other than 200 is."""
    status = answer.status
    kind = _BY_STATUS.get(status) or _BY_HUNDRED.get(status // 100, EngineAnswerMalformedError)
    return kind(f"the speech server answered with status {status}", status=status, wait=wait)

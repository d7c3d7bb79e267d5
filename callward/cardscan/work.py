"""What a worker does with one recording: open, listen, mute, seal. No plaintext meets a disk."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from callward.cards.grammar import MODEL_RATE, RATE, Pcm, Sound, mirrored, sounds
from callward.cards.listen import Stretch, numbers
from callward.cards.mute import silenced, wav, with_margin
from callward.cardscan.together import together
from callward.errors import CallwardError
from callward.intake.audio import Limits, channels_at, pieces_at, probe
from callward.intake.reasons import Reason, Refusal
from callward.speech.sphinx import speech_spans
from callward.speech.work import MAX_SECONDS
from callward.vault.sealing import Sealed, context, new_key, open_chunks, seal_chunks
from callward.vault.stores import open_store

UNDECODABLE: Final = "undecodable:"
"""What the codes begin with that say that listening again would find the same."""
_BLOCK: Final = 600 * RATE
"""Samples listened to at a time, to bound memory: ten minutes."""


@dataclass(frozen=True, slots=True)
class ScanTask:
    """One recording: where its ciphertext lies, how to open it, where the muted one goes.

    ``known`` are seconds in which a number was found otherwise; ``listen``: look for more.
    """

    object_id: str
    controller: str
    kind: str
    channels: int
    rate: int
    samples: int
    store_url: str
    store_key: str
    new_id: str
    new_store_key: str
    key: bytes = field(repr=False)
    known: tuple[tuple[float, float], ...] = ()
    listen: bool = True


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found, in seconds, and the muted version; ``sealed`` is None if it is clean."""

    seconds: float
    muted: tuple[Stretch, ...] = ()
    sealed: Sealed | None = None
    facts: dict[str, Any] | None = None

    @property
    def muted_seconds(self) -> float:
        """Altogether."""
        return sum(one.end - one.start for one in self.muted)

    @property
    def longest(self) -> float:
        """The longest stretch that was muted."""
        return max((one.end - one.start for one in self.muted), default=0.0)


def scan(task: ScanTask) -> Scanned | str:
    """Listen to one sealed recording and mute it, or say why not: it stops no other."""
    try:
        return _scan(task)
    except Refusal as refusal:
        return UNDECODABLE + refusal.reason.value
    except CallwardError as error:
        return error.code


def listen(channels: np.ndarray[Any, np.dtype[np.int16]]) -> list[Stretch]:
    """Where card numbers are said in ``channels``, shape (channels, samples), at 8 kHz."""
    said = [
        list(heard(channel))
        for index, channel in enumerate(channels)
        if not any(np.array_equal(channel, earlier) for earlier in channels[:index])
    ]
    return [one for channel in said for one in numbers(channel)] + together(said)


def heard(channel: Pcm) -> Iterator[Sound]:
    """What is said in one channel at 8 kHz; silence and noise are not listened to."""
    for first in range(0, len(channel), _BLOCK):
        wide = mirrored(channel[first : first + _BLOCK])
        for span in speech_spans(wide):
            offset = first / RATE + span.start / MODEL_RATE
            yield from sounds(wide[span.start : span.end], offset)


def _scan(task: ScanTask) -> Scanned:
    sealed = open_store(task.store_url).get(task.store_key)
    bound_to = context(task.controller, task.object_id, task.kind)
    audio = io.BytesIO(b"".join(open_chunks(task.key, bound_to, sealed)))
    limits = Limits(max_channels=task.channels)
    longest = MAX_SECONDS * 2 / max(2, task.channels)
    channels = channels_at(audio, RATE, max_seconds=longest, limits=limits)
    seconds = channels.shape[1] / RATE
    found = [Stretch(*one) for one in task.known]
    if task.listen:
        found += listen(channels)
    del channels
    muted = tuple(with_margin(found, seconds))
    if not muted:
        return Scanned(seconds)
    audio.seek(0)
    pieces = pieces_at(audio, task.rate, max_seconds=longest, limits=limits)
    return _replace(task, seconds, muted, silenced(pieces, task.rate, muted))


def _replace(
    task: ScanTask, seconds: float, muted: tuple[Stretch, ...], pieces: Iterator[Pcm]
) -> Scanned:
    """Seal the muted version, and probe what was sealed."""
    try:
        plain = b"".join(wav(pieces, task.rate, task.channels, task.samples))
    except ValueError:
        raise Refusal(Reason.TOO_LARGE) from None
    key, digest = new_key(), hashlib.sha256()
    bound_to = context(task.controller, task.new_id, task.kind)

    def ciphertext() -> Iterator[bytes]:
        for chunk in seal_chunks(key, bound_to, (plain,)):
            digest.update(chunk)
            yield chunk

    open_store(task.store_url).put(task.new_store_key, ciphertext())
    return Scanned(
        seconds=seconds,
        muted=muted,
        sealed=Sealed(key, len(plain), digest.hexdigest(), task.new_store_key, None),
        facts=asdict(probe(io.BytesIO(plain))),
    )

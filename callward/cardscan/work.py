"""What a worker does with one recording: open, listen, mute, seal. No plaintext meets a disk."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, Final

import av
import numpy as np

from callward.cards.grammar import RATE
from callward.cards.listen import Stretch
from callward.cards.mute import Samples, silenced, wav, wav_header, with_margin
from callward.cardscan.hearing import listen_to
from callward.cardscan.opened import opened
from callward.errors import CallwardError
from callward.intake.audio import Limits, pieces_at, probe
from callward.intake.reasons import Reason, Refusal
from callward.vault.sealing import Sealed, context, new_key, open_chunks, seal_chunks
from callward.vault.stores import open_store

ENGINE: Final = f"digits-2-av-{av.__version__}"
"""Who listens: what one version cannot decode, another may."""
UNDECODABLE: Final = "undecodable:"
"""What the codes begin with that say that this engine, listening again, would find the same."""


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
    size: int
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


def _scan(task: ScanTask) -> Scanned:
    audio = _open(task, task.object_id, task.store_key, task.key, task.size)
    limits = Limits(max_channels=task.channels)
    found = [Stretch(*one) for one in task.known]
    # To be muted where it is known to be, it need not be decoded first.
    seconds = task.samples / task.rate
    if task.listen:
        pieces = pieces_at(audio, RATE, max_seconds=limits.max_seconds, limits=limits)
        more, seconds = listen_to(pieces)
        found += more
    muted = tuple(with_margin(found, seconds))
    if not muted:
        return Scanned(seconds)
    audio.seek(0)
    pieces = pieces_at(audio, task.rate, max_seconds=limits.max_seconds, limits=limits)
    return _replace(task, seconds, muted, silenced(pieces, task.rate, muted))


def _open(task: ScanTask, object_id: str, store_key: str, key: bytes, size: int) -> BinaryIO:
    bound_to = context(task.controller, object_id, task.kind)
    store = open_store(task.store_url)
    return opened(lambda: open_chunks(key, bound_to, store.get(store_key)), size)


def _replace(
    task: ScanTask, seconds: float, muted: tuple[Stretch, ...], pieces: Iterator[Samples]
) -> Scanned:
    """Seal the muted version as it is made, and probe what was sealed."""
    try:
        size = len(wav_header(task.rate, task.channels, task.samples))
    except ValueError:
        raise Refusal(Reason.TOO_LARGE) from None
    size += task.samples * task.channels * np.dtype(np.int16).itemsize
    key, digest = new_key(), hashlib.sha256()
    bound_to = context(task.controller, task.new_id, task.kind)

    def ciphertext() -> Iterator[bytes]:
        plain = wav(pieces, task.rate, task.channels, task.samples)
        for chunk in seal_chunks(key, bound_to, plain):
            digest.update(chunk)
            yield chunk

    open_store(task.store_url).put(task.new_store_key, ciphertext())
    sealed = _open(task, task.new_id, task.new_store_key, key, size)
    return Scanned(
        seconds=seconds,
        muted=muted,
        sealed=Sealed(key, size, digest.hexdigest(), task.new_store_key, None),
        facts=asdict(probe(sealed)),
    )

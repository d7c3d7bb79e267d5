"""What is said in a recording's channels, and where of it card numbers are."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from callward.cards.extent import REACH, extent
from callward.cards.grammar import MODEL_RATE, RATE, Pcm, Sound, mirrored, sounds
from callward.cards.listen import Stretch, numbers
from callward.cards.mute import Samples
from callward.cardscan.together import together
from callward.speech.segments import speech_spans

_BLOCK: Final = 600 * RATE
"""Samples listened to at a time, to bound memory: ten minutes."""


def listen(channels: Samples) -> list[Stretch]:
    """Where card numbers are said in ``channels``, shape (channels, samples), at 8 kHz."""
    return listen_to([channels.T])[0]


def listen_to(pieces: Iterable[Samples]) -> tuple[list[Stretch], float]:
    """The same of pieces, shape (samples, channels), in bounded memory; and seconds of them."""
    said: list[list[Sound]] = []
    closer: list[dict[Stretch, Stretch]] = []
    samples = 0
    for block in _blocks(pieces):
        channels = np.ascontiguousarray(block.T)
        said = said or [[] for _ in channels]
        closer = closer or [{} for _ in channels]
        for index, channel in enumerate(channels):
            if not any(np.array_equal(channel, earlier) for earlier in channels[:index]):
                more = list(heard(channel, samples / RATE))
                said[index] += more
                closer[index].update(_closer(channel, samples / RATE, more))
        samples += len(block)
    found = [
        # What lies across the end of a block is left as it was found.
        extents.get(one, one)
        for channel, extents in zip(said, closer, strict=True)
        for one in numbers(channel)
    ]
    return found + together(said), samples / RATE


def _closer(
    channel: Pcm, offset: float, said: Sequence[Sound]
) -> Iterator[tuple[Stretch, Stretch]]:
    """Numbers that are found in one channel, and how far they go when heard again."""
    for one in numbers(said):
        first = max(0, int((one.start - offset - REACH) * RATE))
        after = int((one.end - offset + REACH) * RATE)
        again = heard(channel[first:after], offset + first / RATE, keenly=True)
        yield one, extent(said, list(again), one)


def _blocks(pieces: Iterable[Samples]) -> Iterator[Samples]:
    """Cut anew, so that what is heard does not depend on how a file is decoded."""
    held: list[Samples] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        while count >= _BLOCK:
            whole = np.concatenate(held)
            yield whole[:_BLOCK]
            held, count = [whole[_BLOCK:].copy()], count - _BLOCK
    if count:
        yield np.concatenate(held)


def heard(channel: Pcm, offset: float = 0.0, *, keenly: bool = False) -> Iterator[Sound]:
    """What is said in one channel at 8 kHz, ``offset`` seconds in; silence is not listened to.

    ``keenly``: as ``sounds`` has it.
    """
    for first in range(0, len(channel), _BLOCK):
        wide = mirrored(channel[first : first + _BLOCK])
        for span in speech_spans(wide):
            start = offset + first / RATE + span.start / MODEL_RATE
            yield from sounds(wide[span.start : span.end], start, keenly=keenly)

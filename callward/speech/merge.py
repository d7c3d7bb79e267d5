"""Words of several channels, made one conversation."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from callward.speech.engine import Word

PHRASE_PAUSE = 0.7  # seconds of silence on a channel after which the other may have the floor
TURN_PAUSE = 2.0  # seconds of silence that end a turn even if nobody else speaks


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says until another one speaks or a long pause; never empty."""

    speaker: str
    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        """Seconds into the recording at which the first word starts."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Seconds into the recording at which the last word ends."""
        return self.words[-1].end

    @property
    def text(self) -> str:
        """The words, with spaces."""
        return " ".join(word.text for word in self.words)


def merge(channels: Sequence[Sequence[Word]]) -> tuple[Turn, ...]:
    """Order the channels' words into turns by the time at which they start.

    Each channel's words come in order of time. Which side of a call a channel
    carries differs between telephone systems, so speakers are ``channel-1``,
    ``channel-2``… Phrases stay whole where people talk at once.
    """
    phrases = [
        Turn(f"channel-{number}", phrase)
        for number, words in enumerate(channels, start=1)
        for phrase in _phrases(words)
    ]
    phrases.sort(key=lambda phrase: phrase.start)  # stable: on a tie the lower channel leads
    return tuple(_join(phrases))


def _phrases(words: Iterable[Word]) -> Iterator[tuple[Word, ...]]:
    phrase: list[Word] = []
    for word in words:
        if phrase and word.start - phrase[-1].end > PHRASE_PAUSE:
            yield tuple(phrase)
            phrase = []
        phrase.append(word)
    if phrase:
        yield tuple(phrase)


def _join(phrases: Iterable[Turn]) -> Iterator[Turn]:
    """Join phrases that follow each other on one channel."""
    turn: list[Turn] = []
    for phrase in phrases:
        if turn and (
            phrase.speaker != turn[-1].speaker or phrase.start - turn[-1].end > TURN_PAUSE
        ):
            yield _whole(turn)
            turn = []
        turn.append(phrase)
    if turn:
        yield _whole(turn)


def _whole(phrases: Sequence[Turn]) -> Turn:
    return Turn(phrases[0].speaker, tuple(word for phrase in phrases for word in phrase.words))

"""What was said, out of the transcripts that vCons carry, whoever's format they are in.

No format is prescribed. Made out are: plain text; a list of utterances (``speaker`` and
``message`` or ``text``); Whisper's and the World Transcription Format's ``segments``;
Deepgram's ``paragraphs`` and ``utterances``; and whatever has a ``transcript`` or ``text``.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from callward.intake.readers import jsons
from callward.intake.readers.vcon_form import Container, Dialog
from callward.intake.readers.vcon_people import label
from callward.intake.reasons import Reason, Refusal

SPOKEN: Final = ("transcript", "transcription", "translation")
"""Analyses whose type begins or ends so hold the words themselves, and are kept as transcripts."""
_WORDS: Final = ("text", "message", "transcript", "utterance", "content", "body", "display_text")
_SPEAKER: Final = ("speaker", "speaker_name", "name", "from", "role", "participant", "channel")
_START: Final = ("start", "start_time", "timestamp", "time", "offset")
_LISTS: Final = (
    "segments",
    "utterances",
    "messages",
    "turns",
    "sentences",
    "paragraphs",
    "entries",
    "monologues",
    "transcript",
    "dialog",
    "results",
    "channels",
    "alternatives",
)
"""Where utterances may be, the best place first."""
_MOST_SECONDS: Final = 31 * 86400.0
MOST_TEXTS: Final = 100_000

Text = dict[str, Any]


def is_spoken(kind: str, body: Any) -> bool:
    """Whether an analysis holds what was said: by its type, or as a list of utterances."""
    words = kind.lower().replace("_", "-").split("-")
    if any(word in SPOKEN or word.removesuffix("s") in SPOKEN for word in words):
        return True
    return isinstance(body, list) and bool(body) and all(_is_turn(one) for one in body)


def value_of(body: Any) -> Any:
    """A transcript's body; where it is a string that holds JSON, what it holds."""
    if isinstance(body, str) and body.lstrip()[:1] in {"{", "["}:
        try:
            return jsons.parse(body.encode())
        except (Refusal, UnicodeEncodeError):
            return body
    return body


def texts(body: Any, of: Container, dialog: Dialog | None) -> list[Text]:
    """What was said, in order; empty if nothing can be made out. Refusal too-large."""
    value = value_of(body)
    if isinstance(value, str):
        return [{"text": value}] if value.strip() else []
    found = list(_utterances(value, of, dialog)) or list(islice(_plain(value), MOST_TEXTS + 1))
    if len(found) > MOST_TEXTS:
        raise Refusal(Reason.TOO_LARGE)
    return found


def about(value: Any, said: Collection[str]) -> Any:
    """What a transcript says of itself: its body without words and lists, which ``texts`` has.

    Single words with their times would keep a card number that was masked in the texts.
    """
    if not isinstance(value, Mapping):
        return None
    return {
        name: about(one, said) if isinstance(one, Mapping) else one
        for name, one in value.items()
        if name not in _WORDS
        and not isinstance(one, list)
        and not (isinstance(one, str) and one in said)
    }


def _is_turn(one: Any) -> bool:
    if not isinstance(one, Mapping):
        return False
    speaks = any(name in one for name in (*_SPEAKER, "party", "parties"))
    return speaks and bool(jsons.text(one, *_WORDS))


def _utterances(value: Any, of: Container, dialog: Dialog | None) -> Iterator[Text]:
    """Those of the first list in which there are any."""
    if isinstance(value, list):
        if len(value) > MOST_TEXTS:
            raise Refusal(Reason.TOO_LARGE)
        for one in value:
            if isinstance(one, Mapping):
                yield from _turn(one, of, dialog)
        return
    if not isinstance(value, Mapping):
        return
    for name in _LISTS:
        inner = value.get(name)
        if isinstance(inner, Mapping | list):
            found = list(_utterances(inner, of, dialog))
            if found:
                yield from found
                return


def _turn(one: Mapping[str, Any], of: Container, dialog: Dialog | None) -> Iterator[Text]:
    """One utterance; one that is made of sentences or paragraphs is taken apart."""
    parts = list(_utterances({n: one[n] for n in _LISTS if n in one}, of, dialog))
    speaker = _speaker(one, of)
    if parts:
        for part in parts:
            yield {"from": speaker, **part} if speaker else part
        return
    words = jsons.text(one, *_WORDS)
    if not words:
        return
    found: Text = {"text": words}
    if speaker:
        found["from"] = speaker
    if at := _at(one, dialog):
        found["at"] = at
    yield found


def _speaker(one: Mapping[str, Any], of: Container) -> str:
    for name in ("party", "parties"):
        index = one.get(name)
        if isinstance(index, list) and len(index) == 1:
            index = index[0]
        if isinstance(index, bool) or not isinstance(index, int):
            continue
        if 0 <= index < len(of.parties):
            return label(of, index)
    return jsons.text(one, *_SPEAKER)


def _at(one: Mapping[str, Any], dialog: Dialog | None) -> str:
    """When it was said: as written, or from seconds into the dialog."""
    for name in _START:
        value = one.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, bool) or not isinstance(value, int | float) or dialog is None:
            continue
        if 0 <= value <= _MOST_SECONDS:
            return (dialog.started + timedelta(seconds=value)).isoformat()
    return ""


def _plain(value: Any) -> Iterator[Text]:
    """Every string there is, in order: a format that we do not know."""
    if isinstance(value, str):
        if value.strip():
            yield {"text": value}
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _plain(one)
    elif isinstance(value, list):
        for one in value:
            yield from _plain(one)

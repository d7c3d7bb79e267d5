"""What is taken out of a vCon's dialogs, attachments and analyses, and what is left of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from callward.intake.readers import jsons
from callward.intake.readers.vcon_content import (
    Inline,
    by_url,
    encoding,
    inline,
    media_type,
    without_body,
)
from callward.intake.readers.vcon_form import Container, Dialog
from callward.intake.readers.vcon_mail import is_mail, mail
from callward.intake.readers.vcon_people import direction, label, people
from callward.intake.readers.vcon_transcript import Text, about, is_spoken, texts, value_of
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import TEXTS, Part, Record, Refused

Item = Literal["dialog", "attachment", "analysis"]
_KEYS_DOWN: Final = frozenset({"keydown", "dtmfdown"})
_KEYS: Final = ("button", "dtmf")
_KEYED: Final = "*"
_MARKS: Final = ("application", "interaction_type", "disposition", "channel", "type")
_NO_MESSAGE: Final = "voicemail-no-message"
_VOICEMAIL = re.compile(r"\bvoice[ _-]?mail")


@dataclass(slots=True, repr=False)
class Gathered:
    """What one vCon comes to: records beside the conversation's, its texts and parts."""

    of: Container
    kind: str
    made: list[Record | Refused] = field(default_factory=list)
    texts: list[tuple[Dialog, list[Text]]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    without: list[Reason] = field(default_factory=list)

    def refuse(
        self, reason: Reason, what: Item, index: int, raw: Mapping[str, Any], kind: str
    ) -> None:
        """Refuse one item; the rest is taken without it."""
        self.made.append(Refused(reason, {"uuid": self.of.uuid, "index": index, what: raw}, kind))
        self.without.append(reason)


def take_dialog(dialog: Dialog, got: Gathered) -> Mapping[str, Any]:
    """Take what is in a dialog; what is left of it for the conversation's raw record."""
    raw, keyed = _without_keys(dialog.raw)
    if keyed:
        got.texts.append((dialog, [_said(got.of, dialog, keyed)]))
    if by_url(raw):
        got.without.append(Reason.MEDIA_BY_URL)
    kind = _recording_kind(dialog) if dialog.is_recording else got.kind
    try:
        content = _content(dialog)
        if content is None:
            return raw
        left = without_body(raw, len(content.data))
        if content.text is not None and not dialog.is_recording:
            return _written(dialog, got, left, content.text)
    except Refusal as refusal:
        got.refuse(refusal.reason, "dialog", dialog.index, dialog.raw, kind)
        return without_body(raw, _size(dialog.raw))
    if dialog.is_recording:
        got.made.append(_recording(dialog, got, kind, left, content.data))
    else:
        got.parts.append(_part(dialog.raw, content.data))
    return left


def _written(
    dialog: Dialog, got: Gathered, left: Mapping[str, Any], text: str
) -> Mapping[str, Any]:
    """Take what somebody wrote, out of MIME or HTML where it is in that. Raises Refusal."""
    media = media_type(dialog.raw)
    if not is_mail(media):
        got.texts.append((dialog, [_said(got.of, dialog, text)]))
        return left
    body = mail(media, text)
    got.texts.append((dialog, [_said(got.of, dialog, one["text"]) for one in body.texts]))
    got.parts.extend(body.attached)
    got.without.extend(body.without)
    return {**left, "body": {**left["body"], "mime": body.layout, "html": body.html}}


def take_attachment(index: int, raw: Mapping[str, Any], got: Gathered) -> Mapping[str, Any]:
    """Take an attachment as a part; what is left of it."""
    if by_url(raw):
        got.without.append(Reason.MEDIA_BY_URL)
    try:
        content = inline(raw)
    except Refusal as refusal:
        got.refuse(refusal.reason, "attachment", index, raw, got.kind)
        return without_body(raw, _size(raw))
    if content is None:
        return raw
    got.parts.append(_part(raw, content.data))
    return without_body(raw, len(content.data))


def take_analysis(index: int, raw: Mapping[str, Any], got: Gathered) -> Mapping[str, Any]:
    """Take a transcript as a record of its own; what is left of it, all of other analyses."""
    if by_url(raw):
        got.without.append(Reason.MEDIA_BY_URL)
    whole = _with_body(raw)
    try:
        content = inline(whole)
        body = value_of(_as_written(whole, content)) if content else None
        if content is None or not is_spoken(jsons.text(raw, "type"), body):
            return raw
        said = texts(body, got.of, _about(raw, got))
        if not said:
            return raw
        got.made.append(_transcript(index, whole, len(content.data), body, said, got))
    except Refusal as refusal:
        got.refuse(refusal.reason, "analysis", index, raw, "transcript")
        return without_body(whole, _size(whole))
    return without_body(whole, len(content.data))


def _with_body(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """An analysis as it is today: before 0.0.1 its body was called as its type."""
    if raw.get("body") not in (None, "") or raw.get("type") != "transcript":
        return raw
    if raw.get("transcript") in (None, "") or raw.get("url"):
        return raw
    others = {name: raw[name] for name in raw if name not in {"transcript", "alg", "signature"}}
    return {**others, "body": raw["transcript"]}


def _as_written(whole: Mapping[str, Any], content: Inline) -> Any:
    return whole["body"] if encoding(whole) != "base64url" else content.text


def _about(raw: Mapping[str, Any], got: Gathered) -> Dialog | None:
    """The dialog an analysis is about: the first recording of those it names, or the only one.

    Refusal record-malformed if it names one that is not there.
    """
    named, count = raw.get("dialog"), _length(got.of.raw.get("dialog"))
    indices = named if isinstance(named, list) else [named]
    recordings = [one for one in got.of.dialogs if one.is_recording]
    if indices in ([None], []):
        return recordings[0] if len(recordings) == 1 else None
    for index in indices:
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
            raise Refusal(Reason.RECORD_MALFORMED)
    wanted = [one for one in got.of.dialogs if one.index in set(indices)]
    return next((one for one in wanted if one.is_recording), wanted[0] if wanted else None)


def _transcript(
    index: int, whole: Mapping[str, Any], size: int, body: Any, said: list[Text], got: Gathered
) -> Record:
    of, dialog = got.of, _about(whole, got)
    left = without_body(whole, size)
    if isinstance(body, Mapping):
        spoken = frozenset(one["text"] for one in said)
        left = {**left, "body": {**left["body"], "about": about(body, spoken)}}
    return Record(
        kind="transcript",
        external_id=f"{of.uuid}/analysis/{index}",
        started_at=dialog.started if dialog else of.started,
        ended_at=dialog.ended if dialog else of.ended,
        document={"raw": {"uuid": of.uuid, "index": index, "analysis": left}, TEXTS: said},
        direction=direction(of),
        people=people(of, [dialog] if dialog else of.dialogs, got.kind),
        revision=of.revision,
        conversation=of.conversation,
        of=f"{of.uuid}/dialog/{dialog.index}" if dialog and dialog.is_recording else "",
    )


def _recording(
    dialog: Dialog, got: Gathered, kind: str, left: Mapping[str, Any], data: bytes
) -> Record:
    of = got.of
    here = {"uuid": of.uuid, "index": dialog.index, "dialog": left}
    return Record(
        kind=kind,
        external_id=f"{of.uuid}/dialog/{dialog.index}",
        started_at=dialog.started,
        ended_at=dialog.ended,
        document={"raw": {**here, "parties": [of.parties[one] for one in dialog.parties]}},
        direction=direction(of),
        people=people(of, [dialog], got.kind),
        parts=(_part(dialog.raw, data, "voicemail" if kind == "voicemail" else "recording"),),
        revision=of.revision,
        conversation=of.conversation,
    )


def _content(dialog: Dialog) -> Inline | None:
    """What is inline in a dialog; sound can be base64url only, also where nothing says so."""
    if not dialog.is_recording or dialog.raw.get("body") in (None, ""):
        return inline(dialog.raw)
    if dialog.raw.get("encoding", "base64url") not in (None, "base64url"):
        raise Refusal(Reason.MEDIA_UNREADABLE)
    return inline({**dialog.raw, "encoding": "base64url"})


def _recording_kind(dialog: Dialog) -> Literal["recording", "voicemail"]:
    """Voicemail where the dialog says so: no draft has a member for it."""
    if dialog.raw.get("voicemail") is True:
        return "voicemail"
    for place in (dialog.raw, jsons.child(dialog.raw, "meta")):
        for name in _MARKS:
            said = jsons.text(place, name)[:100].lower()
            if said != _NO_MESSAGE and _VOICEMAIL.search(said):
                return "voicemail"
    return "recording"


def _part(
    raw: Mapping[str, Any],
    data: bytes,
    kind: Literal["recording", "voicemail", "attachment"] = "attachment",
) -> Part:
    return Part(kind, data, media_type(raw), jsons.text(raw, "filename"))


def _said(of: Container, dialog: Dialog, words: str) -> Text:
    found = {"text": words, "at": dialog.started.isoformat()}
    if dialog.parties:
        found["from"] = label(of, dialog.parties[0])
    return found


def _without_keys(raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """A dialog whose keys pressed (DTMF) are hidden, and what they were, in one text.

    One digit an event, a card number keyed in would not be found where it stands.
    """
    history = raw.get("party_history")
    if not isinstance(history, list):
        return raw, ""
    pressed: list[str] = []
    left = [_without_key(one, pressed) if isinstance(one, Mapping) else one for one in history]
    return ({**raw, "party_history": left}, "".join(pressed)) if pressed else (raw, "")


def _without_key(event: Mapping[str, Any], pressed: list[str]) -> Mapping[str, Any]:
    keys = {name: jsons.text(event, name) for name in _KEYS if jsons.text(event, name)}
    if jsons.text(event, "event") in _KEYS_DOWN:
        pressed.extend(list(keys.values())[:1])
    return {**event, **dict.fromkeys(keys, _KEYED)}


def _size(raw: Mapping[str, Any]) -> int:
    body = raw.get("body")
    return len(body) if isinstance(body, str | list | Mapping) else 0


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0

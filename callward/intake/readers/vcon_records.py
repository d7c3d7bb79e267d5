"""The records in one vCon: the conversation, its recordings, its transcripts.

All are tied by the conversation's uuid. The conversation has the raw vCon, where what
was inline is replaced by its size and media type: texts are in ``texts``, attachments
are parts, recordings and transcripts are records of their own. Analyses other than
transcripts (summaries, reports, …) stay in it as they are and nothing is made of them.
What cannot be decoded is refused alone, and the conversation says so in ``without``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from callward.intake.readers.vcon_form import Container
from callward.intake.readers.vcon_items import Gathered, take_analysis, take_attachment, take_dialog
from callward.intake.readers.vcon_people import direction, kind, people
from callward.intake.records import TEXTS, Record, Refused


def records(of: Container, signed: Sequence[Mapping[str, Any]] = ()) -> list[Record | Refused]:
    """The conversation's record first, then what belongs to it, in order."""
    got = Gathered(of, kind(of))
    taken = {one.index: take_dialog(one, got) for one in of.dialogs}
    left = {
        "dialog": [taken.get(index, {}) for index in range(len(of.raw.get("dialog") or ()))],
        "attachments": [take_attachment(n, one, got) for n, one in enumerate(of.attachments)],
        "analysis": [take_analysis(n, one, got) for n, one in enumerate(of.analysis)],
    }
    raw = {name: left.get(name, value) for name, value in of.raw.items()}
    return [_conversation(got, raw, signed), *got.made]


def _conversation(
    got: Gathered, raw: Mapping[str, Any], signed: Sequence[Mapping[str, Any]]
) -> Record:
    of = got.of
    document: dict[str, Any] = {"raw": raw}
    said = sorted(got.texts, key=lambda one: one[0].started)
    if said:
        document[TEXTS] = [text for _, several in said for text in several]
    if signed:
        document["signed"] = [dict(one) for one in signed]
    return Record(
        kind=got.kind,
        external_id=of.uuid,
        started_at=of.started,
        ended_at=of.ended,
        document=document,
        direction=direction(of),
        people=people(of, of.dialogs, got.kind),
        parts=tuple(got.parts),
        revision=of.revision,
        conversation=of.conversation,
        without=tuple(dict.fromkeys(got.without)),
    )

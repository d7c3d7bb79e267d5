"""How a controller's own exports become records: which column is which field of ours."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from callward.instructions.strict import Line, Strict

Format = Literal["csv", "json", "jsonl"]
MappedKind = Literal[
    "contact",
    "technical",
    "agent-account",
    "call",
    "sms",
    "email",
    "chat",
    "social",
    "note",
    "transaction",
    "transcript",
]
"""Every kind of record but audio, which no row can hold."""
UNDATED: Final = frozenset({"contact", "agent-account"})
"""Kinds whose rows may be without a time: a list of people is of the day it is delivered."""
_PROBE: Final = datetime(2031, 12, 24, 13, 14, 15)  # noqa: DTZ001 - a form is tried, no moment meant


def _reads_a_day(form: str) -> str:
    if datetime.strptime(_PROBE.strftime(form), form).date() != _PROBE.date():  # noqa: DTZ007
        raise ValueError("no day in it")
    return form


def _a_moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


class Columns(Strict):
    """Field of ours to column (CSV) or dotted path (JSON); each may be left out."""

    external_id: Line | None = None
    started_at: Line | None = None
    ended_at: Line | None = None
    duration: Line | None = None
    revision: Line | None = None
    direction: Line | None = None
    conversation: Line | None = None
    from_: Annotated[Line | None, Field(alias="from")] = None
    to: Line | None = None
    agent: Line | None = None
    name: Line | None = None
    phone: Line | None = None
    email: Line | None = None
    ip: Line | None = None
    user_agent: Line | None = None
    subject: Line | None = None
    text: Line | None = None
    message_from: Line | None = None
    message_text: Line | None = None
    message_at: Line | None = None
    of: Line | None = None
    active: Line | None = None
    left_on: Line | None = None


class Words(Strict):
    """The supplier's words to ours, where they differ; capitals do not matter."""

    direction: dict[Line, Literal["inbound", "outbound", "internal", "none"]] = Field(
        default_factory=dict
    )
    active: dict[Line, bool] = Field(default_factory=dict)


class Always(Strict):
    """What holds of every record where the export itself does not say it."""

    started_at: Annotated[Line, AfterValidator(_a_moment)] | None = None
    direction: Literal["inbound", "outbound", "internal", "none"] | None = None


class ColumnMapping(Strict):
    """One export's form. ``columns`` come last: what they need depends on the rest."""

    format: Format
    kind: MappedKind
    delimiter: Literal[",", ";", "|", "\t", ":"] | None = None
    records: Line | None = None
    messages: Line | None = None
    time_format: Annotated[Line, AfterValidator(_reads_a_day)] | None = None
    words: Words = Words()
    always: Always = Always()
    columns: Columns

    @field_validator("delimiter")
    @classmethod
    def _of_rows(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("format") in {"json", "jsonl"}:
            raise ValueError("for csv only")
        return value

    @field_validator("records", "messages")
    @classmethod
    def _of_objects(cls, value: str | None, info: ValidationInfo) -> str | None:
        told = info.data.get("format")
        if value and (told == "csv" or (told == "jsonl" and info.field_name == "records")):
            raise ValueError("not for that format")
        return value

    @field_validator("columns")
    @classmethod
    def _enough(cls, columns: Columns, info: ValidationInfo) -> Columns:
        given = {name for name in Columns.model_fields if getattr(columns, name)}
        always, kind = info.data.get("always"), info.data.get("kind")
        if always is not None and always.started_at:
            given.add("started_at")
        dated = given & {"started_at", "message_at"} or kind in UNDATED
        if kind is None or always is None:
            return columns  # wrong already, and said there
        if not given - {"started_at"} or not dated or (kind == "transcript" and "of" not in given):
            raise ValueError("too few columns")
        return columns


_COLUMN: Final = "the name of a column, or a dotted path in a JSON record"
_DIRECTION: Final = "inbound, outbound, internal or none"

MAPPING_EXPECTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mappings": "names of mappings, each with " + ", ".join(ColumnMapping.model_fields),
        "mappings.*": "a name of 1 to 40 characters from a-z, 0-9 and '-', and below it format, "
        "kind, columns and what else is needed",
        "mappings.*.format": "one of " + ", ".join(get_args(Format)),
        "mappings.*.kind": "one of " + ", ".join(get_args(MappedKind)),
        "mappings.*.delimiter": "for csv only, one of ',', ';', '|', ':' or \"\\t\"",
        "mappings.*.records": "for json only, the dotted path to the records",
        "mappings.*.messages": "for json and jsonl only, the dotted path to a record's messages",
        "mappings.*.time_format": "a form such as '%d/%m/%Y %H:%M', with day, month and year",
        "mappings.*.words": "the keys direction and active",
        "mappings.*.words.direction": "the export's words, each with " + _DIRECTION,
        "mappings.*.words.direction.*": _DIRECTION,
        "mappings.*.words.active": "the export's words, each with true or false",
        "mappings.*.words.active.*": "true or false",
        "mappings.*.always": "the keys started_at and direction",
        "mappings.*.always.started_at": "a day or moment in quotes, such as '2026-01-31'",
        "mappings.*.always.direction": _DIRECTION,
        "mappings.*.columns": "at least two of our fields with their columns, among them "
        "started_at or message_at unless always says when (contact and agent-account may "
        "do without), and of for transcripts",
    }
    | {
        f"mappings.*.columns.{field.alias or name}": _COLUMN
        for name, field in Columns.model_fields.items()
    }
)
"""What each key of a mapping must hold, for error messages; ``*`` is a name of the file's."""

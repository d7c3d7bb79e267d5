"""FreeSWITCH's call detail records as comma-separated text, as ``mod_cdr_csv`` writes them.

A row's layout is one of the templates of ``cdr_csv.conf.xml`` (default, sql, example, snom,
linksys, asterisk, opencdrrate), told by how many columns there are and which of them is
the channel's UUID; or a header names the columns. FreeSWITCH does not double quotes within
a cell. Stamps are local to ``told.zone``. A cell that begins with ``=`` is data and kept.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from callward.intake.readers.base import Sight, Told
from callward.intake.readers.calls import identity, lasting, people, stamp
from callward.intake.readers.rows import (
    SEARCHED_ROWS,
    SIGHTED_ROWS,
    Dialect,
    RowFile,
    sample,
)
from callward.intake.readers.times import span
from callward.intake.readers.withheld import is_withheld, withhold
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Direction, Record, Refused

_DEFAULT = (
    *("caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp"),
    *("answer_stamp", "end_stamp", "duration", "billsec", "hangup_cause", "uuid", "bleg_uuid"),
    "accountcode",
)
_EXAMPLE = (*_DEFAULT, "read_codec", "write_codec")
_LINKSYS = (*_EXAMPLE, "sip_user_agent", "sip_p_rtp_stat")
_SNOM = (
    *(*_EXAMPLE, "sip_user_agent", "call_clientcode", "sip_rtp_rxstat", "sip_rtp_txstat"),
    "sofia_record_file",
)
_ASTERISK = (
    *("accountcode", "caller_id_number", "destination_number", "context", "caller_id"),
    *("channel_name", "bridge_channel", "last_app", "last_arg", "start_stamp", "answer_stamp"),
    *("end_stamp", "duration", "billsec", "hangup_cause", "amaflags", "uuid", "userfield"),
)
_RATE = (
    *("uuid", "signal_bond", "direction", "ani", "destination_number", "answer_stamp"),
    *("end_stamp", "billsec", "accountcode", "userfield", "network_addr"),
    *("original_caller_id_name", "sip_gateway_name"),
)
_TEMPLATES: Final = {
    (len(columns), columns.index("uuid")): columns
    for columns in (_DEFAULT, _EXAMPLE, _LINKSYS, _SNOM, _ASTERISK, _RATE)
}
_NAMES: Final[Mapping[str, str]] = {
    "xml_cdr_uuid": "uuid",
    "cid_name": "caller_id_name",
    "cid_number": "caller_id_number",
    "caller_name": "caller_id_name",
    "caller_number": "caller_id_number",
    "destination": "destination_number",
}
"""What headers of exports made of these rows call a column, where FreeSWITCH says otherwise."""
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}[ T][0-9]{1,2}:[0-9]{2}.*")
_AROUND = re.compile(
    r"(?:INSERT\s+INTO\s[^\"()]{1,200}(?:\([^\"()]{1,2000}\)\s*)?VALUES\s*\()?(.*?)(?:\)\s*;)?",
    re.IGNORECASE | re.DOTALL,
)
_DELIMITERS = ",;\t|"
_STARTS = ("start_stamp", "start_epoch", "answer_stamp", "end_stamp")
"""When it began; opencdrrate has no start, and no answer of a call nobody took."""
_WORDS: Final[Mapping[str, Direction]] = {
    "inbound": "inbound",
    "outbound": "outbound",
    "local": "internal",
}


class FreeSwitchCsv(RowFile):
    """One record for each row; ``external_id`` and ``conversation``: the channel's UUID.

    A row's direction is that of the leg at FreeSWITCH, not of the call, so it is not
    taken; only a header's ``call_direction`` (FusionPBX) is.
    """

    name: ClassVar[str] = "freeswitch-csv"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})

    def claims(self, sight: Sight) -> bool:
        """Whether a header or an early row is FreeSWITCH's."""
        return _dialect(sight.head) is not None

    def dialect(self, head: bytes) -> Dialect:
        """Delimiter and header; Refusal file-malformed if no row is FreeSWITCH's."""
        found = _dialect(head) or _dialect(head, SEARCHED_ROWS)
        if found is None:
            raise Refusal(Reason.FILE_MALFORMED)
        return found

    def columns(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """FreeSWITCH's names of a header's columns; none for a file without header."""
        named = tuple(_name(cell) for cell in cells)
        return named if _is_header(named) else ()

    def row(self, cells: tuple[str, ...], columns: tuple[str, ...], told: Told) -> Record | Refused:
        """Make a record of a row."""
        if len(cells) > len(columns) if columns else not _layout(cells):
            raise Refusal(Reason.ROW_MALFORMED)
        raw = self.raw(cells, columns)
        return _record({name: str(cell).strip() for name, cell in raw.items()}, raw, told)

    def raw(self, cells: tuple[str, ...], columns: tuple[str, ...]) -> Mapping[str, Any]:
        """The cells by FreeSWITCH's names, passwords taken out."""
        clean: dict[str, Any]
        clean, _ = withhold(super().raw(cells, columns or _layout(cells)))
        return clean


def _dialect(head: bytes, most: int = SIGHTED_ROWS) -> Dialect | None:
    for delimiter in _DELIMITERS:
        dialect = Dialect(delimiter, header=False, loose="quoted", around=_AROUND)
        rows = sample(head, dialect, most)
        if rows and _is_header([_name(cell) for cell in rows[0]]):
            return Dialect(delimiter, loose="quoted", around=_AROUND)
        if any(_layout(row) for row in rows):
            return dialect
    return None


def _name(cell: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", cell.strip().casefold()).strip("_")
    return _NAMES.get(plain, plain)


def _is_header(names: Sequence[str]) -> bool:
    found = set(names)
    return (
        {"uuid", "hangup_cause"} <= found
        and bool(found & {"start_stamp", "start_epoch", "answer_stamp"})
        and bool(found & {"caller_id_number", "destination_number"})
    )


def _layout(cells: Sequence[str]) -> tuple[str, ...]:
    """The template a row without header was written by."""
    for (count, place), columns in _TEMPLATES.items():
        if len(cells) == count and _UUID.fullmatch(cells[place].strip()):
            stamps = (columns.index(name) for name in columns if name.endswith("_stamp"))
            if any(_DATE.fullmatch(cells[n].strip()) for n in stamps):
                return columns
    return ()


def _record(of: Mapping[str, str], raw: Mapping[str, Any], told: Told) -> Record:
    if not _UUID.fullmatch(of.get("uuid", "")):
        raise Refusal(Reason.RECORD_MALFORMED)
    started = stamp(next((of[name] for name in _STARTS if of.get(name)), ""), told)
    ended = started + lasting(of.get("duration") or of.get("billsec", ""))
    end = of.get("end_stamp") or of.get("end_epoch", "")
    if end:
        ended = stamp(end, told, ended)
    started, ended = span(started, ended, told)
    return Record(
        kind="call",
        external_id=of["uuid"].lower(),
        started_at=started,
        ended_at=ended,
        document={"raw": dict(raw)},
        direction=_WORDS.get(of.get("call_direction", "").casefold(), "none"),
        people=people(
            ("caller", of.get("caller_id_number") or of.get("ani", "")),
            ("called", of.get("destination_number", "")),
            ("agent", of.get("cc_agent", "")),
            ("address", of.get("network_addr", "")),
        ),
        conversation=identity(of.get("call_uuid") or of["uuid"].lower()),
        without=(Reason.CREDENTIALS,) if is_withheld(raw) else (),
    )

"""Asterisk's call detail records as comma-separated text.

Read are, without a header, what ``cdr_csv`` writes (``Master.csv``: 16 columns, then
``uniqueid``, ``userfield``, and with ``newcdrcolumns`` ``peeraccount``, ``linkedid``,
``sequence``, each group where configured), the sample mapping of ``cdr_custom`` and rows of
the usual SQL tables (FreePBX); and any of these under a header. Source: Asterisk's
``cdr.h``, ``cdr_csv.c`` and sample configurations, 1.4 to 22. A cell that begins with
``=``, ``+``, ``-`` or ``@`` is data like any other: it is kept as delivered and nothing
here computes it.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from callward.intake.readers.base import Sight, Told
from callward.intake.readers.calls import digest, identity, lasting, people, stamp
from callward.intake.readers.rows import (
    SEARCHED_ROWS,
    SIGHTED_ROWS,
    Dialect,
    RowFile,
    sample,
)
from callward.intake.readers.times import span
from callward.intake.readers.withheld import REMOVED, is_withheld, withhold
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Direction, Record, Refused, Role

_CALL = ("dcontext", "channel", "dstchannel", "lastapp", "lastdata")
_BILL = ("duration", "billsec", "disposition", "amaflags")
_MASTER = ("accountcode", "src", "dst", "dcontext", "clid", *_CALL[1:], "start", "answer", "end")
_MASTER_16 = (*_MASTER, *_BILL)
_NEW = ("peeraccount", "linkedid", "sequence")
_CUSTOM = ("clid", "src", "dst", *_CALL, "start", "answer", "end", *_BILL, "accountcode")
_CUSTOM_19 = (*_CUSTOM, "uniqueid", "userfield", "sequence")
_TABLE = ("calldate", "clid", "src", "dst", *_CALL, *_BILL, "accountcode", "uniqueid", "userfield")
_TABLE_LITE = ("calldate", "clid", *_CALL, "src", "dst", *_TABLE[9:])
_PBX = ("did", "recordingfile", "cnum", "cnam", "outbound_cnum", "outbound_cnam", "dst_cnam")
_PBX_26 = (*_TABLE, *_PBX, "linkedid", "peeraccount", "sequence")

_NAMES: Final[Mapping[str, str]] = {
    "starttime": "start",
    "answertime": "answer",
    "answered": "answer",
    "endtime": "end",
    "hangup": "end",
    "source": "src",
    "callernumber": "src",
    "destination": "dst",
    "calleenumber": "dst",
    "context": "dcontext",
    "destinationcontext": "dcontext",
    "callerid": "clid",
    "sourcechannel": "channel",
    "dchannel": "dstchannel",
    "destchannel": "dstchannel",
    "destinationchannel": "dstchannel",
    "lastapplication": "lastapp",
    "lastarg": "lastdata",
    "totaltime": "duration",
    "billableseconds": "billsec",
    "talktime": "billsec",
    "amaflag": "amaflags",
    "outboundcnum": "outbound_cnum",
}
"""What exports call a column, capitals and marks taken off, where Asterisk says otherwise."""

_DISPOSITIONS: Final = frozenset(
    {"ANSWERED", "NO ANSWER", "NOANSWER", "BUSY", "FAILED", "CONGESTION", "CANCEL", "UNKNOWN"}
)
_IDENTIFYING: Final = (
    *("uniqueid", "src", "dst", "clid", "channel", "dstchannel", "lastapp", "lastdata"),
    *("answer", "end", "duration", "billsec", "disposition"),
)
_DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}[ T][0-9]{1,2}:[0-9]{2}.*")
_UNIQUE_ID = re.compile(r"(?:.*-)?([0-9]{9,10})[.][0-9]+")
_PEER = re.compile(r"(?:PJ)?SIP/([0-9]{2,8})-[0-9a-f]+|IAX2/([0-9]{2,8})-[0-9]+", re.IGNORECASE)
_ASKS_PASSWORD: Final = frozenset({"authenticate", "disa", "vmauthenticate"})
_INBOUND = ("from-trunk", "from-pstn", "from-did", "ext-did", "from-zaptel", "from-dahdi")
_DELIMITERS = ",;\t|"


class AsteriskCdr(RowFile):
    """One record for each row. Times are local to ``told.zone`` (UTC with ``usegmtime``).

    ``external_id``: ``uniqueid`` and ``sequence``; where there is no sequence a digest of
    the fields that tell the forks of a call apart, which share their ``uniqueid``.
    ``conversation``: ``linkedid``, else ``uniqueid``.
    """

    name: ClassVar[str] = "asterisk-cdr"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})

    def claims(self, sight: Sight) -> bool:
        """Whether a header or an early row has Asterisk's columns in one of their orders."""
        return _dialect(sight.head) is not None

    def dialect(self, head: bytes) -> Dialect:
        """Delimiter and header; Refusal file-malformed if no row is Asterisk's."""
        found = _dialect(head) or _dialect(head, SEARCHED_ROWS)
        if found is None:
            raise Refusal(Reason.FILE_MALFORMED)
        return found

    def columns(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """Asterisk's names of a header's columns; none for a file without header."""
        named = tuple(_name(cell) for cell in cells)
        return named if _is_header(named) else ()

    def row(self, cells: tuple[str, ...], columns: tuple[str, ...], told: Told) -> Record | Refused:
        """Make a record of a row."""
        if columns and len(cells) > len(columns) + 1:
            raise Refusal(Reason.ROW_MALFORMED)
        raw = self.raw(cells, columns)
        if not columns and not _layout(cells):
            raise Refusal(Reason.ROW_MALFORMED)
        return _record({name: str(cell).strip() for name, cell in raw.items()}, raw, told)

    def raw(self, cells: tuple[str, ...], columns: tuple[str, ...]) -> Mapping[str, Any]:
        """The cells by Asterisk's names, passwords of the dialplan taken out."""
        found = dict(super().raw(cells, columns or _layout(cells)))
        if str(found.get("lastapp", "")).strip().casefold() in _ASKS_PASSWORD:
            found["lastdata"] = REMOVED if found.get("lastdata") else ""
        clean: dict[str, Any]
        clean, _ = withhold(found)
        return clean


def _dialect(head: bytes, most: int = SIGHTED_ROWS) -> Dialect | None:
    for delimiter in _DELIMITERS:
        rows = sample(head, Dialect(delimiter), most)
        if rows and _is_header([_name(cell) for cell in rows[0]]):
            return Dialect(delimiter)
        if any(_layout(row) for row in rows):
            return Dialect(delimiter, header=False)
    return None


def _name(cell: str) -> str:
    plain = re.sub(r"[^a-z0-9_]", "", cell.strip().casefold())
    bare = plain.replace("_", "")
    return _NAMES.get(bare, plain if plain in _PBX_26 else bare)


def _is_header(names: Sequence[str]) -> bool:
    found = set(names)
    return (
        "disposition" in found
        and bool(found & {"start", "calldate"})
        and bool(found & {"src", "clid"})
        and bool(found & {"channel", "uniqueid", "dcontext", "lastapp"})
    )


def _layout(cells: Sequence[str]) -> tuple[str, ...]:
    """The columns of a row without header, by where its times and disposition are."""
    if _fits(cells, 14, 9):
        return (*_MASTER_16, *_tail(cells[16:])) if len(cells) <= len(_MASTER_16) + 5 else ()
    if _fits(cells, 13, 8):
        return _CUSTOM_19 if len(cells) <= len(_CUSTOM_19) else ()
    if _fits(cells, 11, 0):
        if "/" in cells[3] and "/" not in cells[5]:
            return _TABLE_LITE
        return _PBX_26 if len(cells) >= len(_PBX_26) else _PBX_26[:23]
    return ()


def _fits(cells: Sequence[str], disposition: int, start: int) -> bool:
    return (
        len(cells) > disposition
        and cells[disposition].strip().upper() in _DISPOSITIONS
        and _DATE.fullmatch(cells[start].strip()) is not None
    )


def _tail(cells: Sequence[str]) -> tuple[str, ...]:
    """What follows the sixteen: each of three groups is there if it was configured."""
    new = _NEW if len(cells) >= len(_NEW) else ()
    known = len(cells) - len(new)
    if known == 1:
        first = "uniqueid" if _UNIQUE_ID.fullmatch(cells[0].strip()) else "userfield"
        return (first, *new)
    return (*("uniqueid", "userfield")[:known], *new)


def _record(of: Mapping[str, str], raw: Mapping[str, Any], told: Told) -> Record:
    unique = of.get("uniqueid", "")
    near = _began(unique)
    started = stamp(of.get("start") or of.get("calldate", ""), told, near)
    ended = started + lasting(of.get("duration", ""))
    if of.get("end"):
        ended = stamp(of["end"], told, ended)
    started, ended = span(started, ended, told)
    sequence = of.get("sequence", "")
    if unique and sequence.isdecimal():
        external = identity(f"{unique}/{sequence}")
    else:
        external = digest(started.isoformat(), *(of.get(name, "") for name in _IDENTIFYING))
    return Record(
        kind="call",
        external_id=external,
        started_at=started,
        ended_at=ended,
        document={"raw": dict(raw)},
        direction=_direction(of),
        people=people(*_parties(of)),
        conversation=identity(of.get("linkedid") or unique),
        without=(Reason.CREDENTIALS,) if is_withheld(raw) else (),
    )


def _began(unique: str) -> datetime | None:
    """When the channel was made, which Asterisk puts into its id."""
    found = _UNIQUE_ID.fullmatch(unique)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _direction(of: Mapping[str, str]) -> Direction:
    """Inbound where FreePBX's columns or contexts say so; Asterisk itself does not tell."""
    context = of.get("dcontext", "").casefold()
    return "inbound" if of.get("did") or context.startswith(_INBOUND) else "none"


def _parties(of: Mapping[str, str]) -> list[tuple[Role, str]]:
    caller = of.get("src") or _number_in(of.get("clid", ""))
    called = of.get("dst", "") if any(map(str.isdigit, of.get("dst", ""))) else ""
    peer = _PEER.fullmatch(of.get("dstchannel", ""))
    return [
        ("caller", caller),
        ("caller", of.get("cnum", "")),
        ("caller", of.get("outbound_cnum", "")),
        ("called", called),
        ("called", of.get("did", "")),
        ("agent", (peer[1] or peer[2]) if peer else ""),
    ]


def _number_in(clid: str) -> str:
    """The number of ``"Name" <number>``."""
    found = re.search(r"<([^<>]*)>\s*$", clid)
    return found[1] if found else clid

"""3CX's call detail records: the lines its CDR service writes to a file or a socket.

The fields and their order are those of the administration guide ("CDR output", versions
12 to 20: 20 fields, later 27); an installation that leaves some out or orders them
otherwise can be read with a header that names them, or by a column mapping. Fields have
no quotes, may have their configured prefix ("Call 12", "Chain: …"). Times are UTC, as the
service writes them whatever the zone of the telephone system. A cell that begins with
``=`` is data and kept.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

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
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Direction, Record, Refused, Role

FIELDS: Final = (
    *("historyid", "callid", "duration", "time-start", "time-answered", "time-end"),
    *("reason-terminated", "from-no", "to-no", "from-dn", "to-dn", "dial-no", "reason-changed"),
    *("final-number", "final-dn", "bill-code", "bill-rate", "bill-cost", "bill-name", "chain"),
    *("from-type", "to-type", "final-type", "from-dispname", "to-dispname", "final-dispname"),
    "missed-queue-calls",
)
_FEWEST: Final = FIELDS.index("to-no") + 1
_BEFORE_FREE_TEXT: Final = FIELDS.index("chain")
_UTC: Final = ZoneInfo("UTC")
_TIME = re.compile(r"[0-9]{4}[/-][0-9]{2}[/-][0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?")
_DURATION = re.compile(r"(?:[0-9]+:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?)?")
_HISTORY = re.compile(r"(?:[A-Za-z]+:? )?[0-9A-Za-z_-]{1,40}")
_EXTENSION = re.compile(r"Ext\.\s*([0-9A-Za-z*#_-]+)", re.IGNORECASE)
_NO_PERSON: Final = frozenset(
    {"queue", "ringgroup", "ivr", "vmail", "voicemail", "fax", "conference", "parking", "script"}
)
_DELIMITERS = ",;\t|"


class ThreeCxCdr(RowFile):
    """One record for each line, which is a call or a part of it.

    ``external_id``: ``callid`` and ``historyid``, and where one is missing a digest with
    start and parties; ``conversation``: ``callid``, else ``historyid``.
    """

    name: ClassVar[str] = "3cx-cdr"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})

    def claims(self, sight: Sight) -> bool:
        """Whether a header or an early line is of 3CX's fields."""
        return _dialect(sight.head) is not None

    def dialect(self, head: bytes) -> Dialect:
        """Delimiter and header; Refusal file-malformed if no line is 3CX's."""
        found = _dialect(head) or _dialect(head, SEARCHED_ROWS)
        if found is None:
            raise Refusal(Reason.FILE_MALFORMED)
        return found

    def columns(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """3CX's names of a header's columns; none for a file without header."""
        named = tuple(map(_name, cells))
        return named if _is_header(named) else ()

    def row(self, cells: tuple[str, ...], columns: tuple[str, ...], told: Told) -> Record | Refused:
        """Make a record of a line."""
        if not columns and not _layout(cells):
            raise Refusal(Reason.ROW_MALFORMED)
        raw = self.raw(cells, columns)
        return _record({name: str(cell).strip() for name, cell in raw.items()}, raw, told)

    def raw(self, cells: tuple[str, ...], columns: tuple[str, ...]) -> Mapping[str, str]:
        """The cells by 3CX's names."""
        return super().raw(cells, columns or _layout(cells))


def _dialect(head: bytes, most: int = SIGHTED_ROWS) -> Dialect | None:
    for delimiter in _DELIMITERS:
        dialect = Dialect(delimiter, header=False, loose="plain")
        rows = sample(head, dialect, most)
        if rows and _is_header(list(map(_name, rows[0]))):
            return Dialect(delimiter, loose="plain")
        if any(_layout(row) for row in rows):
            return dialect
    return None


def _name(cell: str) -> str:
    return re.sub(r"[\s_-]+", "-", cell.strip().casefold())


def _is_header(names: Sequence[str]) -> bool:
    found = set(names)
    return (
        "time-start" in found
        and bool(found & {"historyid", "callid"})
        and bool(found & {"from-no", "to-no", "dial-no", "from-dn", "to-dn"})
    )


def _layout(cells: Sequence[str]) -> tuple[str, ...]:
    """The fields of a line in the default order.

    A name with the delimiter in it makes a line too long: what stands before the names
    is still sure.
    """
    if len(cells) < _FEWEST:
        return ()
    history, _, duration, start, answered, end = (cell.strip() for cell in cells[:6])
    fits = (
        _HISTORY.fullmatch(history)
        and _DURATION.fullmatch(duration)
        and _TIME.fullmatch(start)
        and (not answered or _TIME.fullmatch(answered))
        and (not end or _TIME.fullmatch(end))
    )
    if not fits:
        return ()
    return FIELDS if len(cells) <= len(FIELDS) + 1 else FIELDS[:_BEFORE_FREE_TEXT]


def _record(of: Mapping[str, str], raw: Mapping[str, str], told: Told) -> Record:
    call, history = of.get("callid", ""), of.get("historyid", "")
    if not call and not history:
        raise Refusal(Reason.RECORD_MALFORMED)
    told = replace(told, zone=_UTC)
    started = stamp(of.get("time-start", ""), told)
    ended = started + lasting(of.get("duration", ""))
    if of.get("time-end"):
        ended = stamp(of["time-end"], told)
    started, ended = span(started, ended, told)
    external = identity(f"{call}/{history}")
    if not call or not history:
        who = (of.get(name, "") for name in ("from-no", "to-no", "dial-no", "final-number"))
        external = digest(call, history, started.isoformat(), *who)
    return Record(
        kind="call",
        external_id=external,
        started_at=started,
        ended_at=ended,
        document={"raw": dict(raw)},
        direction=_direction(of),
        people=people(*_parties(of)),
        conversation=identity(call or history),
    )


def _direction(of: Mapping[str, str]) -> Direction:
    """By who began it and where it ended: a line is the world outside."""
    first = _is_outside(of, "from-no", "from-type")
    last = _is_outside(of, "final-number", "final-type")
    last = _is_outside(of, "to-no", "to-type") if last is None else last
    if first:
        return "inbound"
    if first is None or last is None:
        return "none"
    return "outbound" if last else "internal"


def _is_outside(of: Mapping[str, str], number: str, kind: str) -> bool | None:
    if of.get(kind, "").isalpha():
        return of[kind].casefold() in {"line", "externalline", "external", "bridge"}
    if of.get(number):
        return _EXTENSION.match(of[number]) is None
    return None


def _parties(of: Mapping[str, str]) -> Iterator[tuple[Role, str]]:
    yield _party("caller", of.get("from-no", ""), of.get("from-type", ""))
    yield _party("called", of.get("to-no", ""), of.get("to-type", ""))
    yield _party("called", of.get("final-number", ""), of.get("final-type", ""))
    yield _party("called", of.get("dial-no", ""), "")
    for name in ("chain", "missed-queue-calls"):
        for found in _EXTENSION.finditer(of.get(name, "")):
            if f"Ext.{found[1]}" != of.get("to-no") or not _is_service(of.get("to-type", "")):
                yield ("agent", found[1])


def _party(role: Role, number: str, kind: str) -> tuple[Role, str]:
    """Somebody outside by number; an extension is an agent's, unless it is a queue's."""
    found = _EXTENSION.fullmatch(number)
    if not found:
        return (role, number)
    return (role if _is_service(kind) else "agent", found[1])


def _is_service(kind: str) -> bool:
    return kind.casefold().replace(" ", "") in _NO_PERSON

"""Exports in a form of the controller's own, read by the mapping in its instruction.

CSV with a header, JSON, or JSON Lines. A row of a CSV is a record; where rows are the
messages of a chat, each is a record of its own, and the column mapped to ``conversation``
ties them together. In JSON a record may hold its messages. Nothing is claimed by
content: the drop has to name the mapping.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, ClassVar, Final, get_args

from callward.instructions.mapping import MappedKind
from callward.intake.readers.base import Sight, Slice, Told
from callward.intake.readers.jsonfile import JsonFile
from callward.intake.readers.mapped_fields import Fields, Message, instant, plain
from callward.intake.readers.paths import at, every
from callward.intake.readers.rows import Dialect, RowFile, text_of
from callward.intake.readers.secrets import (
    GUARDED,
    names_a_secret,
    tells_a_secret,
    without_secrets,
)
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused

_DELIMITERS: Final = (",", ";", "\t", "|")


class Mapped:
    """Every kind but audio, by a mapping."""

    name: ClassVar[str] = "mapped"
    kinds: ClassVar[frozenset[str]] = frozenset(get_args(MappedKind))

    def claims(self, sight: Sight) -> bool:
        """No file: which mapping it needs cannot be seen."""
        del sight
        return False

    def slices(self, file: BinaryIO, size: int) -> Iterator[Slice]:
        """Between rows, or between lines of JSON; Refusal empty, too-large, file-malformed."""
        file.seek(0)
        head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        cut: RowFile | JsonFile = JsonFile() if head[:1] in {b"{", b"["} else _Rows({})
        yield from cut.slices(file, size)

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Iterator[Record | Refused]:
        """The records of one slice. Refusal mapping-missing, or as the format's."""
        if told.mapping is None:
            raise Refusal(Reason.MAPPING_MISSING)
        form = told.mapping["format"]
        reader = _Rows(told.mapping) if form == "csv" else _Objects(told.mapping)
        yield from reader.read(file, part, told)


class _Rows(RowFile):
    """The rows of a CSV."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._mapping = mapping
        self._found: dict[str, str] = {}

    def dialect(self, head: bytes) -> Dialect:
        """The mapping's delimiter, or the one there is most of in the first line."""
        if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            raise Refusal(Reason.ENCODING)
        first = text_of(head.lstrip().partition(b"\n")[0])
        likely = max(_DELIMITERS, key=first.count)
        return Dialect(self._mapping.get("delimiter") or likely)

    def columns(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """The header's names, each made different; which are ours is found on the way."""
        names: list[str] = []
        for cell in cells:
            name = cell.strip()
            names.append(name if name not in names else f"{name}+{len(names) + 1}")
        plainly = {name.casefold(): name for name in reversed(names)}
        for field, column in self._mapping["columns"].items():
            if column and column.casefold() in plainly:
                self._found[field] = column if column in names else plainly[column.casefold()]
        if not self._found:
            raise Refusal(Reason.FILE_MALFORMED)
        return tuple(names)

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Iterator[Record | Refused]:
        """Read the rows of one slice, never the header as one."""
        dialect, first = self._first(file)
        start = max(part.start, first.end if dialect.header else first.start)
        columns = self.columns(first.cells or ())
        for one in super().read(file, Slice(start, part.end, part.records), told):
            yield self._kept(one, columns) if isinstance(one, Refused) else one

    def row(self, cells: tuple[str, ...], columns: tuple[str, ...], told: Told) -> Record:
        """One row's record. Raises Refusal."""
        if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
            raise Refusal(Reason.ROW_MALFORMED)
        raw = self.raw(cells, columns)
        found = self._found
        return Fields(
            self._mapping, told, raw, lambda field: raw.get(found.get(field, ""))
        ).record()

    def _kept(self, one: Refused, columns: tuple[str, ...]) -> Refused:
        """What may be kept of a refused row: no credential, nor what may have one in it."""
        kind, raw = self._mapping["kind"], one.raw
        if kind in GUARDED and any(names_a_secret(name) for name in columns):
            raw = {} if one.reason is Reason.ROW_MALFORMED else without_secrets(raw)[0]
        return Refused(one.reason, raw, kind)


class _Objects(JsonFile):
    """The records of a JSON file, or of its lines."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._mapping = mapping

    def unwrap(self, value: Any) -> Iterator[Any]:
        """The records the mapping leads to. Refusal file-malformed if to none."""
        path = self._mapping["records"]
        if not path:
            yield from value if isinstance(value, list) else [value]
            return
        found = list(every(value, path))
        if not found:
            raise Refusal(Reason.FILE_MALFORMED)
        for one in found:
            yield from one if isinstance(one, list) else [one]

    def records(self, raw: Mapping[str, Any], told: Told) -> Iterator[Record | Refused]:
        """One object's record. Raises Refusal."""
        columns = self._mapping["columns"]

        def find(field: str) -> Any:
            return at(raw, columns[field]) if columns[field] else None

        yield Fields(self._mapping, told, raw, find, tuple(self._messages(raw, told))).record()

    def refused(self, reason: Reason, raw: Mapping[str, Any]) -> Refused:
        """What is kept of an object, never a credential."""
        kind = self._mapping["kind"]
        if kind in GUARDED:
            raw = {} if tells_a_secret(plain(raw.get("line"))) else without_secrets(raw)[0]
        return Refused(reason, raw, kind)

    def _messages(self, raw: Mapping[str, Any], told: Told) -> Iterator[Message]:
        path, columns = self._mapping["messages"], self._mapping["columns"]
        if not path:
            return
        found = list(every(raw, path))
        if not path.endswith("*"):
            if not found or not all(isinstance(one, list) for one in found):
                raise Refusal(Reason.RECORD_MALFORMED)
            found = [one for listed in found for one in listed]
        for one in found:

            def take(field: str, one: Any = one) -> Any:
                return at(one, columns[field]) if columns[field] else None

            if said := plain(take("message_text")):
                when = instant(take("message_at"), self._mapping, told)
                yield Message(plain(take("message_from")), said, when)

"""vCon, the IETF's container for conversations (draft-ietf-vcon-vcon-core): 0.0.1 to 0.4.0.

A file is one vCon, a list of them, or one a line. Each is unsigned; signed (JWS), and
then its signatures have to hold; or encrypted (JWE), which is refused, as is one that
names extensions its reader must understand (``critical``, before 0.4.0 ``must_support``).
Only what is inline is taken. What is named by address is not fetched: the metadata is
taken and says so. vCons inside others (``group``, ``redacted``, ``amended``, ``appended``
with a ``body``) are read like those beside them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, BinaryIO, ClassVar, Final

from callward.intake.readers import jsons
from callward.intake.readers.base import (
    SLICE_BYTES,
    SLICE_RECORDS,
    WHOLE_BYTES,
    Sight,
    Slice,
    Told,
)
from callward.intake.readers.vcon_content import base64url, without_body
from callward.intake.readers.vcon_form import RECORDINGS, container
from callward.intake.readers.vcon_records import records
from callward.intake.readers.vcon_sight import is_lines, looks_like_vcon
from callward.intake.readers.vcon_signed import opened
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused

_BODY: Final = ("parties", "dialog", "analysis", "attachments")
_REFERENCES: Final = ("redacted", "amended", "appended")
_MOST_INSIDE: Final = 4
"""A vCon may be inside another so many times over."""

Made = Iterator[Record | Refused]


class VconReader:
    """Reads vCons."""

    name: ClassVar[str] = "vcon"
    kinds: ClassVar[frozenset[str]] = frozenset(
        {"call", "recording", "voicemail", "transcript", "email", "sms", "chat", "social"}
    )

    def claims(self, sight: Sight) -> bool:
        """Whether the first object has a vCon's members, or the name a vCon's ending."""
        return looks_like_vcon(sight)

    def slices(self, file: BinaryIO, size: int) -> Iterator[Slice]:
        """The whole file, or so many lines of it. Refusal empty or too-large."""
        if size == 0:
            raise Refusal(Reason.EMPTY)
        if is_lines(file):
            yield from _cut(file)
        elif size > WHOLE_BYTES:
            raise Refusal(Reason.TOO_LARGE)
        else:
            yield Slice(0, size, max(1, size // 4096))

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Made:
        """The records of the vCons in a slice."""
        by_lines = is_lines(file)
        file.seek(part.start)
        data = file.read(part.end - part.start)
        if not by_lines:
            value = jsons.parse(data)
            if not isinstance(value, dict | list):
                raise Refusal(Reason.FILE_MALFORMED)
            for one in value if isinstance(value, list) else [value]:
                yield from self._one(one, told)
            return
        for line in data.split(b"\n"):
            if line.strip():
                yield from self._line(line, told)

    def _line(self, line: bytes, told: Told) -> Made:
        try:
            value = jsons.parse(line)
        except Refusal as refusal:
            yield Refused(refusal.reason, {"line": line.decode("utf-8", "replace")})
            return
        yield from self._one(value, told)

    def _one(self, value: Any, told: Told, inside: int = 0) -> Made:
        """The records of one vCon in whatever form, and of those inside it."""
        if not isinstance(value, Mapping):
            yield Refused(Reason.RECORD_MALFORMED, {"value": value})
            return
        try:
            raw, signed = self._unsigned(value, told)
            rest, within = _taken_apart(raw)
            _require_outside(inside)
            made = records(container(rest, told), signed)
        except Refusal as refusal:
            yield Refused(refusal.reason, value, _kind_of(value))
            return
        yield from made
        for one in within:
            yield from self._within(one, told, inside + 1)

    def _within(self, reference: Mapping[str, Any], told: Told, inside: int) -> Made:
        """The records of a vCon that is the body of a reference."""
        body = reference.get("body")
        try:
            if isinstance(body, str):
                how = reference.get("encoding")
                body = jsons.parse(base64url(body) if how == "base64url" else body.encode())
        except Refusal as refusal:
            yield Refused(refusal.reason, reference)
            return
        yield from self._one(body, told, inside)

    def _unsigned(
        self, value: Mapping[str, Any], told: Told
    ) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        """A vCon's unsigned form, and who signed it; section 5.5 tells the forms apart."""
        if "ciphertext" in value:
            raise Refusal(Reason.ENCRYPTED)
        if "payload" not in value and "signatures" not in value:
            return value, []
        if any(name in value for name in _BODY):
            raise Refusal(Reason.RECORD_MALFORMED)
        raw, signers = opened(value, told)
        return raw, [asdict(one) for one in signers]


def _cut(file: BinaryIO) -> Iterator[Slice]:
    """Whole lines; Refusal too-large if one is longer than a file may be."""
    file.seek(0)
    start = end = count = 0
    while line := file.readline(WHOLE_BYTES + 1):
        if len(line) > WHOLE_BYTES:
            raise Refusal(Reason.TOO_LARGE)
        if count and (count == SLICE_RECORDS or end + len(line) - start > SLICE_BYTES):
            yield Slice(start, end, count)
            start, count = end, 0
        end, count = end + len(line), count + bool(line.strip())
    if end > start:
        yield Slice(start, end, count)


def _taken_apart(
    raw: Mapping[str, Any],
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """A vCon without the bodies of those it refers to, and the references that had them."""
    rest, within = dict(raw), list[Mapping[str, Any]]()
    for name in _REFERENCES:
        if isinstance(raw.get(name), Mapping):
            rest[name] = _without(raw[name], within)
    group = raw.get("group")
    if isinstance(group, list):
        rest["group"] = [
            _without(one, within) if isinstance(one, Mapping) else one for one in group
        ]
    return rest, within


def _without(reference: Mapping[str, Any], within: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    body = reference.get("body")
    if body in (None, ""):
        return reference
    within.append(reference)
    return without_body(reference, len(body) if isinstance(body, str) else 0)


def _require_outside(inside: int) -> None:
    if inside > _MOST_INSIDE:
        raise Refusal(Reason.TOO_DEEP)


def _kind_of(value: Mapping[str, Any]) -> str:
    """What a refused vCon would have been: a recording if it holds one, else a call's metadata."""
    dialogs = value.get("dialog")
    for one in dialogs if isinstance(dialogs, list) else ():
        kind = one.get("type") if isinstance(one, Mapping) else None
        if isinstance(kind, str) and kind in RECORDINGS and one.get("body"):
            return "recording"
    return "call" if dialogs else ""

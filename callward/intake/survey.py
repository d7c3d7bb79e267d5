"""The first look a worker takes at a file of records: what it is, and where to cut it."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from callward.intake.files import Seen, open_inside
from callward.intake.readers.base import HEAD_BYTES, Reader, Sight, Slice
from callward.intake.readers.registry import READERS, reader_for
from callward.intake.reasons import Reason, Refusal


@dataclass(frozen=True, slots=True)
class SurveyTask:
    """A file of a drop, and the reader its drop names, if it does."""

    drop: Path
    name: str
    source: str | None
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a file is. Without ``seen`` it could not be read; with ``reason`` it is refused."""

    reason: Reason | None
    seen: Seen | None = None
    sha256: str = ""
    source: str = ""
    slices: tuple[Slice, ...] = ()


def survey_file(task: SurveyTask) -> Surveyed:
    """Digest a file, find its reader, cut it into slices."""
    try:
        handle = open_inside(task.drop, task.name)
    except Refusal as refusal:
        return Surveyed(refusal.reason)
    with os.fdopen(handle, "rb") as file:
        seen = Seen.of(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        source, reason = "", None
        slices: tuple[Slice, ...] = ()
        try:
            reader = _reader(task, file, seen.size)
            source, slices = reader.name, tuple(reader.slices(file, seen.size))
        except Refusal as refusal:
            reason = refusal.reason
        if Seen.of(file.fileno()) != seen:
            return Surveyed(Reason.CHANGED_WHILE_READ)
        if reason is None and not slices:
            reason = Reason.EMPTY
        return Surveyed(reason, seen, sha256, source, slices)


def _reader(task: SurveyTask, file: BinaryIO, size: int) -> Reader:
    if size == 0:
        raise Refusal(Reason.EMPTY)
    if size > task.max_bytes:
        raise Refusal(Reason.TOO_LARGE)
    if task.source is not None:
        return READERS[task.source]
    file.seek(0)
    reader = reader_for(Sight(task.name, file.read(HEAD_BYTES), size))
    if reader is None:
        raise Refusal(Reason.NOT_RECOGNISED)
    return reader

"""What a worker does with one landing file: read it once, judge it, leave it sealed.

The ciphertext is written before the gates have spoken, because refused media
are kept sealed too; until the key is catalogued it cannot be opened by anyone.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from callward.intake.audio import probe
from callward.intake.files import Seen, open_inside
from callward.intake.reasons import Reason, Refusal
from callward.intake.textpieces import masked_pieces
from callward.vault.sealing import CHUNK_BYTES, Sealed, Sealer, context, new_key, seal_chunks
from callward.vault.stores import open_store

WHOLE_BYTES = 16 * 1024 * 1024
"""Files up to here (17 minutes of telephone PCM) are sealed in one buffer, longer ones streamed."""


@dataclass(frozen=True, slots=True)
class SealTask:
    """One file to seal; ``judge`` is False where the bytes only have to be kept."""

    drop: Path
    name: str
    controller: str
    object_id: str
    kind: str
    store_url: str
    store_key: str
    max_bytes: int
    judge: bool = True


@dataclass(frozen=True, slots=True)
class SealedFile:
    """``sealed`` is None where there was nothing that may be read; then ``reason`` says why.

    ``seen`` is the file that ``sealed`` holds; None if it changed while it was read.
    ``masked``: card numbers that it holds no more, where it was text and no media.
    """

    sealed: Sealed | None
    sha256: str | None
    facts: dict[str, Any] | None
    reason: Reason | None
    seen: Seen | None = None
    masked: int = 0


def seal_file(task: SealTask) -> SealedFile:
    """Seal one file of a drop into the store and say what it is."""
    try:
        handle = open_inside(task.drop, task.name)
    except Refusal as refusal:
        return SealedFile(None, None, None, refusal.reason)
    with os.fdopen(handle, "rb", buffering=0) as file:
        before = Seen.of(file.fileno())
        sealed, sha256 = _seal(task, file)
        facts, reason = _judge(task, file, sealed.size)
        whole, masked = sealed.size == before.size, 0
        if facts is None:
            sealed, masked = _without_cards(task, file, sealed)
        if Seen.of(file.fileno()) != before or not whole:
            return SealedFile(sealed, sha256, facts, Reason.CHANGED_WHILE_READ, None, masked)
    return SealedFile(sealed, sha256, facts, reason, before, masked)


def _seal(task: SealTask, file: Any) -> tuple[Sealed, str]:
    if os.fstat(file.fileno()).st_size <= WHOLE_BYTES:
        key = new_key()
        bound_to = context(task.controller, task.object_id, task.kind)
        whole = _sealer().seal(key, bound_to, file.fileno())
        if whole is not None:
            open_store(task.store_url).put_whole(task.store_key, whole.buffer, whole.length)
            sealed = Sealed(key, whole.size, whole.sealed_sha256, task.store_key, None)
            return sealed, whole.plain_sha256
        file.seek(0)  # it grew: the caller will see that it changed, but it is kept
    return _seal_stream(task, file)


def _seal_stream(task: SealTask, file: Any) -> tuple[Sealed, str]:
    key, plain, cipher, size = new_key(), hashlib.sha256(), hashlib.sha256(), 0

    def plaintext() -> Iterator[bytes]:
        nonlocal size
        while chunk := file.read(CHUNK_BYTES):
            plain.update(chunk)
            size += len(chunk)
            yield chunk

    def ciphertext() -> Iterator[bytes]:
        bound_to = context(task.controller, task.object_id, task.kind)
        for chunk in seal_chunks(key, bound_to, plaintext()):
            cipher.update(chunk)
            yield chunk

    open_store(task.store_url).put(task.store_key, ciphertext())
    return Sealed(key, size, cipher.hexdigest(), task.store_key, None), plain.hexdigest()


def _judge(task: SealTask, file: Any, size: int) -> tuple[dict[str, Any] | None, Reason | None]:
    if not task.judge:
        return None, None
    if size == 0:
        return None, Reason.EMPTY
    if size > task.max_bytes:
        return None, Reason.TOO_LARGE
    file.seek(0)
    try:
        facts = probe(file)
    except Refusal as refusal:
        return None, refusal.reason
    return asdict(facts), Reason.TRUNCATED if facts.truncated else None


def _without_cards(task: SealTask, file: Any, sealed: Sealed) -> tuple[Sealed, int]:
    """What is no media: sealed anew, over the first, if it is text with card numbers in it."""
    end = os.fstat(file.fileno()).st_size
    count = sum(found for _, _, found in masked_pieces(file, 0, end))
    if not count:
        return sealed, 0
    key, bound_to = new_key(), context(task.controller, task.object_id, task.kind)
    cipher, size = hashlib.sha256(), 0

    def plaintext() -> Iterator[bytes]:
        nonlocal size
        for _, text, _ in masked_pieces(file, 0, end):
            size += len(text)
            yield text

    def ciphertext() -> Iterator[bytes]:
        for chunk in seal_chunks(key, bound_to, plaintext()):
            cipher.update(chunk)
            yield chunk

    open_store(task.store_url).put(task.store_key, ciphertext())
    return Sealed(key, size, cipher.hexdigest(), task.store_key, None), count


def digest_file(drop: Path, name: str) -> tuple[str, Seen] | None:
    """SHA-256 of one file of a drop, hex, and which file that is; None if it cannot be read."""
    try:
        handle = open_inside(drop, name)
        with os.fdopen(handle, "rb") as file:
            before = Seen.of(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return (digest, before) if Seen.of(file.fileno()) == before else None
    except (Refusal, OSError):
        return None


@cache
def _sealer() -> Sealer:
    return Sealer(WHOLE_BYTES)

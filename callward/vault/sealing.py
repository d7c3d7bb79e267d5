"""Sealing and opening bytes under an object key.

Cobblestone-256 (C2SP chunked-encryption: AES-256-GCM in chunks, key-committing)
streams, so a recording of any length takes constant memory. What ``open_chunks``
yields is authentic but may be cut short until the iterator ends without an error:
publish only after that.
"""

import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from callward.errors import IntegrityError

CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)  # without slots: it goes from worker to parent twice as fast
class Sealed:
    """A ciphertext and how to open it; ``payload`` is None where it lies in the store.

    ``size`` is the plaintext's; ``ciphertext_digest`` is SHA-256 in hex.
    """

    key: bytes = field(repr=False)
    size: int
    ciphertext_digest: str
    store_key: str | None
    payload: bytes | None = field(repr=False)


def new_key() -> bytes:
    """A fresh object or page key: 32 random bytes."""
    return Cobblestone256Encryptor.generate_key()


def context(controller: str, object_id: str, kind: str) -> bytes:
    """What a seal is bound to, so that a swapped blob or wrap does not open."""
    return f"callward/seal/1\0{controller}\0{object_id}\0{kind}".encode()


def seal_chunks(key: bytes, bound_to: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the ciphertext of ``chunks``."""
    encryptor = Cobblestone256Encryptor(key, bound_to)
    for chunk in chunks:
        yield encryptor.update(chunk)
    yield encryptor.finalize()


class Sealer:
    """Seals what fits ``limit`` bytes in a buffer it keeps.

    A worker seals thousands of files; memory asked for anew for each would cost
    more than the encryption. Stretches are small, to stay in the processor's cache
    between being read, hashed, encrypted and hashed again.
    """

    STRETCH = 256 * 1024

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # Ciphertext is longer by 56 bytes and a tag for every 16 KiB (C2SP chunked-encryption).
        # Of the system's pages, not the heap's: then it can be written past the page cache.
        self._sealed = memoryview(mmap.mmap(-1, limit + limit // 512 + 2 * mmap.PAGESIZE))
        self._stretch = memoryview(bytearray(self.STRETCH))

    def seal(self, key: bytes, bound_to: bytes, file: int) -> "SealedWhole | None":
        """Seal an open file, or return None if it turns out longer than ``limit``."""
        encryptor = Cobblestone256Encryptor(key, bound_to)
        plain, cipher = hashlib.sha256(), hashlib.sha256()
        size = length = 0
        while read := os.readv(file, [self._stretch]):
            if size + read > self.limit:
                return None
            stretch = self._stretch[:read]
            plain.update(stretch)
            written = encryptor.update_into(stretch, self._sealed[length:])
            cipher.update(self._sealed[length : length + written])
            size, length = size + read, length + written
        last = encryptor.finalize()
        self._sealed[length : length + len(last)] = last
        cipher.update(last)
        length += len(last)
        return SealedWhole(self._sealed, length, size, plain.hexdigest(), cipher.hexdigest())


@dataclass(frozen=True, slots=True)
class SealedWhole:
    """A ciphertext, the first ``length`` bytes of ``buffer`` until its sealer's next call.

    ``size`` is the plaintext's; both SHA-256 in hex.
    """

    buffer: memoryview
    length: int
    size: int
    plain_sha256: str
    sealed_sha256: str


def open_chunks(key: bytes, bound_to: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the plaintext; IntegrityError if it was altered, cut short or sealed elsewhere."""
    decryptor = Cobblestone256Decryptor(key, bound_to)
    try:
        for chunk in chunks:
            yield decryptor.update(chunk)
        yield decryptor.finalize()
    except InvalidTag:
        raise IntegrityError("a sealed object does not verify") from None


def seal_bytes(key: bytes, bound_to: bytes, plaintext: bytes) -> bytes:
    """Seal a small payload in one go."""
    return b"".join(seal_chunks(key, bound_to, (plaintext,)))


def open_bytes(key: bytes, bound_to: bytes, ciphertext: bytes) -> bytes:
    """Open a small payload; IntegrityError as for ``open_chunks``."""
    return b"".join(open_chunks(key, bound_to, (ciphertext,)))

"""Sealing and opening bytes under an object key.

Cobblestone-256 (C2SP chunked-encryption: AES-256-GCM in chunks, key-committing)
streams, so a recording of any length takes constant memory. What ``open_chunks``
yields is authentic but may be cut short until the iterator ends without an error:
publish only after that.
"""

from collections.abc import Iterable, Iterator

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from callward.errors import IntegrityError

CHUNK_BYTES = 4 * 1024 * 1024


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

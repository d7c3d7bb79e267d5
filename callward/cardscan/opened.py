"""A sealed recording as a file to decode from: small ones in memory, large ones as they are read.

No plaintext meets a disk, and a seal is opened from its start only; so going back in a
large recording means opening it again. Its beginning is kept, as decoders come back to it.
"""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

IN_MEMORY: Final = 64 << 20
"""Bytes up to which a recording is opened whole."""
_HEAD: Final = 4 << 20
_BUFFER: Final = 1 << 20

Chunks = Callable[[], Iterator[bytes]]
"""Opens a seal from its start, anew at every call."""


def opened(chunks: Chunks, size: int) -> BinaryIO:
    """A seekable file of ``size`` bytes; reading it raises what ``chunks`` does."""
    if size <= IN_MEMORY:
        return io.BytesIO(b"".join(chunks()))
    return io.BufferedReader(_Unsealed(chunks, size), _BUFFER)


class _Unsealed(io.RawIOBase):
    """Reads forwards; what lies before is opened again, unless it is in the head."""

    def __init__(self, chunks: Chunks, size: int) -> None:
        super().__init__()
        self._chunks, self._size, self._position = chunks, size, 0
        self._head = bytearray()
        self._stream, self._piece, self._at = chunks(), b"", 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, at a price."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Note where to read next."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Where the next byte is read from."""
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer as far as one piece goes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        part = self._piece_here()[: len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _piece_here(self) -> memoryview:
        """What there is at the position, up to the end of a piece."""
        if self._position < len(self._head):
            return memoryview(bytes(self._head[self._position : self._position + _BUFFER]))
        if self._position < self._at:
            self._begin()
        while self._position >= self._at + len(self._piece):
            self._at += len(self._piece)
            piece = next(self._stream, None)
            if piece is None:
                self._piece = b""
                return memoryview(b"")
            self._piece = piece
            if self._at == len(self._head) < _HEAD:
                self._head += piece
        return memoryview(self._piece)[self._position - self._at :]

    def _begin(self) -> None:
        self._stream, self._piece, self._at = self._chunks(), b"", 0

"""What both kinds of object store share: their errors, and telling a source's from their own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from errno import errorcode

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import ObjectStore

from callward.errors import DefectError, OperatorError

_READ = 1024 * 1024


class StoreError(OperatorError):
    """The object store cannot do what it is asked to: full, unreachable, not there."""

    code = "store"


class StoreRefusesError(StoreError):
    """The object store forbids it: a lock or legal hold of its own, or a right that is missing."""

    code = "store-refuses"


class Source:
    """An iterator that remembers what it raised, to be told from the store's own errors."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Itself."""
        return self

    def __next__(self) -> bytes:
        """The next chunk."""
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            raise


@contextmanager
def own_errors(
    what: str, source: Source | None = None, *, absent_is_told: bool = False
) -> Iterator[None]:
    """Turn what obstore and the system raise, which quotes paths and answers, into our errors.

    What ``source`` raised is passed on; so is FileNotFoundError with ``absent_is_told``.
    """
    try:
        yield
    except (OSError, BaseError) as error:
        if source is not None and source.error is not None:
            raise source.error from None
        if absent_is_told and isinstance(error, FileNotFoundError):
            raise
        raise _own(what, error) from None


def read(store: ObjectStore, path: str) -> Iterator[bytes]:
    """Yield a ciphertext in pieces of 1 MiB or so; DefectError if it is not there."""
    try:
        with own_errors("read", absent_is_told=True):
            answer = obstore.get(store, path)
            for chunk in answer.stream(min_chunk_size=_READ):
                yield bytes(chunk)
    except FileNotFoundError:
        raise DefectError(f"the object store holds no ciphertext at {path}") from None


def _own(what: str, error: Exception) -> StoreError:
    refused = isinstance(error, PermissionError | PermissionDeniedError | UnauthenticatedError)
    number = error.errno if isinstance(error, OSError) else None
    why = errorcode.get(number, "OSError") if number is not None else type(error).__name__
    if refused:
        return StoreRefusesError(f"the object store refuses to {what} ({why})")
    return StoreError(f"the object store cannot {what} ({why})")

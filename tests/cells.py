"""A key cell in memory, which can be told to refuse or to take its time."""

from collections.abc import Sequence
from datetime import datetime

from callward.errors import DefectError, KeyMissingError
from callward.vault.cells import DESTROYED, CellError, Destruction, unwrap, wrap


class MemoryCell:
    """Holds roots in a dict.

    ``refuses``: names of methods that raise CellError. With ``pending`` a destroyed
    root cannot be used, but counts as gone only from then on.
    """

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.roots: dict[int, bytes] = {}
        self.refuses: set[str] = set()
        self.pending: datetime | None = None

    def hold(self, generation: int, root: bytes) -> None:
        """Keep a root."""
        self._check("hold")
        if self.roots.setdefault(generation, root) != root:
            raise DefectError(f"key cell {self.name} already holds generation {generation}")

    def wrap(self, generation: int, keys: Sequence[bytes]) -> list[bytes]:
        """Wrap keys."""
        self._check("wrap")
        return [wrap(self._root(generation), key) for key in keys]

    def unwrap(self, generation: int, wraps: Sequence[bytes]) -> list[bytes]:
        """Unwrap keys."""
        self._check("unwrap")
        return [unwrap(self._root(generation), each) for each in wraps]

    def destroy(self, generation: int) -> Destruction:
        """Forget a root."""
        self._check("destroy")
        self.roots.pop(generation, None)
        return Destruction("pending", self.pending) if self.pending else DESTROYED

    def generations(self) -> frozenset[int]:
        """Those that can be used."""
        self._check("generations")
        return frozenset(self.roots)

    def _check(self, method: str) -> None:
        if method in self.refuses:
            raise CellError(f"key cell {self.name} refuses to {method}")

    def _root(self, generation: int) -> bytes:
        if generation not in self.roots:
            raise KeyMissingError(f"key cell {self.name} holds no root of generation {generation}")
        return self.roots[generation]

"""SHA-256 Merkle trees as in RFC 6962 and RFC 9162, section 2.1.

Hashes are 32 bytes. Trees are given as the leaf hashes from left to right.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from callward.errors import DefectError, IntegrityError

HASH_BYTES = 32
TILE_HEIGHT = 8  # nodes are kept at every eighth height, as c2sp.org/tlog-tiles has it
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf holding ``data``."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Node(NamedTuple):
    """The root of a whole subtree of ``2**height`` leaves, the ``position``-th of its height."""

    height: int
    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that is needed to go on from a tree of ``size`` leaves.

    ``hashes`` are the roots of its perfect subtrees, left (largest) to right,
    one for each bit set in ``size``.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Raise IntegrityError unless the hashes fit the size."""
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise IntegrityError(f"a frontier of {self.size} leaves has the wrong shape")
        if any(len(each) != HASH_BYTES for each in self.hashes):
            raise IntegrityError("a frontier holds a hash of the wrong length")

    def append(self, leaf: bytes) -> "Frontier":
        """The frontier with one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> "Frontier":
        """The frontier with more leaf hashes, in order."""
        hashes, size, waiting, place = list(self.hashes), self.size, list(leaves), 0
        while place < len(waiting):
            # The largest whole subtree that can begin here and is there.
            height = (len(waiting) - place).bit_length() - 1
            if size:
                height = min(height, (size & -size).bit_length() - 1)
            width = 1 << height
            _push(hashes, size >> height, root(waiting[place : place + width]))
            size, place = size + width, place + width
        return Frontier(size, tuple(hashes))

    def grow(self, leaves: Iterable[bytes]) -> tuple["Frontier", list[Node]]:
        """The frontier with more leaf hashes, and the nodes at heights 8, 16, … they complete."""
        hashes, size = list(self.hashes), self.size
        nodes: list[Node] = []
        for leaf in leaves:
            size += 1
            if not size % TILE_WIDTH:
                nodes += _completed(hashes, size, leaf)
            _push(hashes, size - 1, leaf)
        return Frontier(size, tuple(hashes)), nodes

    @property
    def root(self) -> bytes:
        """The tree's root; ``EMPTY_ROOT`` if it has no leaves."""
        if not self.hashes:
            return EMPTY_ROOT
        top = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            top = node_hash(left, top)
        return top


def _push(hashes: list[bytes], size: int, leaf: bytes) -> None:
    top = leaf
    while size & 1:
        top = node_hash(hashes.pop(), top)
        size >>= 1
    hashes.append(top)


def _completed(hashes: Sequence[bytes], size: int, leaf: bytes) -> Iterator[Node]:
    """The nodes that ``leaf``, the last of ``size``, completes, lowest first."""
    top, whole = leaf, (size & -size).bit_length() - 1
    for height, left in zip(range(1, whole + 1), reversed(hashes), strict=False):
        top = node_hash(left, top)
        if not height % TILE_HEIGHT:
            yield Node(height, (size >> height) - 1, top)


def root(leaves: Iterable[bytes]) -> bytes:
    """Root of the tree over ``leaves``."""
    level = list(leaves)
    while len(level) > 1:
        above = [
            node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        # One that is left over moves up as it is: that is RFC 9162's unbalanced tree.
        level = above + level[-1:] if len(level) & 1 else above
    return level[0] if level else EMPTY_ROOT


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (≥ 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_spans(index: int, size: int) -> list[tuple[int, int]]:
    """Where an inclusion proof comes from: its hashes are the roots over these leaves.

    Each span is (first, end) with the end left out; RFC 9162 §2.1.3.1. Raises
    DefectError if a tree of ``size`` leaves has no leaf ``index``.
    """
    if not 0 <= index < size:
        raise DefectError(f"a tree of {size} leaves has no leaf {index}")
    spans, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Inclusion proof of leaf ``index``, RFC 9162 §2.1.3.1; DefectError if there is none."""
    return [root(leaves[first:end]) for first, end in inclusion_spans(index, len(leaves))]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes
) -> None:
    """Check an inclusion proof, RFC 9162 §2.1.3.2; IntegrityError if it does not hold."""
    if not 0 <= index < size:
        raise IntegrityError(f"inclusion proof: a tree of {size} leaves has no leaf {index}")
    _check_lengths([leaf, *path, expected])
    here, last, top = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise IntegrityError("inclusion proof is too long")
        if here & 1 or here == last:
            top = node_hash(sibling, top)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            top = node_hash(top, sibling)
        here, last = here >> 1, last >> 1
    if last != 0 or top != expected:
        raise IntegrityError(f"inclusion proof of leaf {index} does not lead to the root")


def consistency_spans(first: int, second: int) -> list[tuple[int, int]]:
    """Where a consistency proof comes from, as with ``inclusion_spans``; RFC 9162 §2.1.4.1.

    None for ``first`` of nought (everything extends nothing) or all. Raises
    DefectError if ``first`` lies outside the tree of ``second`` leaves.
    """
    if not 0 <= first <= second:
        raise DefectError(f"a tree of {second} leaves has no prefix of {first}")
    if first in (0, second):
        return []
    spans, start, end, known = [], 0, second, True
    while first < end:
        middle = start + _split(end - start)
        if first <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, known = middle, False
    return ([] if known else [(start, end)]) + spans[::-1]


def consistency_path(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Proof that the tree over ``leaves[:first]`` is a prefix; see ``consistency_spans``."""
    return [root(leaves[start:end]) for start, end in consistency_spans(first, len(leaves))]


def verify_consistency(
    first: int, second: int, path: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Check a consistency proof, RFC 9162 §2.1.4.2; IntegrityError if it does not hold."""
    _check_lengths([*path, first_root, second_root])
    if not 0 <= first <= second:
        raise IntegrityError(f"consistency proof: {second} leaves do not extend {first}")
    if first in (0, second):
        known = EMPTY_ROOT if first == 0 else second_root
        if path or first_root != known or (second == 0 and second_root != EMPTY_ROOT):
            raise IntegrityError(f"consistency proof from {first} to {second} does not hold")
        return
    if _walk(first, second, path, first_root) != (first_root, second_root):
        raise IntegrityError(f"consistency proof from {first} to {second} does not hold")


def _walk(
    first: int, second: int, path: Sequence[bytes], first_root: bytes
) -> tuple[bytes, bytes] | None:
    """Roots of both trees as the proof has them; None if its length is wrong."""
    steps = list(path) if first & (first - 1) else [first_root, *path]
    if not steps:
        return None
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return None
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    return (old, new) if last == 0 else None


def _check_lengths(hashes: Iterable[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise IntegrityError("a proof holds a hash of the wrong length")

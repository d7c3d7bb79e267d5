"""SHA-256 Merkle trees as in RFC 6962 and RFC 9162, section 2.1.

Hashes are 32 bytes. Trees are given as the leaf hashes from left to right.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callward.errors import DefectError, IntegrityError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf holding ``data``."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


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
        hashes, size = list(self.hashes), self.size
        for leaf in leaves:
            _push(hashes, size, leaf)
            size += 1
        return Frontier(size, tuple(hashes))

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


def root(leaves: Iterable[bytes]) -> bytes:
    """Root of the tree over ``leaves``."""
    return Frontier().extend(leaves).root


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (≥ 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Inclusion proof of leaf ``index``, RFC 9162 §2.1.3.1; DefectError if there is none."""
    size = len(leaves)
    if not 0 <= index < size:
        raise DefectError(f"a tree of {size} leaves has no leaf {index}")
    if size == 1:
        return []
    half = _split(size)
    if index < half:
        return [*inclusion_path(leaves[:half], index), root(leaves[half:])]
    return [*inclusion_path(leaves[half:], index - half), root(leaves[:half])]


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


def consistency_path(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Proof that the tree over ``leaves[:first]`` is a prefix, RFC 9162 §2.1.4.1.

    Empty for ``first`` of nought (everything extends nothing) or all. Raises
    DefectError if ``first`` lies outside the tree.
    """
    if not 0 <= first <= len(leaves):
        raise DefectError(f"a tree of {len(leaves)} leaves has no prefix of {first}")
    return _subproof(leaves, first, known=True) if first else []


def _subproof(leaves: Sequence[bytes], first: int, *, known: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if known else [root(leaves)]
    half = _split(len(leaves))
    if first <= half:
        return [*_subproof(leaves[:half], first, known=known), root(leaves[half:])]
    return [*_subproof(leaves[half:], first - half, known=False), root(leaves[:half])]


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

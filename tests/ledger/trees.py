"""Logs in memory, to be witnessed: leaf hashes, signed heads, proofs, forks."""

from dataclasses import dataclass, field

from callward.ledger import merkle
from callward.ledger.signing import Signer
from callward.ledger.witness import Request


@dataclass
class Tree:
    """A log of so many leaves; another ``twist`` is another history from there on."""

    signer: Signer
    leaves: list[bytes] = field(default_factory=list)

    def grow(self, count: int, twist: str = "") -> "Tree":
        """The tree with so many more leaves."""
        first = len(self.leaves)
        more = [merkle.leaf_hash(f"{n}{twist}".encode()) for n in range(first, first + count)]
        return Tree(self.signer, [*self.leaves, *more])

    def note(self, size: int | None = None) -> str:
        """The signed head of ``size`` leaves."""
        leaves = self.leaves[:size]
        return self.signer.sign_checkpoint(len(leaves), merkle.root(leaves))

    def request(self, old: int) -> bytes:
        """What the log sends to a witness that has seen ``old`` leaves."""
        return Request(old, tuple(merkle.consistency_path(self.leaves, old)), self.note()).encoded()

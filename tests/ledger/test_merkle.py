"""Merkle trees: the published vectors, the definition, and rejected forgeries."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.errors import DefectError, IntegrityError
from callward.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

# The reference vectors of Certificate Transparency, as kept in
# transparency-dev/merkle (testonly/constants.go, proof/verify_test.go).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
LEAVES = [leaf_hash(bytes.fromhex(each)) for each in [*INPUTS, "606162636465666768696a6b6c6d6e6f"]]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = [  # index from 0, size, path
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]
WRONG = leaf_hash(b"wrong")


def _leaves(size: int) -> list[bytes]:
    """``size`` leaf hashes, all different."""
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


def _defined(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash as RFC 9162 §2.1.1 defines it."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(_defined(leaves[:half]), _defined(leaves[half:]))


def _forged(path: list[bytes], other: bytes) -> list[list[bytes]]:
    """``path`` shortened, lengthened, with a bit flipped or a short hash in every place."""
    forged = [path[:-1], path[1:]] if path else []
    forged += [[*path, other], [other, *path], [*path, b""], [b"", *path]]
    for index, each in enumerate(path):
        flipped = bytes([each[0] ^ 8]) + each[1:]
        forged += [
            [*path[:index], changed, *path[index + 1 :]] for changed in (flipped, each[:-1], other)
        ]
    return forged


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference_tree(size: int) -> None:
    """Batch and incremental roots are the published ones."""
    assert root(LEAVES[:size]).hex() == ROOTS[size]
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier = frontier.append(leaf)
    assert (frontier.size, frontier.root.hex()) == (size, ROOTS[size])


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_inclusion_vectors(index: int, size: int, path: list[str]) -> None:
    """Published inclusion proofs are made, and accepted."""
    proof = [bytes.fromhex(each) for each in path]
    assert inclusion_path(LEAVES[:size], index) == proof
    verify_inclusion(LEAVES[index], index, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
def test_consistency_vectors(first: int, second: int, path: list[str]) -> None:
    """Published consistency proofs are made, and accepted."""
    proof = [bytes.fromhex(each) for each in path]
    assert consistency_path(LEAVES[:second], first) == proof
    old, new = bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second])
    verify_consistency(first, second, proof, old, new)


@given(st.integers(0, 70))
def test_root_is_the_defined_one(size: int) -> None:
    """The root is what the recursive definition says, for trees of any shape."""
    assert root(_leaves(size)) == _defined(_leaves(size))


@given(st.integers(0, 70), st.integers(0, 70))
def test_frontier_goes_on_from_anywhere(first: int, more: int) -> None:
    """A frontier carried over ends at the root of the whole."""
    leaves = _leaves(first + more)
    after = Frontier().extend(leaves[:first]).extend(leaves[first:])
    assert (after.size, after.root) == (first + more, _defined(leaves))


@given(st.data())
def test_inclusion_holds_and_forgeries_do_not(data: st.DataObject) -> None:
    """Any leaf is proved; any change of proof, place, leaf or root is rejected."""
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    leaves = _leaves(size)
    path, top = inclusion_path(leaves, index), root(leaves)
    verify_inclusion(leaves[index], index, size, path, top)
    claims: list[tuple[Any, ...]] = [
        (leaves[index], index, size, forged, top) for forged in _forged(path, top)
    ]
    claims += [(leaves[index], other, size, path, top) for other in range(-1, size + 2)]
    claims.remove((leaves[index], index, size, path, top))
    claims += [(WRONG, index, size, path, top), (leaves[index], index, size, path, WRONG)]
    claims += [(leaves[index], index, index, path, top), (b"", index, size, path, top)]
    for claim in claims:
        with pytest.raises(IntegrityError):
            verify_inclusion(*claim)


@given(st.data())
def test_consistency_holds_and_forgeries_do_not(data: st.DataObject) -> None:
    """Any prefix is proved; any change of proof or root is rejected."""
    second = data.draw(st.integers(2, 70))
    first = data.draw(st.integers(1, second - 1))
    leaves = _leaves(second)
    path, old, new = consistency_path(leaves, first), root(leaves[:first]), root(leaves)
    verify_consistency(first, second, path, old, new)
    claims: list[tuple[Any, ...]] = [
        (first, second, forged, old, new) for forged in _forged(path, new)
    ]
    claims += [(first, second, path, WRONG, new), (first, second, path, old, WRONG)]
    claims += [(first, second, path, new, old), (first, second, [], old, new)]
    claims += [(second, first, path, new, old), (first, first, path, old, old)]
    claims += [(0, second, path, EMPTY_ROOT, new), (-1, second, path, old, new)]
    for claim in claims:
        with pytest.raises(IntegrityError):
            verify_consistency(*claim)


@pytest.mark.parametrize(
    ("first", "second", "old", "new", "holds"),
    [
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, True),
        (0, 5, EMPTY_ROOT, WRONG, True),
        (5, 5, WRONG, WRONG, True),
        (0, 0, WRONG, WRONG, False),
        (0, 0, EMPTY_ROOT, WRONG, False),
        (0, 5, WRONG, WRONG, False),
        (5, 5, WRONG, EMPTY_ROOT, False),
    ],
)
def test_consistency_without_a_path(
    first: int, second: int, old: bytes, new: bytes, *, holds: bool
) -> None:
    """Nothing is a prefix of everything, and everything of itself; the roots must say so."""
    if holds:
        verify_consistency(first, second, [], old, new)
        return
    with pytest.raises(IntegrityError):
        verify_consistency(first, second, [], old, new)


def test_no_proof_outside_the_tree() -> None:
    """There is no proof of a leaf or a prefix that a tree does not have."""
    for index in (-1, 8):
        with pytest.raises(DefectError):
            inclusion_path(LEAVES, index)
    for first in (-1, 9):
        with pytest.raises(DefectError):
            consistency_path(LEAVES, first)


def test_frontier_of_the_wrong_shape() -> None:
    """A frontier whose hashes do not fit its size is refused."""
    for size, hashes in [(1, ()), (2, (WRONG, WRONG)), (-1, (WRONG,)), (1, (b"short",))]:
        with pytest.raises(IntegrityError):
            Frontier(size, hashes)

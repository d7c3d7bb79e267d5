"""Sealing: what went in comes out, and nothing else ever does."""

import hashlib
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.errors import IntegrityError
from callward.vault.sealing import (
    context,
    new_key,
    open_bytes,
    open_chunks,
    seal_bytes,
    seal_chunks,
)

_CHUNK = 16 * 1024
"""The scheme's chunk, of which an implementation must not forget the edges."""

_SIZES = (0, 1, 15, 16, 17, _CHUNK - 1, _CHUNK, _CHUNK + 1, 2 * _CHUNK, 2 * _CHUNK + 1)
_KEY = bytes(range(32))
_BOUND = context("acorn", "0" * 32, "recording")


def _content(size: int) -> bytes:
    return hashlib.shake_128(str(size).encode()).digest(size)


def _pieces(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    for start, end in pairwise(edges):
        yield content[start:end]


_cuts = st.lists(st.integers(0, 1 << 20), max_size=8)


@given(size=st.one_of(st.sampled_from(_SIZES), st.integers(0, 50_000)), cuts=_cuts, others=_cuts)
@settings(max_examples=80)
def test_round_trip_in_any_pieces(size: int, cuts: list[int], others: list[int]) -> None:
    """Any size, cut anywhere on the way in and elsewhere on the way out, comes back."""
    content = _content(size)
    sealed = b"".join(seal_chunks(_KEY, _BOUND, _pieces(content, cuts)))
    assert b"".join(open_chunks(_KEY, _BOUND, _pieces(sealed, others))) == content


def test_sealing_twice_differs() -> None:
    """The same content under the same key makes another ciphertext: equality is not told."""
    assert seal_bytes(_KEY, _BOUND, b"yes") != seal_bytes(_KEY, _BOUND, b"yes")


def test_ciphertext_tells_nothing_but_the_size() -> None:
    """No part of the content is in the ciphertext, which is 56 bytes and a tag longer."""
    content = b"the quick brown fox" * 10
    sealed = seal_bytes(_KEY, _BOUND, content)
    assert len(sealed) == len(content) + 56 + 16
    assert not any(content[n : n + 8] in sealed for n in range(0, len(content) - 8, 8))


@pytest.mark.parametrize("size", [0, 40])
def test_every_flipped_bit_is_noticed(size: int) -> None:
    """One bit anywhere, in salt, commitment, text or tag: nothing opens."""
    sealed = seal_bytes(_KEY, _BOUND, _content(size))
    for position in range(len(sealed)):
        for bit in (0x01, 0x80):
            altered = bytearray(sealed)
            altered[position] ^= bit
            with pytest.raises(IntegrityError):
                open_bytes(_KEY, _BOUND, bytes(altered))


@pytest.mark.parametrize("size", [_CHUNK, 2 * _CHUNK + 100])
def test_every_region_of_a_long_one_is_guarded(size: int) -> None:
    """A flipped byte in any 97 of a ciphertext of several chunks is noticed."""
    sealed = seal_bytes(_KEY, _BOUND, _content(size))
    for position in [*range(0, len(sealed), 97), len(sealed) - 1]:
        altered = bytearray(sealed)
        altered[position] ^= 0xFF
        with pytest.raises(IntegrityError):
            open_bytes(_KEY, _BOUND, bytes(altered))


@pytest.mark.parametrize("size", [0, 40])
def test_every_truncation_is_noticed(size: int) -> None:
    """Cut anywhere, even to nothing, it does not open."""
    sealed = seal_bytes(_KEY, _BOUND, _content(size))
    for length in range(len(sealed)):
        with pytest.raises(IntegrityError):
            open_bytes(_KEY, _BOUND, sealed[:length])


def test_truncation_at_chunk_edges_is_noticed() -> None:
    """A long one cut exactly between chunks, or there and a byte to either side."""
    sealed = seal_bytes(_KEY, _BOUND, _content(3 * _CHUNK + 5))
    for chunk in range(4):
        for step in (-1, 0, 1):
            with pytest.raises(IntegrityError):
                open_bytes(_KEY, _BOUND, sealed[: 56 + chunk * (_CHUNK + 16) + step])


@given(st.binary(min_size=1, max_size=40))
@settings(max_examples=30)
def test_extension_is_noticed(extra: bytes) -> None:
    """Bytes behind the end are not ignored."""
    with pytest.raises(IntegrityError):
        open_bytes(_KEY, _BOUND, seal_bytes(_KEY, _BOUND, b"whole") + extra)


def test_swapped_chunks_are_noticed() -> None:
    """The order of chunks is authentic, too."""
    wire = _CHUNK + 16
    sealed = seal_bytes(_KEY, _BOUND, _content(2 * _CHUNK + 9))
    head, first, second = sealed[:56], sealed[56 : 56 + wire], sealed[56 + wire : 56 + 2 * wire]
    with pytest.raises(IntegrityError):
        open_bytes(_KEY, _BOUND, head + second + first + sealed[56 + 2 * wire :])


def test_truncation_shows_only_at_the_end() -> None:
    """Whole chunks come out before a cut is seen: hence publish only after the iterator's end."""
    content = _content(2 * _CHUNK)
    sealed = seal_bytes(_KEY, _BOUND, content)
    opened = open_chunks(_KEY, _BOUND, [sealed[: 56 + _CHUNK + 16]])
    assert next(opened) == content[:_CHUNK]
    with pytest.raises(IntegrityError):
        list(opened)


_cut_pairs = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(sorted)


@given(text=st.text(st.sampled_from("ab"), max_size=6), here=_cut_pairs, there=_cut_pairs)
def test_another_place_does_not_open(text: str, here: list[int], there: list[int]) -> None:
    """Controller, object and kind are part of the seal, and none can run into the next."""
    ours, theirs = ((text[:i], text[i:j], text[j:]) for i, j in (here, there))
    sealed = seal_bytes(_KEY, context(*ours), b"content")
    if ours == theirs:
        assert open_bytes(_KEY, context(*theirs), sealed) == b"content"
        return
    with pytest.raises(IntegrityError):
        open_bytes(_KEY, context(*theirs), sealed)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_each_part_of_the_place_counts(part: int) -> None:
    """Another controller, another object, another kind: each alone keeps a seal shut."""
    place = ["acorn", "0" * 32, "recording"]
    sealed = seal_bytes(_KEY, context(*place), b"content")
    place[part] = "birch"
    with pytest.raises(IntegrityError):
        open_bytes(_KEY, context(*place), sealed)


def test_another_key_does_not_open() -> None:
    """Keys are fresh, 256 bits, and open only what they sealed."""
    one, other = new_key(), new_key()
    assert len(one) == len(other) == 32
    assert one != other
    with pytest.raises(IntegrityError):
        open_bytes(other, _BOUND, seal_bytes(one, _BOUND, b"content"))


# Project Wycheproof, testvectors_v1/c2sp_chunked_encryption_aes_256_gcm_test.json at
# b61843a (github.com/C2SP/wycheproof, Apache-2.0), the vectors that c2sp.org/chunked-encryption
# names; as there, ciphertexts are zlib streams in hex. Columns: tcId, context, ciphertext,
# length of the message, SHA-512 of it (its first 16 bytes here).
_WYCHEPROOF_KEY = bytes.fromhex("59454c4c4f57205355424d4152494e452059454c4c4f57205355424d4152494e")
_WYCHEPROOF = [
    (
        1,
        b"",
        (
            "78da004800b7ff43a2e39431cbae0389d3fc86adf46f7c3a24de88d9311617e53f3164cc1d5dc738a66b97f0"
            "bf786565c31799c2f463d50a7e10046011dc6fc3c939e3a5db7affb6191551669554fb010000ffff4bc124df"
        ),
        0,
        "cf83e1357eefb8bdf1542850d66d8007",
    ),
    (
        2,
        b"",
        (
            "78da004f00b0ffa1a1b56f6db58cd1ede0c5c9db62aef20d3f96a6c594bb9252bb38122de91236502b42a1d7"
            "fcab820ffa292940d2f86add212cfa42c38df19d3cc9139ee61a5990d3db57433514229beea49a8a72bd0100"
            "00ffffdb4f2a44"
        ),
        7,
        "e85f32a85f1d4f7c9b2d36d20eca8435",
    ),
    (
        5,
        b"",
        (
            "78daecd0312b44010000e02b1365b8bac97048e965b9a46e910ce76222bda26e1289d47b3218947a65796230"
            "88494f4a3683d1248b4c262965b0199e6230bc4cf733def27d3fe18bde96c28fabfdc1eae2dce5571caedc0d"
            "5f17b717b5707bf3a67efad033feda6a06e76bd3239fcfc55e75f67868e2fbbff3988e9e5500000000000000"
            "000000000000000080d2650b7df5df7827cf0fb3e065ec64de0800000000000000000000000000000094afb6"
            "be75d4dfbe9f6c4dcd34929f666f6560e3a971f0b7bafbbe9cb6834e1275030000ffff850d2e54"
        ),
        32769,
        "365a0363626fc42718c9fb3507b9e06a",
    ),
    (
        9,
        b"test context",
        (
            "78da004f00b0ffdbedaefc1c35dc6c0f22b743b03e488747166a51f33479e7ceb8b7e11cc0d2710f624a1275"
            "01bc4aea7d0af6f83cfe359b9e69415aa537f36adf86eb35b070475baa039bb7791432adbca49578bbd30100"
            "00ffff2fed280a"
        ),
        7,
        "e85f32a85f1d4f7c9b2d36d20eca8435",
    ),
    (
        10,
        b"test\0context",
        (
            "78da004f00b0ff12ede102c3ef730da4f3d4dbfaf11003683238315befe73b21ebb2246ac19f3a7d50abd2a5"
            "a365f7652bda670814dbc883ce618256d2d513bd238c2c0dded7614d52bef77bc04273656df97a2943230100"
            "00ffff7d862843"
        ),
        7,
        "e85f32a85f1d4f7c9b2d36d20eca8435",
    ),
]
_WYCHEPROOF_FLIPPED = (  # tcId 11: single chunk with flipped ciphertext bit
    "78da004900b6ff0093274a932cb4340ca678d500719d80ccc21f69c49586a8cae519f1ae94a13a9703861017"
    "7fe840ac755f6604849272444b0de559508a2a00538b8dd8cc3a83e14df1343fa14630a2010000ffffc0482101"
)


def _inflated(text: str) -> bytes:
    return zlib.decompress(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("bound_to", "sealed", "size", "digest"),
    [pytest.param(*rest, id=f"tcId {number}") for number, *rest in _WYCHEPROOF],
)
def test_published_vectors_open(bound_to: bytes, sealed: str, size: int, digest: str) -> None:
    """What another implementation sealed opens here: our ciphertexts outlive our software."""
    opened = open_bytes(_WYCHEPROOF_KEY, bound_to, _inflated(sealed))
    assert len(opened) == size
    assert hashlib.sha512(opened).hexdigest().startswith(digest)


def test_published_forgery_is_refused() -> None:
    """A vector that must not open does not."""
    with pytest.raises(IntegrityError):
        open_bytes(_WYCHEPROOF_KEY, b"", _inflated(_WYCHEPROOF_FLIPPED))

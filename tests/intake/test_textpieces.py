"""Refused files are looked at in pieces; what stands in them does not depend on the cuts."""

import io

import pytest

from callward.intake.textpieces import masked_pieces

CARD = "4111 1111 1111 1111"
LINES = "".join(f"line {number}: nothing to see\n" for number in range(50))


def masked(data: bytes, size: int) -> tuple[bytes, int]:
    """All pieces put together, and how often something was masked."""
    pieces = list(masked_pieces(io.BytesIO(data), 0, len(data), size))
    assert b"".join(before for before, _, _ in pieces) == data
    return b"".join(after for _, after, _ in pieces), sum(count for *_, count in pieces)


@pytest.mark.parametrize("size", [50, 64, 101, 1000, 100_000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_whatever_the_encoding_and_the_cuts(encoding: str, size: int) -> None:
    """The number goes, the rest stays, wherever pieces end."""
    text = f"{LINES}card {CARD} said\n{LINES}"
    if encoding == "utf-16-be":
        text = "\ufeff" + text
    found, count = masked(text.encode(encoding), size)
    assert count == 1
    plain = found.decode(encoding)
    assert CARD not in plain
    assert plain.startswith(text[:200])
    assert plain.endswith(LINES)


def test_what_is_no_text_stays() -> None:
    """Byte for byte, and text behind it is looked at all the same."""
    noise = bytes(range(256)) * 40 + b"\n"
    data = noise + f"card {CARD}\n".encode() * 20
    found, count = masked(data, len(noise))
    assert found.startswith(noise)
    assert count == 20


def test_a_part_of_a_file() -> None:
    """Only the bytes asked for."""
    data = f"a {CARD}\nb {CARD}\n".encode()
    middle = data.index(b"b")
    ((before, after, count),) = masked_pieces(io.BytesIO(data), middle, len(data))
    assert (before, count) == (data[middle:], 1)
    assert CARD.encode() not in after

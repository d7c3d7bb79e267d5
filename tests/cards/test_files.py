"""Card data in raw files: NULs, encodings without a mark, escapes and transfer encodings."""

import base64
import json
import quopri
import time

import pytest

from callward.cards.text import mask, mask_bytes

P = "4111111111111111"
GROUPS = "4111{0}1111{0}1111{0}1111"


def _left(data: bytes) -> bytes:
    found = mask_bytes(data)
    assert found is not None
    assert found[1] == 1
    again = mask_bytes(found[0])
    assert again == (found[0], 0)
    return found[0]


def test_a_nul_hides_nothing() -> None:
    """Text with NULs anywhere, also inside the number, keeps its length."""
    for text in (f"name,card\na,{P}\n\0", "a,4111\x001111\x001111\x001111\n", f"{P}" + "\0" * 400):
        masked = _left(text.encode())
        assert len(masked) == len(text)
        assert masked.count(b"*") == 6


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark(encoding: str) -> None:
    """Where the NULs stand tells the encoding."""
    text = f"name,card\r\nJosé,{P}\r\n"
    masked = text.replace(P, "411111••••••1111")
    assert _left(text.encode(encoding)) == masked.encode(encoding)


@pytest.mark.parametrize("sign", ["\u00a0", "\u202f", "\u2011", "\n", "\u200b"])
def test_escapes_of_json(sign: str) -> None:
    """What a JSON writer escapes stands between the groups as itself."""
    text = json.dumps({"card": GROUPS.format(sign)})
    masked = json.loads(mask(text)[0])["card"]
    assert masked == f"4111{sign}11••{sign}••••{sign}1111"
    digits = "".join(f"\\u{ord(digit):04x}" for digit in P)
    assert json.loads(mask(f'"{digits}"')[0]) == "411111••••••1111"


@pytest.mark.parametrize(
    "text",
    [
        GROUPS.format("=20"), GROUPS.format("=C2=A0"), GROUPS.format("=a0"),
        GROUPS.format("=E2=80=AF"), "4111 11=\n11 1111 1111", "411111=\r\n1111111111",
        "Subject: =?utf-8?q?4111=201111=201111=201111?=",
        quopri.encodestring(f"{'é' * 24} {GROUPS.format(' ')}".encode()).decode(),
    ],
)  # fmt: skip
def test_quoted_printable(text: str) -> None:
    """Blanks and soft line ends are seen through."""
    decoded = quopri.decodestring(_left(f"card: {text}\n".encode()))
    assert b"1111111111" not in decoded.replace(b" ", b"")


def test_tracks_are_not_taken_for_quoted_printable() -> None:
    """What follows a number on a magnetic stripe goes, the number keeps its ends."""
    masked = mask_bytes(b";4111111111111111=20121010000012345678?")
    assert masked is not None
    assert masked[0].decode() == ";411111••••••1111=••••••••••••••••••••?"


def test_base64_blocks() -> None:
    """A block that says a card number goes, also inside another; others stay."""
    talk = "thank you for calling us about your delivery today, " * 6
    harmless = base64.encodebytes(talk.encode())
    bad = base64.encodebytes(f"{talk} my card is {P} and {talk}".encode())
    head, tail = b"Content-Transfer-Encoding: base64\n\n", b"\n--x--\n"
    masked = _left(head + harmless + tail + head + bad + tail)
    assert masked.startswith(head + harmless + tail + head)
    assert masked.endswith(tail)
    assert set(masked[len(head + harmless + tail + head) : -len(tail)]) == set(b"*\n")
    twice = base64.encodebytes(head + bad + tail)
    assert set(_left(twice)) == set(b"*\n")


@pytest.mark.parametrize(
    "unit", [b"A", b"AAAA\n", b"=\n", b"=20", b"\\u0034", b"\\u00a0", b"4\x00", b"1=20", b"QUFB\n="]
)
def test_hostile_bytes_take_time_in_proportion(unit: bytes) -> None:
    """A lot of each."""
    start = time.process_time()
    mask_bytes(unit * (120_000 // len(unit)))
    assert time.process_time() - start < 4


@pytest.mark.parametrize("text", ["a" * 60 + "1" * 12, ("a" * 5 + "1" * 11) * 4 + "-"])
def test_tokens_take_little_time(text: str) -> None:
    """A token that is nearly harmless."""
    start = time.process_time()
    for _ in range(100):
        mask(text)
    assert time.process_time() - start < 1

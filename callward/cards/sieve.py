"""Where in a text a closer look is worth its time.

A card number takes a dozen digits or half a dozen number words near each other; an
expiry date or a security code alone takes a label. Nearly all text has neither, and is
passed over by operations on the whole of it: ``bytes.translate`` and sets for a message,
and for long text five translations whose bitwise *and* marks the places where a digit, a
number word or a label begins (four letters deep; a few false marks only cost time).
"""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callward.cards.dress import digits_plain
from callward.cards.schemes import SHORTEST
from callward.cards.words import SPOKEN

MESSAGE_BYTES: Final = 1200
"""Up to here the way for short text is the quicker one."""
GAP: Final = 64
"""Places between two digits or number words of one region, at most."""
_WIDE: Final = 3
_BEFORE: Final = 8
_AFTER: Final = 16
_WORD_WEIGHT: Final = 2
_LABELLED_DIGITS: Final = 3
_LABEL_STEMS = (b"cv", b"exp", b"secur", b"valid", b"thru", b"verif", b"card co", b"csc", b"digits")
_NEAR_LABEL: Final = 128

_NOT_DIGITS = bytes(byte for byte in range(256) if not 48 <= byte <= 57)  # noqa: PLR2004 - 0 to 9
_WORDS_ONLY = bytes(
    byte + 32 if 65 <= byte <= 90 else byte if 97 <= byte <= 122 or byte == 39 else 32  # noqa: PLR2004 - letters
    for byte in range(256)
)
_SPOKEN = frozenset(word.encode() for word in SPOKEN)

# Four places of each word; "_" is anything but a letter, "?" anything. One bit a bucket.
_BUCKETS = (
    "one_ two_ ten_",
    "thre thir thou treb trip",
    "four fort five fift doub",
    "six_ sixt seve zero oh_?",
    "eigh elev nine nint noug naug hund",
    "twel twen nil_",
    "exp_ expi cvv_ cvc_ cv2_ csc_ secu veri vali thru code good digi",
)
_DIGIT = 128
_WORD_THERE = re.compile(rb"(?i)(?:%b)(?![a-z])" % b"|".join(sorted(_SPOKEN, reverse=True)))
_LABEL_THERE = re.compile(
    rb"(?i)cv[vcn2]|csc|exp(?![a-z])|expir|expd|secur|verif|valid|thru|code|good th|digit|back of"
)


def regions(text: str, gap: int = GAP) -> list[tuple[int, int]]:
    """The spans of ``text`` that may hold card data, in order, apart from each other."""
    if len(text) < len("cvv 123"):
        return []
    data = digits_plain(text).encode("ascii", "replace")
    if len(data) <= MESSAGE_BYTES:
        return [(0, len(text))] if _message(data) else []
    return _long(data, gap)


def _message(data: bytes) -> bool:
    digits = len(data.translate(None, _NOT_DIGITS))
    words = data.translate(_WORDS_ONLY)
    split = words.split()
    spoken = 0 if _SPOKEN.isdisjoint(split) else sum(map(_SPOKEN.__contains__, split))
    weight = digits + _WORD_WEIGHT * spoken
    if weight >= SHORTEST:
        return True
    return weight >= _LABELLED_DIGITS and any(stem in words for stem in _LABEL_STEMS)


def _tables() -> tuple[bytes, ...]:
    """For the place before a word and each of its four: which buckets a byte may belong to."""
    letters = bytes(range(97, 123))
    tables = [bytearray([_DIGIT]) * 256 for _ in range(5)]
    for byte in range(256):
        if byte | 32 not in letters:
            tables[0][byte] = 255
    for bit, words in enumerate(_BUCKETS):
        for word in words.split():
            for place, letter in enumerate(word, start=1):
                for byte in range(256):
                    small = byte | 32 if 65 <= byte <= 90 else byte  # noqa: PLR2004 - A to Z
                    fits = (
                        letter == "?"
                        or (letter == "_" and small not in letters)
                        or small == ord(letter)
                    )
                    tables[place][byte] |= fits << bit
    for byte in range(256):
        digit = 48 <= byte <= 57  # noqa: PLR2004 - 0 to 9
        tables[1][byte] = tables[1][byte] & ~_DIGIT | (_DIGIT if digit else 0)
    return tuple(bytes(table) for table in tables)


_PLACES = _tables()


def _marks(data: bytes) -> NDArray[np.uint8]:
    padded = b" " + data + b"    "
    found = np.frombuffer(padded.translate(_PLACES[0]), np.uint8)[: len(data)].copy()
    for place, table in enumerate(_PLACES[1:], start=1):
        there = np.frombuffer(padded.translate(table), np.uint8)
        found &= there[place : place + len(data)]
    return found


def _long(data: bytes, gap: int) -> list[tuple[int, int]]:
    marks = _marks(data)
    places = np.flatnonzero(marks != 0)
    if not len(places):
        return []
    weights, labels = _weighed(data, places, (marks[places] & _DIGIT) != 0)
    dense = _windows(places, weights, SHORTEST, _WIDE * gap)
    near = _windows(places, weights, _LABELLED_DIGITS, gap)
    return _joined([*dense, *_beside(labels, near)], len(data))


def _weighed(
    data: bytes, places: NDArray[np.int64], digits: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What each place weighs, words being read exactly now; and the places of labels."""
    weights = digits.astype(np.int64)
    words = np.flatnonzero(~digits)
    starts = places[words].tolist()
    spoken, label = _WORD_THERE.match, _LABEL_THERE.match
    weights[words] = [_WORD_WEIGHT if spoken(data, place) else 0 for place in starts]
    return weights, np.array([place for place in starts if label(data, place)], np.int64)


def _windows(
    places: NDArray[np.int64], weights: NDArray[np.int64], enough: int, width: int
) -> list[tuple[int, int]]:
    """Stretches in which every place begins a window of ``enough`` weight, not wider."""
    total = np.cumsum(weights)
    end = np.searchsorted(total, total - weights + enough)
    starts = np.flatnonzero(end < len(places))
    ends = end[starts]
    narrow = places[ends] - places[starts] <= width
    starts, ends = places[starts[narrow]], places[ends[narrow]]
    if not len(starts):
        return []
    first = np.flatnonzero(np.concatenate(([True], starts[1:] > ends[:-1])))
    last = np.concatenate((first[1:], [len(starts)])) - 1
    return list(zip(starts[first].tolist(), ends[last].tolist(), strict=True))


def _beside(labels: NDArray[np.int64], stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of the stretches that a label stands near."""
    if not len(labels) or not stretches:
        return []
    found = []
    for start, end in stretches:
        low, high = np.searchsorted(labels, (start - _NEAR_LABEL, end + _NEAR_LABEL))
        if low < high:
            found.append((start, end))
    return found


def _joined(stretches: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Stretches with room around them for labels and signs, those that meet made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        low, high = max(start - _BEFORE, 0), min(end + _AFTER, length)
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found

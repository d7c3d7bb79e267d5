"""The check digit of payment cards (ISO/IEC 7812-1, annex B; US patent 2,950,048)."""

_ZERO = 48
_DOUBLED = bytes(
    sum(divmod(2 * (byte - _ZERO), 10)) + _ZERO if _ZERO <= byte < _ZERO + 10 else byte
    for byte in range(256)
)


def valid(digits: str) -> bool:
    """Whether ASCII ``digits`` end in the right check digit; all noughts do not count."""
    number = digits.encode("ascii")
    total = sum(number[-1::-2]) + sum(number[-2::-2].translate(_DOUBLED))
    return (total - _ZERO * len(number)) % 10 == 0 and number.count(b"0") < len(number)

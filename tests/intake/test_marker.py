"""``drop.json``: which reader and which mapping a drop names."""

import pytest

from callward.intake.marker import Marker, read_marker
from callward.intake.reasons import Refusal


@pytest.mark.parametrize(
    ("data", "marker"),
    [
        (b"", Marker()),
        (b"{}", Marker()),
        (b'{"source": "twilio"}', Marker("twilio")),
        (b'{"mapping": "acorn-sms"}', Marker("mapped", "acorn-sms")),
        (b'{"source": "mapped", "mapping": "acorn-sms"}', Marker("mapped", "acorn-sms")),
    ],
)
def test_what_a_drop_says(data: bytes, marker: Marker) -> None:
    """Neither is needed; a mapping needs no reader beside it."""
    assert read_marker(data) == marker


@pytest.mark.parametrize(
    "data",
    [
        *(None, b"{", b"[]", b'"twilio"', b'{"source": "nobody"}', b'{"source": ""}'),
        *(b'{"mapping": 1}', b'{"other": 1}', b'{"source": "' + b"x" * 70_000 + b'"}'),
    ],
)
def test_what_is_refused(data: bytes | None) -> None:
    """Anything else than those two words, or a reader that we do not have."""
    with pytest.raises(Refusal, match="drop-unreadable"):
        read_marker(data)

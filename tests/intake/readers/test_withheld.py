"""Credentials among a telephone system's fields are not kept."""

import json
import time

import pytest

from callward.intake.readers.withheld import REMOVED, withhold


@pytest.mark.parametrize(
    "name",
    [
        *("sip_auth_password", "vm-password", "variable_vm_pin", "PIN", "a1-hash", "api_key"),
        *("sip_h_Authorization", "srtp_remote_audio_crypto_key", "Proxy-Authorization", "secret"),
    ],
)
def test_a_member_named_like_one(name: str) -> None:
    """Loses its value and keeps its name; empty ones were none."""
    assert withhold({"x": [{name: "4321"}]}) == ({"x": [{name: REMOVED}]}, True)
    assert withhold({name: ""}) == ({name: ""}, False)


@pytest.mark.parametrize("name", ["opinion", "spinning", "duration", "tokens_left", "pinned"])
def test_a_member_named_otherwise(name: str) -> None:
    """Is left alone."""
    assert withhold({name: "4321"}) == ({name: "4321"}, False)


@pytest.mark.parametrize(
    "text",
    [
        "a=crypto:1 AES_CM_128 inline:QUJDREVGR0hJSktM|2^20\r\na=ptime:20\r\n",
        "a%3Dcrypto%3A1%20AES%20inline%3AQUJDREVGR0hJSktM%0D%0Aa%3Dptime%3A20",
        "a=ice-pwd:QUJDREVGR0hJSktM\r\na=ptime:20",
        "a%3Dice-pwd%3AQUJDREVGR0hJSktM%0D%0Aa%3Dptime%3A20",
        "set password=QUJDREVGR0hJSktM;ptime 20",
        '{"sip_auth_password": "QUJDREVGR0hJSktM", "ptime": 20',
    ],
)
def test_keys_within_a_text(text: str) -> None:
    """SDP's, as it is and URL-encoded, and assignments; what is around them stays."""
    clean, found = withhold([text])
    assert found
    assert "QUJDREVGR0hJSktM" not in json.dumps(clean)
    assert "ptime" in clean[0]
    assert withhold(clean) == (clean, False)


@pytest.mark.parametrize("piece", ["a=key:", "password", "a-", "inline:", "%0D", "secret=", '"'])
def test_no_text_takes_long(piece: str) -> None:
    """However often a part of a pattern is repeated."""
    begun = time.monotonic()
    withhold(piece * 200_000 + "!")
    assert time.monotonic() - begun < 3

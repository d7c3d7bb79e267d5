"""Content inside a vCon: ``body`` and ``encoding``, its hash, and what stands where it stood.

draft-ietf-vcon-vcon-core, "Inline Files": ``base64url`` is RFC 4648 section 5; ``json`` a
JSON value (up to 0.3.0 a string that holds one); ``none`` a string. A hash is
``content_hash`` ("sha512-" and base64url, one or several; from 0.0.2) or ``alg`` with
``signature`` (0.0.1). Hexadecimal ones, as vcon-lib writes them, are taken too.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from callward.intake.readers import jsons
from callward.intake.reasons import Reason, Refusal

_TEXTUAL = re.compile(
    r"\s*(text/|message/|multipart/|application/(?:[a-z.+-]*\+)?(?:json|xml))", re.IGNORECASE
)
_JSON = re.compile(r"\s*application/(?:[\w.-]*\+)?json", re.IGNORECASE)
_BINARY = re.compile(r"\s*(audio|video|image)/", re.IGNORECASE)
_HASH = re.compile(r"(sha-?(?:256|384|512))[-:](.+)", re.IGNORECASE | re.DOTALL)
_LENGTHS: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
_BARE: Final = {64: "sha256", 96: "sha384", 128: "sha512"}
_HEX = re.compile(r"[0-9a-fA-F]+")
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*={0,2}")
MOST_HASHES: Final = 16


@dataclass(frozen=True, slots=True, repr=False)
class Inline:
    """Inline content: its bytes, and its text where it is text."""

    data: bytes
    text: str | None


def inline(of: Mapping[str, Any]) -> Inline | None:
    """The inline content of a dialog, attachment or analysis; None if it has none.

    Refusal media-unreadable, digest-mismatch or digest-malformed.
    """
    body = of.get("body")
    if body is None or body == "":
        return None
    found = _decode(body, encoding(of), media_type(of))
    _check(of, found.data, body)
    return found


def encoding(of: Mapping[str, Any]) -> str:
    """The ``encoding``; where there is none, told by the media type as the draft allows."""
    told = of.get("encoding")
    if told is not None:
        return told if isinstance(told, str) else "?"
    media = media_type(of)
    if not isinstance(of.get("body"), str) or _JSON.match(media):
        return "json"
    return "base64url" if _BINARY.match(media) else "none"


def media_type(of: Mapping[str, Any]) -> str:
    """The media type: ``mediatype``, up to 0.0.1 ``mimetype``."""
    for name in ("mediatype", "mimetype"):
        value = of.get(name)
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())
    return ""


def by_url(of: Mapping[str, Any]) -> bool:
    """Whether the content is elsewhere, named by address."""
    return bool(of.get("url")) and of.get("body") in (None, "")


def without_body(of: Mapping[str, Any], size: int) -> dict[str, Any]:
    """The same object; in the place of its body its size in bytes and its media type."""
    stand_in = {"bytes": size, "mediatype": media_type(of)}
    return {name: stand_in if name == "body" else value for name, value in of.items()}


def base64url(text: str) -> bytes:
    """Bytes of base64url, with or without padding; Refusal media-unreadable."""
    if not _ALPHABET.fullmatch(text):
        raise Refusal(Reason.MEDIA_UNREADABLE)
    plain = text.rstrip("=").translate(_STANDARD)
    try:
        return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
    except ValueError:
        raise Refusal(Reason.MEDIA_UNREADABLE) from None


_STANDARD: Final = str.maketrans("-_", "+/")


def _decode(body: Any, how: str, media: str) -> Inline:
    if how == "base64url" and isinstance(body, str):
        data = base64url(body)
        return Inline(data, _text(data) if _TEXTUAL.match(media) else None)
    if how not in {"json", "none"}:
        raise Refusal(Reason.MEDIA_UNREADABLE)
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return Inline(text.encode(), text)


def _text(data: bytes) -> str | None:
    try:
        return jsons.decode(data)
    except Refusal:
        return None


def _check(of: Mapping[str, Any], data: bytes, body: Any) -> None:
    """Compare with every hash that is given and that we can make.

    vcon-lib hashes the body as it is written, everybody else the content: either will do.
    A JSON value that is no string has no bytes of its own to compare with.
    """
    if not isinstance(body, str):
        return
    for algorithm, wanted in _hashes(of):
        digests = {hashlib.new(algorithm, one).digest() for one in (data, body.encode())}
        if wanted not in digests:
            raise Refusal(Reason.DIGEST_MISMATCH)


def _hashes(of: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Algorithm and digest of each hash given; Refusal digest-malformed. Unknown ones are left."""
    given = of.get("content_hash")
    several = given if isinstance(given, list) else [given]
    if len(several) > MOST_HASHES:
        raise Refusal(Reason.TOO_LARGE)
    if of.get("alg") and of.get("signature"):
        several = [*several, f"{of['alg']}:{of['signature']}"]
    for one in several:
        if one is None or one == "":
            continue
        if not isinstance(one, str):
            raise Refusal(Reason.DIGEST_MALFORMED)
        if match := _HASH.fullmatch(one):
            algorithm = match[1].lower().replace("-", "")
            yield algorithm, _digest(match[2].strip(), _LENGTHS[algorithm])
        elif _HEX.fullmatch(one) and len(one) in _BARE:
            yield _BARE[len(one)], bytes.fromhex(one)


def _digest(text: str, length: int) -> bytes:
    if len(text) == 2 * length and _HEX.fullmatch(text):
        return bytes.fromhex(text)
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        found = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except ValueError:
        found = b""
    if len(found) != length or not text.isascii():
        raise Refusal(Reason.DIGEST_MALFORMED)
    return found

"""Blind indexes: how people and contents are found without being named."""

import hashlib
import hmac


class Blinder:
    """Keyed digests under one controller's key; the same text never meets across controllers."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def digest(self, purpose: str, *parts: str) -> str:
        """HMAC-SHA-256 (RFC 2104), hex, bound to ``purpose``; parts cannot run together."""
        message = b"\0".join(
            len(part).to_bytes(8, "big") + part
            for part in (text.encode(errors="surrogateescape") for text in (purpose, *parts))
        )
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def object_id(self, *parts: str) -> str:
        """A stable opaque id, 32 hex characters, for what ``parts`` name."""
        return self.digest("object", *parts)[:32]

    def content(self, sha256_hex: str) -> str:
        """Keyed digest of a content given its SHA-256 (which could be guessed if short)."""
        return self.digest("content", sha256_hex)

"""The log's keys through time: which one may sign which head.

A log keeps its name when its signing key is replaced. Each key signs the heads
of a range of sizes; the head at which two ranges meet is signed by both. The leaf
``signing-key-rotated`` there names both and holds the old one's signature over the
new one. Written
down it is one verifier key a line, the one in force first and those retired
behind it, each with the size it ended at: ``VERIFIER KEY until SIZE``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from callward.errors import IntegrityError
from callward.ledger import notes
from callward.ledger.leaves import Leaf, parse_leaf
from callward.ledger.signing import Signer, verify_signature

ROTATED = "signing-key-rotated"
"""The event."""
DOMAIN = "signing-key"
"""Of what the old key signs: the new verifier key's text."""
MAX_CHARACTERS = 64 * 1024

_LINE = re.compile(r"(?P<key>\S+)(?: until (?P<until>0|[1-9][0-9]{0,18}))?")


@dataclass(frozen=True, slots=True)
class Period:
    """A key (a verifier key string) and the sizes it signs heads of, both ends included."""

    verifier: str
    since: int = 0
    until: int | None = None

    def covers(self, size: int) -> bool:
        """Whether the key may sign the head of ``size`` leaves."""
        return self.since <= size and (self.until is None or size <= self.until)


@dataclass(frozen=True, slots=True)
class History:
    """A log's keys, newest first. Several without an end are alternatives."""

    periods: tuple[Period, ...]

    @classmethod
    def parse(cls, text: str) -> "History":
        """Read a verifier key, or a file of them; IntegrityError if it is neither."""
        if len(text) > MAX_CHARACTERS:
            raise IntegrityError(f"a list of keys is longer than {MAX_CHARACTERS} characters")
        found: list[Period] = []
        for line in filter(None, map(str.strip, text.splitlines())):
            match = _LINE.fullmatch(line)
            if match is None:
                raise IntegrityError("a list of keys has a malformed line")
            notes.VerifierKey.parse(match["key"])
            until = None if match["until"] is None else int(match["until"])
            found.append(Period(match["key"], until=until))
        if not found:
            raise IntegrityError("a list of keys is empty")
        return cls(_with_beginnings(found))

    @classmethod
    def of(cls, verifiers: Sequence[str]) -> "History":
        """Keys that may each sign any head."""
        return cls(tuple(map(Period, verifiers)))

    @property
    def current(self) -> str:
        """The key in force."""
        return self.periods[0].verifier

    def __str__(self) -> str:
        """What ``parse`` reads; ends in a newline."""
        return "".join(
            f"{one.verifier}\n" if one.until is None else f"{one.verifier} until {one.until}\n"
            for one in self.periods
        )

    def knows(self, verifier: str) -> bool:
        """Whether it is one of the keys, in force or retired."""
        return any(one.verifier == verifier for one in self.periods)

    def require(self, verifier: str, size: int) -> None:
        """IntegrityError unless the key was in force when the log had ``size`` leaves."""
        if not self.knows(verifier):
            raise IntegrityError("signed by a key that is not this log's")
        if not any(one.verifier == verifier and one.covers(size) for one in self.periods):
            raise IntegrityError(f"signed by a key that was not in force at size {size}")

    def verify_checkpoint(self, note: str) -> notes.Checkpoint:
        """The checkpoint in a note signed by the key that was in force at its size.

        Where one key gave way to the next, both must have signed. IntegrityError.
        """
        found = notes.verify_checkpoint(note, [one.verifier for one in self.periods])
        covering = [one for one in self.periods if one.covers(found.size)]
        if len(covering) < len(self.periods):  # else that is what was just checked
            self._require_one_of(covering, note, found.size)
        for one in covering:
            if found.size and found.size in (one.since, one.until):
                notes.verify_checkpoint(note, [one.verifier])
        return found

    @staticmethod
    def _require_one_of(covering: Sequence[Period], note: str, size: int) -> None:
        try:
            notes.verify_checkpoint(note, [one.verifier for one in covering])
        except IntegrityError:
            raise IntegrityError(f"signed by a key not in force at size {size}") from None


def endorse(old: Signer, new: str) -> dict[str, str]:
    """The ids of the leaf of a change of key: both keys, and the old one's signature, hex."""
    signature = old.sign(DOMAIN, new.encode()).hex()
    return {"old": old.verifier, "new": new, "signature": signature}


def parse_rotation(body: str) -> tuple[str, str]:
    """Old and new key in the leaf of a change; IntegrityError unless the old one endorsed it."""
    return rotation_of(parse_leaf(body))


def rotation_of(leaf: Leaf) -> tuple[str, str]:
    """The same of a leaf that was read."""
    ids = leaf.ids
    try:
        old, new, signature = ids["old"], ids["new"], bytes.fromhex(ids["signature"])
    except (KeyError, ValueError):
        raise IntegrityError("a change of signing key is malformed") from None
    verify_signature(old, DOMAIN, new.encode(), signature)
    return old, new


def _with_beginnings(newest_first: Sequence[Period]) -> tuple[Period, ...]:
    """Each key begins where the next older one of the same log ended."""
    whole: list[Period] = []
    ended: dict[str, int] = {}
    for one in reversed(newest_first):
        name = one.verifier.partition("+")[0]
        since = ended.get(name, 0)
        if one.until is not None:
            if one.until <= since:
                raise IntegrityError("a list of keys is out of order")
            ended[name] = one.until
        whole.append(Period(one.verifier, since, one.until))
    return tuple(reversed(whole))

"""Certificates of destruction: signed in-toto statements of what no longer exists.

A DSSE envelope (``callward.evidence.dsse``) around an in-toto Statement v1
(in-toto/attestation, spec v1). Its subjects are the SHA-256 digests of the
ciphertexts destroyed, under the objects' ids; its predicate says what
``callward.evidence.predicate`` lists. Only the state ``complete`` makes it a
certificate; in every other state the same document says how things stand.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from callward.errors import DefectError, IntegrityError
from callward.evidence import dsse
from callward.evidence.grounds import contradiction
from callward.evidence.predicate import COMPLETE, PREDICATE
from callward.ledger.canonical import Json, canonical, parse
from callward.ledger.keys import History
from callward.ledger.notes import note_text, parse_checkpoint

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:callward:certificate-of-destruction:1"

# Canonical JSON sorts "subject" last, and its members need no escapes: written and
# read as they are, a hundred thousand take a second and no tree of objects.
_SUBJECTS = b',"subject":['
_SUBJECT = re.compile(
    rb'\{"digest":\{"sha256":"([0-9a-f]{64})"\},"name":"([A-Za-z0-9._:-]{1,64})"\}'
)
_MEMBERS: Final = {"_type", "predicate", "predicateType"}
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as signed: its subjects (name, SHA-256 in hex) by name, and its predicate."""

    subjects: tuple[tuple[str, str], ...]
    predicate: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The certificate's id."""
        return str(self.predicate["id"])

    @property
    def state(self) -> str:
        """One of ``predicate.STATES``."""
        return str(self.predicate["state"])

    @property
    def controller(self) -> str:
        """Whose data it was."""
        return str(self.predicate["controller"])

    @property
    def is_certificate(self) -> bool:
        """Whether it certifies; otherwise it only says how things stand."""
        return self.state == COMPLETE

    @property
    def objects(self) -> dict[str, str]:
        """What was destroyed: object id to the SHA-256 of its ciphertext (hex)."""
        return dict(self.subjects) if self.predicate["objects"]["total"] else {}

    @property
    def ledger_size(self) -> int:
        """How many leaves the log had when it was issued."""
        return parse_checkpoint(note_text(self.predicate["ledger"]["checkpoint"])).size

    @property
    def why_not(self) -> str:
        """Why it is no certificate, in words; empty if it is one."""
        until = self.predicate["pending_until"]
        return {
            COMPLETE: "",
            "pending": f"pending until {until}",
            "partial": "partial: something is left, or a key cell has not destroyed its root",
            "blocked-by-hold": "blocked by hold: what is due is on legal hold or restricted",
            "nothing-due": "nothing was due",
        }[self.state]


def build_certificate(
    signer: dsse.Signer, predicate: Mapping[str, Json], subjects: Iterable[tuple[str, str]]
) -> str:
    """Sign the statement of ``predicate`` over ``subjects`` and return its envelope.

    The same facts and key give the same text. Raises DefectError if anything in it
    contradicts its state (``grounds.contradiction``): nothing partial, early, held
    or unfounded is certified (DESIGN §3 rules 3 and 5).
    """
    statement = Statement(tuple(sorted(subjects)), predicate)
    flaw = _flaw(statement, History.of([signer.verifier]))
    if flaw:
        raise DefectError(f"no certificate: {flaw}")
    return dsse.seal(signer, _payload(statement))


def verify_certificate(text: str, keys: str | History) -> Statement:
    """Check a certificate or statement wholly, offline, and return it.

    ``keys`` is the log's verifier key, or its history of keys (also as text). Raises
    IntegrityError unless it is exactly what ``build_certificate`` would have written
    and the key in force then signed it. Whether it certifies is the caller's to ask
    (``is_certificate``).
    """
    history = History.parse(keys) if isinstance(keys, str) else keys
    payload, key = dsse.open_envelope(text, [one.verifier for one in history.periods])
    statement, head = _read(payload)
    flaw = _flaw(statement, history)
    if flaw:
        raise IntegrityError(f"a signed certificate makes no sense: {flaw}")
    history.require(key, statement.ledger_size)
    # What stands in front of the subjects was read as canonical, and holds nothing else.
    if b"".join((head, _SUBJECTS, _members(statement), b"]}")) != payload:
        raise IntegrityError("a certificate is not in its canonical form")
    return statement


def _flaw(statement: Statement, keys: History) -> str:
    names = [name for name, _ in statement.subjects]
    if any(not _NAME.fullmatch(n) or not _DIGEST.fullmatch(d) for n, d in statement.subjects):
        return "a subject's name or digest is malformed"
    if len(set(names)) != len(names):
        return "a subject is listed twice"
    misfit = PREDICATE(statement.predicate)
    if misfit:
        return f"{misfit} is malformed"
    return contradiction(statement.predicate, statement.subjects, keys)


def _payload(statement: Statement) -> bytes:
    head = canonical(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": PREDICATE_TYPE,
            "predicate": statement.predicate,
        }
    )
    return b"".join((head[:-1], _SUBJECTS, _members(statement), b"]}"))


def _members(statement: Statement) -> bytes:
    return ",".join(
        f'{{"digest":{{"sha256":"{digest}"}},"name":"{name}"}}'
        for name, digest in statement.subjects
    ).encode()


def _read(payload: bytes) -> tuple[Statement, bytes]:
    """The statement, and what stands in front of its subjects."""
    head, there, members = payload.rpartition(_SUBJECTS)
    try:
        document = parse(f"{head.decode()}}}")
    except UnicodeDecodeError:
        raise IntegrityError("a certificate is not UTF-8") from None
    if (
        not there
        or not isinstance(document, dict)
        or not isinstance(document.get("predicate"), dict)
    ):
        raise IntegrityError("not a statement with subjects and a predicate")
    if document.keys() != _MEMBERS:
        raise IntegrityError("a certificate has other members than a statement has")
    said = (document.get("_type"), document.get("predicateType"))
    if said != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise IntegrityError("not a certificate of a known version")
    subjects = tuple((name.decode(), digest.decode()) for digest, name in _SUBJECT.findall(members))
    return Statement(tuple(sorted(subjects)), document["predicate"]), head

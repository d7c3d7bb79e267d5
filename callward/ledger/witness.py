"""A witness of logs: c2sp.org/tlog-witness, kept in plain files.

    witness.key           its own private key
    logs/DIGEST/          one log each, by the SHA-256 of its name
      checkpoint          the last head cosigned, as the log signed it
      seen/SIZE           every head cosigned
      conflicts/…         two heads that the log has signed and that do not fit

It cosigns a head only if it is proved to extend the last one, and has it on disk
before it says so. It needs no instance and no database.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from threading import Lock

from callward.clock import Clock
from callward.durable import sync_folder, write_durably
from callward.errors import IntegrityError
from callward.ledger import merkle, notes
from callward.ledger.cosigning import WitnessKey, cosign
from callward.ledger.keys import History, Period
from callward.ledger.signing import Signer

KEY_FILE = "witness.key"
MAX_BODY = 64 * 1024
MAX_PROOF = 63
MAX_CONFLICTS = 100
"""Kept per log and kind: a log that has made so many has proved enough."""

_SIZE_TYPE = "text/x.tlog.size"
_TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: HTTPStatus
    body: str = ""
    content_type: str = _TEXT_TYPE


@dataclass(frozen=True, slots=True)
class Request:
    """A head submitted, and the proof that it extends the one of size ``old``."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    @classmethod
    def parse(cls, body: bytes) -> "Request":
        """Read a request's body; IntegrityError if it is malformed."""
        head, blank, note = _text(body).partition("\n\n")
        first, *proof = head.split("\n")
        word, space, size = first.partition(" ")
        if not blank or word != "old" or not space or len(proof) > MAX_PROOF:
            raise IntegrityError("malformed request")
        return cls(notes.parse_size(size), tuple(map(notes.decode64, proof)), note)

    def encoded(self) -> bytes:
        """The body of such a request."""
        lines = [f"old {self.old}", *map(notes.encode64, self.proof), "", self.note]
        return "\n".join(lines).encode()


class Witness:
    """The logs in ``folder``, of which only those with a key in ``log_keys`` are served.

    ``log_keys`` are verifier keys, or lists of them as in ``keys.History``.
    """

    def __init__(self, folder: Path, signer: Signer, log_keys: Sequence[str], clock: Clock) -> None:
        self._signer, self._clock = signer, clock
        logs = by_origin(History.parse("\n".join(log_keys)))
        self._logs = {origin: _Log(folder, origin, keys) for origin, keys in logs.items()}

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request; what is answered with 200 is on disk."""
        try:
            request = Request.parse(body)
            submitted = notes.parse_checkpoint(notes.note_text(request.note))
        except IntegrityError:
            return Answer(HTTPStatus.BAD_REQUEST)
        log = self._logs.get(submitted.origin)
        if log is None:
            return Answer(HTTPStatus.NOT_FOUND)
        try:
            note = log.signed(request.note)
        except IntegrityError:
            return Answer(HTTPStatus.FORBIDDEN)
        if request.old > submitted.size:
            return Answer(HTTPStatus.BAD_REQUEST)
        with log.lock:
            refusal = log.judge(replace(request, note=note), submitted)
            if refusal is not None:
                return refusal
            log.keep(submitted, note)
            line = cosign(note, self._signer.name, self._signer.key, self._clock.now())
        return Answer(HTTPStatus.OK, line)


class _Log:
    """One log's files."""

    def __init__(self, folder: Path, origin: str, keys: History) -> None:
        self.lock = Lock()
        self._keys = keys
        name = hashlib.sha256(origin.encode()).hexdigest()
        self._folder = folder / "logs" / name
        for part in ("seen", "conflicts"):
            (self._folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in (self._folder, self._folder.parent, folder):
            sync_folder(one)

    def signed(self, note: str) -> str:
        """The note with the log's own signatures, one of each key; IntegrityError without one.

        Whatever else a stranger adds, or in which order, comes to the same note.
        """
        self._keys.verify_checkpoint(note)  # every line by a known key, too
        keys = [notes.VerifierKey.parse(one.verifier) for one in self._keys.periods]
        by_key = {notes.parse_line(one)[:2]: one for one in notes.note_lines(note)}
        found = (by_key.get((key.name, key.id)) for key in keys)
        lines = dict.fromkeys(line for line in found if line is not None)
        return "\n".join([notes.note_text(note), *lines, ""])

    def judge(self, request: Request, submitted: notes.Checkpoint) -> Answer | None:
        """Why this head is not cosigned; None if it extends what was seen."""
        latest, kept = self._latest()
        seen = self._seen(submitted.size)
        if seen is not None and notes.parse_checkpoint(notes.note_text(seen)) != submitted:
            self._conflict("fork", submitted.size, seen, request.note)
            return _size_of(latest)
        if submitted.size < latest.size and seen is None:
            self._conflict("smaller", submitted.size, kept, request.note)
        if request.old != latest.size:
            return _size_of(latest)
        try:
            merkle.verify_consistency(
                latest.size, submitted.size, request.proof, latest.root, submitted.root
            )
        except IntegrityError:
            if kept:
                self._conflict("unproved", submitted.size, kept, request.note)
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY)
        return None

    def keep(self, submitted: notes.Checkpoint, note: str) -> None:
        """Put the head on disk, as seen and then as the last one."""
        write_durably(self._seen_path(submitted.size), note.encode())
        write_durably(self._folder / "checkpoint", note.encode())

    def _latest(self) -> tuple[notes.Checkpoint, str]:
        """The last head cosigned with its note; the empty log's and "" if there is none."""
        path = self._folder / "checkpoint"
        if not path.exists():
            return notes.Checkpoint("", 0, merkle.EMPTY_ROOT), ""
        note = path.read_text(encoding="utf-8")
        return notes.parse_checkpoint(notes.note_text(note)), note

    def _seen(self, size: int) -> str | None:
        path = self._seen_path(size)
        return path.read_text(encoding="utf-8") if path.exists() else None

    def _seen_path(self, size: int) -> Path:
        return self._folder / "seen" / f"{size:019d}"

    def _conflict(self, kind: str, size: int, kept: str, submitted: str) -> None:
        """Keep both heads, once, whoever of the log's keys signed them."""
        heads = "\n".join(notes.note_text(one) for one in (kept, submitted))
        digest = hashlib.sha256(heads.encode()).hexdigest()[:16]
        folder = self._folder / "conflicts"
        path = folder / f"{kind}-{size}-{digest}"
        if not path.exists() and sum(1 for _ in folder.glob(f"{kind}-*")) < MAX_CONFLICTS:
            write_durably(path, f"{kept}\n{submitted}".encode())


def open_key(path: Path, name: str) -> Signer:
    """The witness's key at ``path``; made, under ``name``, if there is none."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Signer.create(path, name)
    return Signer.from_file(path)


def witness_key(signer: Signer) -> WitnessKey:
    """The public half, to hand out."""
    return WitnessKey(signer.name, signer.key.public_key().public_bytes_raw())


def _size_of(latest: notes.Checkpoint) -> Answer:
    return Answer(HTTPStatus.CONFLICT, f"{latest.size}\n", _SIZE_TYPE)


def by_origin(keys: History) -> dict[str, History]:
    """The keys of each log, by its name."""
    logs: dict[str, list[Period]] = {}
    for one in keys.periods:
        logs.setdefault(one.verifier.partition("+")[0], []).append(one)
    return {origin: History(tuple(periods)) for origin, periods in logs.items()}


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise IntegrityError("malformed request") from None

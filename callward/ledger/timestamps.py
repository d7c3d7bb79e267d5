"""RFC 3161 time stamps over checkpoints: a stranger's word for when a head existed.

What is stamped is the SHA-512 of the checkpoint's text (its three lines, without
signature lines), so a note keeps its stamp whoever signs it besides. Without this
source: ``openssl ts -verify -in STAMP -data TEXT -CAfile ROOT``.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography import x509

from callward.catalogue.engine import unit_of_work
from callward.catalogue.tables import ledger_checkpoints, ledger_timestamps
from callward.errors import IntegrityError, SettingsError
from callward.ledger import notes, proving
from callward.ledger.outside import OutsideError, post

MAX_STAMP = 64 * 1024
_MAX_ROOTS = 1024 * 1024
_QUERY = "application/timestamp-query"
_REPLY = "application/timestamp-reply"
_OK = 200


def stamp(engine: sa.Engine, url: str, roots: bytes) -> tuple[int, datetime]:
    """Have the last checkpoint stamped by the authority at ``url``; its size and when.

    ``roots`` are PEM certificates; the stamp is kept only if it verifies under
    one of them. A checkpoint that has a stamp keeps it. Raises
    NoCheckpointError, OutsideError, SettingsError.
    """
    read_roots(roots)
    with unit_of_work(engine) as connection:
        size, note = proving.latest_checkpoint(connection)
        kept: datetime | None = connection.scalar(_kept(size))
    if kept is not None:
        return size, kept
    token = _ask(url, note, roots)
    at = check_stamp(token, note, roots)
    with unit_of_work(engine) as connection:
        if connection.scalar(_kept(size)) is None:
            row = {"size": size, "token": token, "at": at}
            connection.execute(sa.insert(ledger_timestamps), row)
    return size, at


def check_stamp(token: bytes, note: str, roots: bytes) -> datetime:
    """When (UTC) the authority saw the checkpoint in ``note``; for auditors too.

    ``token`` is the whole time-stamp response, DER; ``roots`` PEM certificates
    the reader trusts. Raises IntegrityError if the stamp does not hold,
    SettingsError if there is no certificate in ``roots``.
    """
    # Here, so that nothing else pays for loading it.
    from rfc3161_client import (  # noqa: PLC0415
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )

    builder = VerifierBuilder(roots=read_roots(roots))
    if len(token) > MAX_STAMP:
        raise IntegrityError(f"a time stamp is longer than {MAX_STAMP} bytes")
    try:
        response = decode_timestamp_response(token)
        builder.build().verify_message(response, notes.note_text(note).encode())
    except (VerificationError, ValueError):
        raise IntegrityError("a time stamp does not verify") from None
    return response.tst_info.gen_time.astimezone(UTC)


def verify_kept(connection: sa.Connection, roots: bytes) -> int:
    """Check every stamp kept against its checkpoint; how many. IntegrityError."""
    one, head = ledger_timestamps.c, ledger_checkpoints.c
    joined = sa.select(one.size, one.token, one.at, head.note).join_from(
        ledger_timestamps, ledger_checkpoints, one.size == head.size, isouter=True
    )
    count = 0
    for row in connection.execute(joined):
        if row.note is None or check_stamp(row.token, row.note, roots) != row.at:
            raise IntegrityError(f"the time stamp of checkpoint {row.size} is not of it")
        count += 1
    return count


def stamp_of(connection: sa.Connection, size: int) -> bytes | None:
    """The stamp (DER) that is kept for the checkpoint of ``size``."""
    query = sa.select(ledger_timestamps.c.token).where(ledger_timestamps.c.size == size)
    return connection.scalar(query)


def read_roots(pem: bytes) -> list[x509.Certificate]:
    """The certificates in ``pem``; SettingsError if there is none or one is malformed."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise SettingsError("there is no PEM certificate of a time-stamp authority") from None


def read_roots_file(path: Path) -> bytes:
    """The file's content, checked; SettingsError if it cannot be used."""
    try:
        with path.open("rb") as file:
            pem = file.read(_MAX_ROOTS)
    except OSError as error:
        message = f"the time-stamp authority's certificate cannot be read (errno {error.errno})"
        raise SettingsError(message) from None
    read_roots(pem)
    return pem


def _ask(url: str, note: str, roots: bytes) -> bytes:
    """The authority's answer to a fresh question about ``note``, checked with its nonce."""
    from rfc3161_client import (  # noqa: PLC0415 - as above
        TimestampRequestBuilder,
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )

    text = notes.note_text(note).encode()
    request = TimestampRequestBuilder().data(text).build()
    reply = post(url, request.as_bytes(), _QUERY)
    if reply.status != _OK or reply.content_type != _REPLY:
        raise OutsideError(f"the time-stamp authority answers {reply.status}")
    builder = VerifierBuilder(nonce=request.nonce, roots=read_roots(roots))
    try:
        builder.build().verify_message(decode_timestamp_response(reply.content), text)
    except (VerificationError, ValueError):
        raise OutsideError("the time-stamp authority's answer does not verify") from None
    return reply.content


def _kept(size: int) -> sa.Select[Any]:
    return sa.select(ledger_timestamps.c.at).where(ledger_timestamps.c.size == size)

"""Certificates on paper: a page beside every signed file, for people who file paper."""

from pathlib import Path

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.durable import write_durably
from callward.errors import CallwardError, NotFoundError, scrubbed
from callward.evidence.certificate import Statement, verify_certificate
from callward.evidence.certificate_pdf import render_pdf
from callward.evidence.dsse import claimed_key
from callward.evidence.predicate import COMPLETE
from callward.instance import Instance
from callward.ledger import keybook
from callward.ledger.keys import History
from callward.retention.certify import FOLDER, STATEMENTS


def write_papers(instance: Instance) -> list[str]:
    """Set the pages that are missing beside certificates' files; what could not be set, and why.

    A page that cannot be set holds up nothing else: the signed file is what counts.
    """
    folder = instance.settings.evidence / FOLDER
    failures: list[str] = []
    for path in sorted(folder.glob("*.json")):
        target = path.with_suffix(".pdf")
        if not target.exists():
            failures += _write(instance, path, target)
    return failures


def find(instance: Instance, wanted: str) -> tuple[str, Statement]:
    """A certificate, or the statement of one to come: signed text and verified content.

    NotFoundError if there is neither; IntegrityError if it does not verify.
    """
    query = sa.select(t.certificates.c.body).where(t.certificates.c.id == wanted)
    with instance.reading() as connection:
        text: str | None = connection.scalar(query)
    statement = instance.settings.evidence / STATEMENTS / f"{wanted}.json"
    if text is None and statement.is_file():
        text = statement.read_text(encoding="utf-8")
    if text is None:
        raise NotFoundError(f"there is no certificate {wanted}")
    return text, verify_certificate(text, _keys(instance))


def listing(instance: Instance) -> list[dict[str, str | int]]:
    """Certificates, oldest first, and behind them what waits for one."""
    row = t.certificates.c
    query = sa.select(row.id, row.controller, row.objects, row.issued_at)
    with instance.reading() as connection:
        issued = connection.execute(query.order_by(row.issued_at, row.id)).all()
    rows: list[dict[str, str | int]] = [
        {
            "id": one.id,
            "controller": one.controller,
            "objects": one.objects,
            "state": COMPLETE,
            "issued": one.issued_at.isoformat(timespec="seconds"),
        }
        for one in issued
    ]
    return [*rows, *(_waiting(path, instance) for path in _statements(instance))]


def _statements(instance: Instance) -> list[Path]:
    return sorted((instance.settings.evidence / STATEMENTS).glob("*.json"))


def _waiting(path: Path, instance: Instance) -> dict[str, str | int]:
    found = verify_certificate(path.read_text(encoding="utf-8"), _keys(instance))
    return {
        "id": found.id,
        "controller": found.controller,
        "objects": len(found.objects),
        "state": found.why_not,
        "issued": str(found.predicate["issued_at"]),
    }


def paper(text: str, statement: Statement) -> bytes:
    """The page of a verified statement, PDF."""
    return render_pdf(statement, text, claimed_key(text))


def _write(instance: Instance, path: Path, target: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
        write_durably(target, paper(text, verify_certificate(text, _keys(instance))))
    except CallwardError as error:
        return [f"certificate {path.stem} is not on paper: {error}"]
    except Exception as error:  # noqa: BLE001 - whatever the typesetter raises
        return [f"certificate {path.stem} is not on paper: {scrubbed(error)}"]
    return []


def _keys(instance: Instance) -> History:
    """The instance's keys: a certificate may be older than the one in force."""
    with instance.reading() as connection:
        return keybook.history(connection, [instance.signer.verifier])

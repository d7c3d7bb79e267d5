"""Checking one certificate file, with its verifier key and nothing else."""

from typing import Final

from callward.errors import IntegrityError
from callward.evidence import dsse
from callward.evidence.certificate import Statement, verify_certificate
from callward.evidence.verify import CheckLine, Verification, key_line
from callward.ledger.keys import History

_MORE: Final = (
    "that no later ledger contradicts this one (compare its checkpoint with those of a witness, "
    "or with later packs, whose leaf at the place named holds this file's digest)"
)


def check_certificate(content: bytes, expected_key: str | None) -> Verification:
    """Check a certificate or statement: never raises over the content, every flaw is a line.

    ``expected_key`` is the verifier key, or the list of a log's keys, that the reader
    had from elsewhere. What is signed and sound but certifies nothing does not pass.
    """
    key = ""
    checks: list[CheckLine] = []
    try:
        text = content.decode()
        key = dsse.claimed_key(text)
        checks.append(key_line(key, expected_key))
        history = History.parse(key if expected_key is None else expected_key)
        statement = verify_certificate(text, history)
        checks += _lines(statement)
        limits = [*statement.predicate["limits"], _MORE]
    except UnicodeDecodeError:
        checks.append(CheckLine("certificate", ok=False, detail="not UTF-8"))
        limits = [_MORE]
    except IntegrityError as error:
        checks.append(CheckLine("certificate", ok=False, detail=str(error.args[0])))
        limits = [_MORE]
    return Verification([*checks, *(CheckLine("not shown", None, one) for one in limits)], key)


def _lines(statement: Statement) -> list[CheckLine]:
    said = statement.predicate
    sweep, total = said["sweep"], said["objects"]["total"]
    signed = f"{statement.id} of {statement.controller}, issued {said['issued_at']}, is signed"
    lines = [CheckLine("signature", ok=True, detail=f"{signed} with Ed25519 as it stands")]
    if said["ledger"]["keys_destroyed"] is not None:
        lines.append(CheckLine("ledger", ok=True, detail=_ledger(statement)))
    if statement.is_certificate:
        generations, cells = said["generations"], len(said["generations"]["cells"])
        detail = (
            f"{total} objects, due by {sweep['as_of']}, destroyed in sweep {sweep['id']}; root "
            f"{generations['before']} gave way to {generations['after']}, {cells} answers of key "
            f"cells: destroyed; {len(said['residual']['stores'])} stores searched: nothing left"
        )
        return [*lines, CheckLine("certificate", ok=True, detail=detail)]
    detail = f"this is not a certificate: {statement.why_not}"
    return [*lines, CheckLine("certificate", ok=False, detail=detail)]


def _ledger(statement: Statement) -> str:
    ledger = statement.predicate["ledger"]
    listed = "exactly these objects" if ledger["exactly"] else "other controllers' objects too"
    return (
        f"leaf {ledger['keys_destroyed']['position']} (keys destroyed, listing {listed}), after "
        f"leaf {ledger['intent']['position']} (intent), is in the signed log of "
        f"{statement.ledger_size} leaves"
    )

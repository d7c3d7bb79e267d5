"""The one error tree: everything Callward raises on purpose, grouped by who must act.

Messages carry ids, codes and counts, never content: they end up in logs, in
Prefect's database and on screens (DESIGN §3 rule 2). ``code`` is stable and
may be relied on by scripts.
"""

from pathlib import Path
from typing import ClassVar


class CallwardError(Exception):
    """Base of all errors that may leave Callward."""

    code: ClassVar[str] = "callward"
    exit_status: ClassVar[int] = 1

    def __str__(self) -> str:
        """One sentence, led by the code."""
        return f"[{self.code}] {super().__str__()}"


class OperatorError(CallwardError):
    """Whoever runs this instance must act: a setting, a command, an approval."""

    code = "operator"
    exit_status = 2


class SupplierError(CallwardError):
    """Whoever delivered the data or wrote the instruction must act."""

    code = "supplier"
    exit_status = 3


class DefectError(CallwardError):
    """Callward's developers must act: stored state contradicts itself."""

    code = "defect"
    exit_status = 4


class SettingsError(OperatorError):
    """A setting or command-line value is missing or cannot be used."""

    code = "settings"


class NotFoundError(OperatorError):
    """Nothing is catalogued under the id given."""

    code = "not-found"


class FutureAsOfError(OperatorError):
    """``as_of`` lies in the future and the run is not a dry run."""

    code = "future-as-of"


class BrakeError(OperatorError):
    """The mass-deletion brake holds a sweep until a person approves its plan."""

    code = "brake"


class GateFailedError(OperatorError):
    """A batch-level check failed, so the stage stopped; the gate's result says which."""

    code = "gate-failed"


class StageFailedError(OperatorError):
    """At least one part of a stage or of the night failed; the message names them."""

    code = "stage-failed"


class ReleaseRefusedError(OperatorError):
    """A quarantined item cannot be released for the reason it was refused."""

    code = "release-refused"


class InstructionError(SupplierError):
    """An instruction file does not say what it must; carries file, line, expectation."""

    code = "instruction"


class ShreddedError(OperatorError):
    """The object's key has been destroyed: it cannot be opened any more."""

    code = "shredded"


class IntegrityError(DefectError):
    """A sealed object, wrap, proof, leaf or pack does not verify."""

    code = "integrity"


class KeyMissingError(DefectError):
    """A page key, object key or root that should exist is not there; names it."""

    code = "key-missing"


def scrubbed(error: Exception) -> CallwardError:
    """An error that may be stored and shown: Callward's own as it is, others without their text.

    Texts of foreign exceptions quote values, file names and statements.
    """
    if isinstance(error, CallwardError):
        return error
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    code = frame.tb_frame.f_code.co_filename if frame else "?"
    line = frame.tb_lineno if frame else 0
    return DefectError(f"unforeseen {type(error).__name__} at {Path(code).name}:{line}")

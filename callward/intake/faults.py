"""What the end of a worker says of the file it was at."""

from callward.intake.reasons import Reason
from callward.workers import WorkerFailure

_KINDS = {"timeout": Reason.DECODER_TIMEOUT, "crashed": Reason.DECODER_CRASHED}


def fault_of(failure: WorkerFailure) -> Reason | None:
    """Why the file is refused; None where the fault need not be the file's."""
    if failure.kind == "error" and failure.detail == MemoryError.__name__:
        return Reason.DECODER_MEMORY
    return _KINDS.get(failure.kind)

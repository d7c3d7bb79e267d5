"""``callward`` with collaborators that raise planted texts; a program, not a test.

``python -m tests.night.sabotaged workers ARGS…`` runs a command with a decoder
and an engine that break on some files; ``… stages ARGS…`` with something in
every stage that breaks in the middle of it.
"""

import sys
from typing import Any, NoReturn

from callward import cli
from tests.night.canaries import ACCENTED, CORE, Planted


def breaks(*_: Any, **__: Any) -> NoReturn:
    """Raise as a library would that quotes what it was given."""
    raise ValueError(f"cannot handle {CORE} {ACCENTED} {Planted.caller}")


def put(owner: Any, name: str, broken: Any) -> None:
    """Put something broken in the place of what is there, which must be there."""
    assert hasattr(owner, name)
    setattr(owner, name, broken)


def sabotage_workers() -> None:
    """Decoder and engine, where they run."""
    from callward import instance  # noqa: PLC0415 - only for this

    put(instance, "_PRELOAD", (*instance._PRELOAD, "tests.night.saboteur"))


def sabotage_stages() -> None:
    """One thing in each stage: within a batch, while planning, in a gate, outside any part."""
    import data_checks.gate as gates  # noqa: PLC0415 - slow
    from callward import night  # noqa: PLC0415
    from callward.intake import record_stage  # noqa: PLC0415
    from callward.intake import stage as ingest  # noqa: PLC0415
    from tasks import evidence  # noqa: PLC0415

    check = gates.GreatExpectationsGates.check

    def broken_check(self: Any, suite: str, frame: Any) -> Any:
        return breaks() if suite == "retention_entry" else check(self, suite, frame)

    put(ingest, "record_batch", breaks)
    put(record_stage, "write_rows", breaks)
    put(night, "plan_speech", breaks)
    put(gates.GreatExpectationsGates, "check", broken_check)
    put(evidence, "flow_runs", breaks)


if __name__ == "__main__":
    {"workers": sabotage_workers, "stages": sabotage_stages}[sys.argv.pop(1)]()
    cli.main()

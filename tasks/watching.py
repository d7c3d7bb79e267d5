"""What operators see in Prefect's pages: progress, a table a stage, a text a stage."""

import time
from collections.abc import Callable

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from callward.run import Progress, StageReport, unit_of
from callward.speech.advice import to_do
from callward.speech.figures import engine_rows
from callward.speech.record import STAGE as SPEECH

_EVERY_SECONDS = 5.0
_PERCENT = 100.0


def progress_artifact(stage: str) -> Progress:
    """A progress artifact, made when there is something to tell and updated every few seconds."""
    state: dict[str, float] = {"told": float("-inf")}
    artifact: list[Callable[[float, str], object]] = []

    def tell(done: int, known: int) -> None:
        now = time.monotonic()
        if now - state["told"] < _EVERY_SECONDS and done < known:
            return
        state["told"] = now
        percent = _PERCENT * done / known if known else _PERCENT
        said = f"{done} of {known} {unit_of(stage)}"
        if not artifact:
            made = create_progress_artifact(percent, f"{stage}-progress", said)
            artifact.append(lambda share, said: update_progress_artifact(made, share, said))  # type: ignore[arg-type]  # prefect's union with its async form
        else:
            artifact[0](percent, said)

    return tell


def publish(report: StageReport) -> None:
    """Leave a stage's table and text."""
    names = sorted({name for counts in report.counts.values() for name in counts})
    table = [
        {"controller": controller, **{name: counts[name] for name in names}}
        for controller, counts in sorted(report.counts.items())
    ]
    create_table_artifact(
        key=f"{report.stage}-counts",
        table=table or [{"controller": "-", "outcome": report.outcome or "nothing to do"}],
        description=f"{report.stage}: what came in, went out, was quarantined or refused",
    )
    engines = engine_rows(report)
    if engines:
        create_table_artifact(
            key=f"{report.stage}-engines",
            table=engines,
            description="by controller and engine; audio in seconds, every channel counted; "
            "speed: how many of them in a second of listening",
        )
    create_markdown_artifact(key=f"{report.stage}-report", markdown=as_markdown(report))


def as_markdown(report: StageReport) -> str:
    """A stage's report for people: what happened, and what did not."""
    lines = [f"# {report.stage.capitalize()}", ""]
    for controller, counts in sorted(report.counts.items()):
        said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count)
        lines.append(f"- **{controller}**: {said or 'nothing'}")
    if not report.counts:
        lines.append(f"Nothing to do ({report.outcome or 'no data'}).")
    if report.notes:
        lines += ["", "## To know", "", *(f"- {note}" for note in report.notes)]
    if report.failures:
        lines += ["", "## What failed", "", *(f"- {failure}" for failure in report.failures)]
    asked = to_do(report.counts.values(), report.failures) if report.stage == SPEECH else []
    if asked:
        lines += ["", "## What to do", "", "| code | recordings | |", "|---|---|---|"]
        lines += [f"| `{one.code}` | {one.count or '-'} | {one.advice} |" for one in asked]
    return "\n".join(lines) + "\n"

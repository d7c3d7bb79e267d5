"""What a check of a register has found, as artifacts: a table, and the same in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact


def show_findings(
    stage: str,
    rows: Sequence[Mapping[str, Any]],
    nothing: Mapping[str, Any],
    *,
    title: str,
    text: str,
) -> None:
    """Leave both; ``nothing`` is the table's one row if there are none."""
    table = [dict(row) for row in rows] or [dict(nothing)]
    create_table_artifact(key=f"{stage}-findings", table=table, description=f"{stage}: {title}")
    create_markdown_artifact(key=f"{stage}-explained", markdown=text)

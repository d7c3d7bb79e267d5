"""``callward flow-runs …``: the runs of flows, as they are kept here."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from callward.cli_common import Day, Json, as_day, opened, print_json
from callward.errors import SettingsError

flow_runs_app = typer.Typer(no_args_is_help=True, help="Runs of flows that are kept here.")
_DAYS = 31
_From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="YYYY-MM-DD")]


@flow_runs_app.command("list")
def flow_runs_list(from_: _From = None, to: Day = None, *, as_json: Json = False) -> None:
    """Runs that began within these days, by default the last 31; Prefect is not asked."""
    from callward import cli_tables
    from callward.clock import today
    from callward.evidence.collect import bounds
    from callward.evidence.model import Period
    from callward.evidence.runs import kept_runs

    with opened() as instance:
        last = as_day(to) or today(instance.clock)
        first = as_day(from_) or last - timedelta(days=_DAYS - 1)
        if last < first:
            raise SettingsError("the period ends before it begins")
        with instance.reading() as connection:
            runs = kept_runs(connection, *bounds(Period(first, last)))
    rows = [
        {
            "id": run.id,
            "name": run.name,
            "state": run.state,
            "started": run.record.get("started"),
            "ended": run.record.get("ended"),
            "missing_since": run.missing_since and run.missing_since.isoformat(),
        }
        for run in runs
    ]
    if as_json:
        print_json(
            [
                {**row, "digest": run.digest, "leaf": run.leaf}
                for row, run in zip(rows, runs, strict=True)
            ]
        )
    else:
        names = ("id", "name", "state", "started")
        cli_tables.show_rows([{name: row[name] for name in names} for row in rows], "no flow runs")

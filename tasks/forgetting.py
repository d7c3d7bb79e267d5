"""Taking back what people typed into Prefect's forms: it belongs in the vault alone.

The row is deleted through the API. If the server's database is a SQLite file of
this machine, its write-ahead log, which still has the row, is emptied as well;
any other server's log and free pages are its own to clean (docs/instance.md).
"""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import get_current_settings

from callward.clock import SystemClock

_PREFIX = "paused-"
_ANY = 100
_TRIES = 20
_UNFINISHED = [StateType.FAILED, StateType.CRASHED, StateType.CANCELLED, StateType.PAUSED]
_UNFINISHED += [StateType.RUNNING, StateType.CANCELLING]


def forget(client: SyncPrefectClient, run_id: UUID) -> None:
    """Delete every form of a flow run, and what was typed into it."""
    found = client.filter_flow_run_input(run_id, _PREFIX, limit=_ANY, exclude_keys=set())
    for one in found:
        client.delete_flow_run_input(run_id, one.key)
    if any(one.key.endswith("-response") for one in found):
        _empty_log()


def forget_left_behind(
    client: SyncPrefectClient, mine: UUID, *, flows: Sequence[str], older_than: float
) -> None:
    """The same for runs of ``flows`` that died while they waited.

    ``older_than``: seconds in their state.

    A form without its schema takes no answer any more.
    """
    found = client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=list(flows))),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNFINISHED))
        ),
        sort=FlowRunSort.START_TIME_DESC,
        limit=_ANY,
    )
    before = SystemClock().now() - timedelta(seconds=older_than)
    for run in found:
        if run.id != mine and run.state and (run.state.is_final() or run.state.timestamp < before):
            forget(client, run.id)


def _empty_log() -> None:
    """Best effort: a reader in the way is waited for a little."""
    database = _local_database()
    for _ in range(_TRIES if database else 0):
        with closing(sqlite3.connect(f"{database}", timeout=5)) as connection:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not busy:
            return
        time.sleep(0.1)


def _local_database() -> Path | None:
    url = get_current_settings().server.database.connection_url
    if url is None:
        return None
    parsed = sa.make_url(url.get_secret_value())
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    path = Path(parsed.database)
    return path if path.is_file() else None

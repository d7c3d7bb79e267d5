"""Shards and Prefect's work pool: handing them out, and the run that does one."""

import os
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import httpx
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectException

from callward.errors import CallwardError, scrubbed
from callward.instance import open_instance
from callward.run import Progress, StageReport
from callward.speech.oneshard import do_shard
from callward.speech.sharedout import HandedOut, PoolMissingError, PoolUnreachableError
from tasks.ending import state_of
from tasks.room import DEFAULT_HOME, HOME_VARIABLE

DEPLOYMENT: Final = "transcribe-shard/transcribe-shard"
# Prefect's clients raise RuntimeError where they do not reach the server at all.
_AWAY: Final = (httpx.HTTPError, PrefectException, OSError, RuntimeError)


def hand_out(shard: HandedOut) -> None:
    """Make a run of the deployment, for any worker of its pool: ``sharedout.HandOut``."""
    try:
        run_deployment(
            DEPLOYMENT,
            parameters={"shard": shard.id},
            flow_run_name=shard.name,
            timeout=0,
            # An answer that was lost must not make two runs of one.
            idempotency_key=f"{shard.id}-{shard.times}",
        )
    except ObjectNotFound:
        raise PoolMissingError(f"Prefect's server has no deployment {DEPLOYMENT}") from None
    except _AWAY as error:
        raise PoolUnreachableError(f"Prefect's server: {type(error).__name__}") from None


def while_away(progress: Progress) -> Progress:
    """``progress``, but a wait is not to end because the server that shows it is away."""

    def tell(done: int, known: int) -> None:
        with suppress(*_AWAY):
            progress(done, known)

    return tell


def run_shard(shard: str) -> State[Any]:
    """Do a shard in the instance that ``CALLWARD_HOME`` names; the state says what happened.

    While it works Prefect's server is not needed: neither tasks nor artifacts are made.
    """
    try:
        report = _report(shard)
    except CallwardError as error:
        report = StageReport("transcribe", failures=[str(error)])
    return state_of(report)


def _report(shard: str) -> StageReport:
    # Here, so that planning a deployment does not wait for Great Expectations.
    from data_checks.gate import GreatExpectationsGates  # noqa: PLC0415

    try:
        with closing(open_instance(Path(os.environ.get(HOME_VARIABLE, DEFAULT_HOME)))) as instance:
            return do_shard(instance, GreatExpectationsGates(), shard)
    except Exception as error:  # noqa: BLE001 - Prefect stores and shows what it says
        raise scrubbed(error) from None

"""The flow of one shard of a night's transcription, for the workers of the pool ``speech``."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks import pool


@flow(name="transcribe-shard", persist_result=False, log_prints=False)
def transcribe_shard(shard: str = "") -> State[Any]:
    """Transcribe the shard of that id, as long as its night waits for it."""
    return pool.run_shard(shard)

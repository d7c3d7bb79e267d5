"""Waiting for a person: the flow run pauses with a form, and goes on when somebody has decided.

The form's answer and the terminal (``callward approvals``) lead to the same row of
the catalogue, so both are watched. Nothing is held meanwhile, neither the guard nor
a transaction. Prefect keeps what is typed into a form; it is deleted once read.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

from httpx import TransportError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.input import Keyset, RunInput, keyset_from_paused_state
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Paused, Running
from prefect.utilities.urls import url_for
from pydantic import ConfigDict, Field

from callward.errors import BrakeError, CallwardError
from callward.instance import Instance
from callward.retention import approvals
from callward.retention.approvals import MAX_NAME, MAX_REASON, Approval
from tasks.forgetting import forget, forget_left_behind

POLL_SECONDS = 3.0
SHOW_PROGRESS = "CALLWARD_SHOW_PROGRESS"
_LATE_SECONDS = 300
"""So long after the wait the server still takes an answer: our clock is not its."""
_INTERRUPTED = 130
"""Exit status of a command ended by Ctrl-C."""
_DECIDED = ("approved", "rejected", "used")
_WARNING = (
    "The plan is made again after you approve; if a single object differs, nothing goes "
    "and you are asked anew. A rejection stands until the plan changes."
)


class NobodyDecidedError(BrakeError):
    """Nobody approved or rejected the sweep while its run waited."""

    code = "nobody-decided"


class Decision(RunInput):
    """The form in Prefect's pages. Its schema is checked by the server, the rest by us."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", title="Approval of a sweep")

    decision: Literal["approve", "reject"] = Field(description="Destroy it, or keep it for now?")
    name: str = Field(
        description="Who decides", min_length=1, max_length=MAX_NAME, pattern=r"[^\s\d]"
    )
    reason: str = Field(description="Why", min_length=1, max_length=MAX_REASON, pattern=r"\S")
    plan: str = Field(description="Hash of the plan; leave it as it is", pattern="^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class _Form:
    """One pause of one flow run."""

    client: SyncPrefectClient
    run_id: UUID
    keyset: Keyset


def wait(instance: Instance, asked: Approval) -> bool:
    """Pause until somebody has decided, at most ``approval_wait_minutes``; whether one has."""
    seconds = instance.settings.approval_wait_minutes * 60
    if not seconds:
        return False
    run_id, deadline = UUID(flow_run.id), time.monotonic() + seconds
    _announce(asked, run_id, seconds)
    with get_client(sync_client=True) as client:
        forget_left_behind(client, run_id, older_than=seconds + _LATE_SECONDS)
        try:
            while _open(instance, asked) and time.monotonic() < deadline:
                form = _pause(client, run_id, asked, seconds + _LATE_SECONDS)
                _until_answered(instance, asked, form, deadline)
                _go_on(form)
                _enter(instance, asked, form)
        except KeyboardInterrupt:
            if PREFECT_API_URL.value() is None:
                _leave(asked)
            raise
        finally:
            with suppress(TransportError):  # the next run that waits does it
                forget(client, run_id)
    return _now(instance, asked).state in _DECIDED


def _pause(client: SyncPrefectClient, run_id: UUID, asked: Approval, seconds: float) -> _Form:
    """Put the flow run into Paused with the form; BrakeError if the server will not."""
    key = f"{asked.id}-{time.monotonic_ns()}"  # a pause of the same key is not made twice
    state: State[None] = Paused(timeout_seconds=int(seconds), pause_key=key)
    keyset = keyset_from_paused_state(state)
    state.state_details.run_input_keyset = {str(part): name for part, name in keyset.items()}
    form = Decision.with_initial_data(description=as_markdown(asked), plan=asked.plan_hash)
    form.save(keyset, run_id)  # first: who is quick must find it
    set_to = client.set_flow_run_state(run_id, state).state
    if set_to is None or not set_to.is_paused():
        raise BrakeError(f"nothing was destroyed: approval {asked.id} could not be waited for")
    return _Form(client, run_id, keyset)


def _until_answered(instance: Instance, asked: Approval, form: _Form, deadline: float) -> None:
    while time.monotonic() < deadline and _paused(form) and _open(instance, asked):
        time.sleep(min(POLL_SECONDS, max(deadline - time.monotonic(), 0)))


def _paused(form: _Form) -> bool:
    """Whether it still is; a server that cannot be reached for a while changes nothing."""
    try:
        state = form.client.read_flow_run(form.run_id).state
    except TransportError:
        return True
    return state is not None and state.is_paused()


def _go_on(form: _Form) -> None:
    """Run again, unless the form's answer has seen to that, or somebody cancelled the run."""
    if _paused(form):
        form.client.set_flow_run_state(form.run_id, Running())


def _enter(instance: Instance, asked: Approval, form: _Form) -> None:
    """Enter the form's answer, if there is one that can be used, and delete it."""
    answer = _answer(form)
    if answer is None or answer.get("plan") != asked.plan_hash:
        return
    try:
        approvals.decide(
            instance,
            asked.id,
            approve=answer.get("decision") == "approve",
            by=str(answer.get("name", "")),
            reason=str(answer.get("reason", "")),
            through="form",
        )
    except CallwardError as error:  # it was decided meanwhile, or says too little
        get_run_logger().warning(str(error))


def _answer(form: _Form) -> Mapping[str, Any] | None:
    key = form.keyset["response"]
    found = form.client.filter_flow_run_input(form.run_id, key, limit=1, exclude_keys=set())
    try:
        return dict(json.loads(found[0].value)) if found else None
    except (ValueError, TypeError):
        return None
    finally:
        forget(form.client, form.run_id)


def _open(instance: Instance, asked: Approval) -> bool:
    return _now(instance, asked).state == "waiting"


def _now(instance: Instance, asked: Approval) -> Approval:
    with instance.reading() as connection:
        return approvals.get(connection, asked.id).at(instance.clock.now())


def as_markdown(asked: Approval) -> str:
    """What the form shows: why a person is asked, what would go, under which hash."""
    lines = [
        f"**{asked.total} objects** are due by {asked.as_of} and would be destroyed for good.",
        f"The brake stopped the sweep: {', '.join(f'`{reason}`' for reason in asked.reasons)}.",
        "",
        "| controller | kind | objects |",
        "|---|---|---:|",
        *(f"| {controller} | {kind} | {count} |" for controller, kind, count in asked.plan),
        "",
        f"Plan `{asked.plan_hash}`, approval `{asked.id}`.",
        "",
        _WARNING,
    ]
    return "\n".join(lines)


def _leave(asked: Approval) -> None:
    """Ctrl-C has ended the embedded server, too: Prefect would go on calling it for a minute."""
    said = f"interrupted; nothing was destroyed, approval {asked.id} can still be decided"
    os.write(sys.stderr.fileno(), f"callward: {said}\n".encode())
    from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415 - a second

    SubprocessASGIServer().stop()  # the one there is; nothing if the signal has reached it
    os._exit(_INTERRUPTED)


def _announce(asked: Approval, run_id: UUID, seconds: float) -> None:
    page = url_for("flow-run", obj_id=run_id)
    lines = [
        f"waiting up to {seconds / 60:g} minutes for somebody to decide on approval {asked.id}:",
        *([f"in Prefect's pages: {page}"] if page else []),
        f"in a terminal: callward approvals show {asked.id}",
        f"  callward approvals approve {asked.id} --name - --reason WHY   (or reject)",
    ]
    get_run_logger().info("waiting for approval %s", asked.id)
    if os.environ.get(SHOW_PROGRESS):
        from callward.cli_tables import console  # noqa: PLC0415 - only where there is a terminal

        for line in lines:
            console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)
        console.print("  Ctrl-C ends the run; nothing is destroyed then", markup=False)

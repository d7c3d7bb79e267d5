"""Waiting for a person: the flow run pauses with a form, and goes on when somebody has answered.

The form's answer and the terminal lead to the same row of the catalogue, so both are
watched. Nothing is held meanwhile, neither the guard nor a transaction. Prefect keeps
what is typed into a form; it is deleted once read.
"""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
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

from callward.errors import CallwardError, OperatorError
from tasks.forgetting import forget, forget_left_behind

POLL_SECONDS = 3.0
SHOW_PROGRESS = "CALLWARD_SHOW_PROGRESS"
_LATE_SECONDS = 300
"""So long after the wait the server still takes an answer: our clock is not its."""
_INTERRUPTED = 130
"""Exit status of a command ended by Ctrl-C."""


class NobodyDecidedError(OperatorError):
    """Nobody answered while the run waited."""

    code = "nobody-decided"


class Question(Protocol):
    """What a person is asked, and what becomes of the answer."""

    @property
    def id(self) -> str:
        """Of what is asked about, for the pause's key and for messages."""
        ...

    @property
    def flows(self) -> Sequence[str]:
        """Names of the flows that ask it: what dead runs of theirs left is deleted."""
        ...

    def form(self) -> type[RunInput]:
        """The form with its description, made anew for every pause."""
        ...

    def open(self) -> bool:
        """Whether nobody has answered it yet, here or at a terminal."""
        ...

    def enter(self, answer: Mapping[str, Any]) -> None:
        """Enter what was typed; a CallwardError if it cannot be used, and it is asked again."""
        ...

    def cannot_wait(self) -> CallwardError:
        """What is wrong if the server will not let the run pause."""
        ...

    def lines(self) -> Sequence[str]:
        """How it can be answered at a terminal."""
        ...

    def interrupted(self) -> str:
        """What Ctrl-C leaves behind."""
        ...


@dataclass(frozen=True, slots=True)
class _Form:
    """One pause of one flow run."""

    client: SyncPrefectClient
    run_id: UUID
    keyset: Keyset


def clear(flows: Sequence[str], seconds: float) -> None:
    """Delete what people typed for runs of these flows that died; ``seconds``: how long they wait.

    At the start of a run that may not come to wait: those that follow need not, either.
    """
    mine = UUID(flow_run.id)
    with suppress(TransportError), get_client(sync_client=True) as client:
        forget_left_behind(client, mine, flows=flows, older_than=seconds + _LATE_SECONDS)


def wait(question: Question, seconds: float) -> bool:
    """Pause until somebody has answered, at most so long; whether somebody has."""
    if not seconds:
        return not question.open()
    run_id, deadline = UUID(flow_run.id), time.monotonic() + seconds
    _announce(question, run_id, seconds)
    with get_client(sync_client=True) as client:
        late = seconds + _LATE_SECONDS
        forget_left_behind(client, run_id, flows=question.flows, older_than=late)
        try:
            while question.open() and time.monotonic() < deadline:
                form = pause(client, run_id, question, late)
                _until_answered(question, form, deadline)
                _go_on(form)
                _enter(question, form)
        except KeyboardInterrupt:
            if PREFECT_API_URL.value() is None:
                _leave(question)
            raise
        finally:
            with suppress(TransportError):  # the next run that waits does it
                forget(client, run_id)
    return not question.open()


def pause(client: SyncPrefectClient, run_id: UUID, question: Question, seconds: float) -> _Form:
    """Put the flow run into Paused with the form; an error if the server will not."""
    key = f"{question.id}-{time.monotonic_ns()}"  # a pause of the same key is not made twice
    state: State[None] = Paused(timeout_seconds=int(seconds), pause_key=key)
    keyset = keyset_from_paused_state(state)
    state.state_details.run_input_keyset = {str(part): name for part, name in keyset.items()}
    question.form().save(keyset, run_id)  # first: who is quick must find it
    set_to = client.set_flow_run_state(run_id, state).state
    if set_to is None or not set_to.is_paused():
        raise question.cannot_wait()
    return _Form(client, run_id, keyset)


def _until_answered(question: Question, form: _Form, deadline: float) -> None:
    while time.monotonic() < deadline and _paused(form) and question.open():
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


def _enter(question: Question, form: _Form) -> None:
    """Enter the form's answer, if there is one, and delete it."""
    answer = _answer(form)
    if answer is None:
        return
    try:
        question.enter(answer)
    except CallwardError as error:  # it was answered meanwhile, or says too little
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


def _leave(question: Question) -> None:
    """Ctrl-C has ended the embedded server, too: Prefect would go on calling it for a minute."""
    said = f"interrupted; {question.interrupted()}"
    os.write(sys.stderr.fileno(), f"callward: {said}\n".encode())
    from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415 - a second

    SubprocessASGIServer().stop()  # the one there is; nothing if the signal has reached it
    os._exit(_INTERRUPTED)


def _announce(question: Question, run_id: UUID, seconds: float) -> None:
    page = url_for("flow-run", obj_id=run_id)
    first, *others = question.lines()
    lines = [
        f"waiting up to {seconds / 60:g} minutes for {first}:",
        *([f"in Prefect's pages: {page}"] if page else []),
        *others,
    ]
    get_run_logger().info("waiting for %s", first)
    if os.environ.get(SHOW_PROGRESS):
        from callward.cli_tables import console  # noqa: PLC0415 - only where there is a terminal

        for line in lines:
            console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)
        console.print("  Ctrl-C ends the run; what is asked stays open", markup=False)

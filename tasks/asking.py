"""Asking a person about a sweep that the brake has stopped, with a form in Prefect's pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from prefect.input import RunInput
from pydantic import ConfigDict, Field

from callward.errors import BrakeError, CallwardError
from callward.instance import Instance
from callward.retention import approvals
from callward.retention.approvals import MAX_NAME, MAX_REASON, Approval
from tasks import waiting

_DECIDED = ("approved", "rejected", "used")
_WARNING = (
    "The plan is made again after you approve; if a single object differs, nothing goes "
    "and you are asked anew. A rejection stands until the plan changes."
)


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
class SweepQuestion:
    """Whether a sweep may go on (``waiting.Question``)."""

    instance: Instance
    asked: Approval
    flows: Sequence[str] = ("retention",)

    @property
    def id(self) -> str:
        """The approval's."""
        return self.asked.id

    def form(self) -> type[RunInput]:
        """The plan's table and hash, and three things to say."""
        shown = as_markdown(self.asked)
        return Decision.with_initial_data(description=shown, plan=self.asked.plan_hash)

    def open(self) -> bool:
        """Whether it waits for a decision."""
        return self.now().state == "waiting"

    def now(self) -> Approval:
        """The approval as it is now."""
        with self.instance.reading() as connection:
            return approvals.get(connection, self.asked.id).at(self.instance.clock.now())

    def enter(self, answer: Mapping[str, Any]) -> None:
        """Enter the decision, if it is of this plan."""
        if answer.get("plan") != self.asked.plan_hash:
            return
        approvals.decide(
            self.instance,
            self.asked.id,
            approve=answer.get("decision") == "approve",
            by=str(answer.get("name", "")),
            reason=str(answer.get("reason", "")),
            through="form",
        )

    def cannot_wait(self) -> CallwardError:
        """The brake holds, and nobody can be asked."""
        said = f"nothing was destroyed: approval {self.id} could not be waited for"
        return BrakeError(said)

    def lines(self) -> Sequence[str]:
        """The commands that decide it."""
        return (
            f"somebody to decide on approval {self.id}",
            f"in a terminal: callward approvals show {self.id}",
            f"  callward approvals approve {self.id} --name - --reason WHY   (or reject)",
        )

    def interrupted(self) -> str:
        """Nothing is lost."""
        return f"nothing was destroyed, approval {self.id} can still be decided"


def wait(instance: Instance, asked: Approval) -> bool:
    """Pause until somebody has decided, at most ``approval_wait_minutes``; whether one has."""
    minutes = instance.settings.approval_wait_minutes
    if not minutes:
        return False
    question = SweepQuestion(instance, asked)
    waiting.wait(question, minutes * 60)
    return question.now().state in _DECIDED


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

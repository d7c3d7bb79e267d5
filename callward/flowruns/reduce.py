"""What may be kept of a run: only what is known to be harmless, everything else is dropped.

Whoever may start a flow can type anything into its parameters, its name and its tags,
and other people's flows may use the same server. So nothing is kept for its form
alone where the form has room for a name or a number of a person.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from callward.flowruns.model import NIGHT_TAG, Known, Told
from callward.ledger.canonical import LIMIT, Json
from callward.ledger.leaves import rfc3339

OTHER: Final = "other"
"""Stands for a flow, a state or a work pool that is none of ours."""

_STAGE = ("as_of", "controller", "night")
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "nightly": (*_STAGE, "approve"),
        "ingest": _STAGE,
        "cards": _STAGE,
        "transcribe": _STAGE,
        "retention": (*_STAGE, "approve"),
        "evidence": ("as_of", "night", "from_day", "to_day"),
        "residual-scan": ("night",),
        "restore-drill": ("night",),
        "sub-processors": ("night",),
        "assurance": ("night",),
        "annual-review": ("from_day", "to_day", "night", "begin"),
        "review-actions": ("night",),
        "evidence-monthly": ("night", "month"),
        "transcribe-shard": ("shard",),
    }
)
"""Our flows, and of each the parameters that may be kept."""

TYPES: Final = frozenset(
    {
        *("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"),
        *("COMPLETED", "FAILED", "CRASHED", "CANCELLED"),
    }
)
STATES: Final = frozenset(
    {
        # Prefect's own,
        *("Scheduled", "Late", "Resuming", "AwaitingRetry", "AwaitingConcurrencySlot"),
        *("Pending", "InfrastructurePending", "Submitting", "NotReady", "Running", "Retrying"),
        *("Paused", "Suspended", "Cancelling", "Cancelled", "Completed", "Cached"),
        *("RolledBack", "Failed", "TimedOut", "Crashed"),
        # and what our stages end in.
        *("NothingNew", "NothingToScan", "NothingToTranscribe", "NothingDue", "NoSubProcessors"),
        *("DryRun", "NightFailed", "GateFailed", "Brake", "Rejected", "NobodyDecided", "Busy"),
        *("BadInstruction", "ResidueFound", "SubProcessorFindings", "AssuranceFindings"),
        *(
            "AwaitingOfficer",
            "AwaitingBoard",
            "Published",
            "Withdrawn",
            "ReviewRejected",
            "ReviewDue",
        ),
        *("NothingOpen", "ActionsOverdue"),
    }
)
TAGS: Final = frozenset({"callward", "night", "stage", "shard", "review"})
POOLS: Final = frozenset({"callward", "speech"})

# With a letter in it: sixteen digits may be a card's number.
_NIGHT = re.compile(r"(?=.*[a-f])[0-9a-f]{16}")

_PLAN = re.compile(r"(?=.*[a-f])[0-9a-f]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def reduced(run: Told, known: Known) -> dict[str, Json]:
    """The record of a run: ids, codes, counts and moments; what it is not sure of is null.

    Raises ValueError for a run whose id is none.
    """
    ours = run.flow in PARAMETERS
    return {
        "deployment": _uuid(run.deployment),
        "ended": _moment(run.ended),
        "expected": _moment(run.expected),
        "flow": run.flow if ours else OTHER,
        "id": str(UUID(run.id)),
        "name": _name(run, known) if ours else None,
        "parameters": _parameters(run, known) if ours else {},
        "parent": _uuid(run.parent),
        "pool": _one_of(run.pool, POOLS),
        "runs": run.runs if type(run.runs) is int and 0 <= run.runs <= LIMIT else None,
        "started": _moment(run.started),
        "state": _one_of(run.state, STATES),
        "state_type": _one_of(run.state_type, TYPES),
        "tags": sorted({tag for tag in run.tags if _ours(tag, known)}),
    }


def _parameters(run: Told, known: Known) -> dict[str, Json]:
    """Those on the flow's list whose value is one that may be kept; others as if not given."""
    found: dict[str, Json] = {}
    for name in PARAMETERS[run.flow]:
        value = run.parameters.get(name)
        text = _text(value)
        if name in run.parameters and (value is None or (text and _CHECKS[name](text, known))):
            found[name] = text
    return found


def _name(run: Told, known: Known) -> str | None:
    """The name, if it is one that ``flows.naming`` makes: flow, day or days, controller."""
    flow, *words = run.name.split(" ")
    days = [word for word in words[:2] if _is_day(word, known)]
    others = words[len(days) :]
    named = not others or (len(others) == 1 and _is_controller(others[0], known))
    return run.name if flow == run.flow and days and named else None


def _ours(tag: object, known: Known) -> bool:
    if not isinstance(tag, str):
        return False
    night = tag.removeprefix(NIGHT_TAG)
    return tag in TAGS or (night != tag and _is_night(night, known))


def _is_day(text: str, _known: Known) -> bool:
    try:
        return bool(_DAY.fullmatch(text)) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_controller(text: str, known: Known) -> bool:
    return text in known.controllers


def _is_night(text: str, known: Known) -> bool:
    return bool(_NIGHT.fullmatch(text)) or text in known.nights


def _is_shard(text: str, _known: Known) -> bool:
    return bool(_NIGHT.fullmatch(text))  # made alike


def _is_plan(text: str, _known: Known) -> bool:
    return bool(_PLAN.fullmatch(text))


def _is_switch(text: str, _known: Known) -> bool:
    return text in {"true", "false"}


def _is_month(text: str, known: Known) -> bool:
    return _is_day(f"{text}-01", known)


_CHECKS: Final[Mapping[str, Callable[[str, Known], bool]]] = {
    "as_of": _is_day,
    "from_day": _is_day,
    "to_day": _is_day,
    "controller": _is_controller,
    "night": _is_night,
    "approve": _is_plan,
    "shard": _is_shard,
    "begin": _is_switch,
    "month": _is_month,
}


def _text(value: Any) -> str | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else None


def _uuid(text: str | None) -> str | None:
    try:
        return None if text is None else str(UUID(text))
    except ValueError:
        return None


def _one_of(text: str | None, allowed: frozenset[str]) -> str | None:
    return None if text is None else text if text in allowed else OTHER


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment.astimezone(UTC))

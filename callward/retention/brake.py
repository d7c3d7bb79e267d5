"""The mass-deletion brake: what must have a person's word before it is destroyed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class BrakeRules:
    """See the settings of the same names."""

    share: float
    floor: int
    clock_jump_days: int


def brake_reasons(
    rules: BrakeRules,
    *,
    due: Mapping[str, int],
    holdings: Mapping[str, int],
    shortened: Collection[str],
    last_sweep: datetime | None,
    now: datetime,
) -> tuple[str, ...]:
    """Why this sweep needs approval, one code and controller each; empty: it does not.

    ``due`` and ``holdings`` count objects per controller. Nothing due needs no approval.
    """
    reasons = [
        f"share:{controller}"
        for controller, count in sorted(due.items())
        if count > rules.floor and count > rules.share * holdings.get(controller, 0)
    ]
    reasons += [
        f"shortened:{controller}" for controller in sorted(shortened) if due.get(controller)
    ]
    if any(due.values()) and last_sweep is not None:
        moved = now - last_sweep
        if moved < timedelta(0) or moved > timedelta(days=rules.clock_jump_days):
            reasons.append("clock-jump")
    return tuple(reasons)

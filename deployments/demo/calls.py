"""The demo's calls, as `calls.json` describes them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

DEMO = Path(__file__).parent
CALLS = DEMO / "calls"
SCRIPT = DEMO / "calls.json"
INSTRUCTIONS = DEMO / "instructions"

Side = Literal["agent", "caller"]


@dataclass(frozen=True, slots=True)
class Line:
    """What one side says."""

    who: Side
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One made-up call; numbers are from Ofcom's ranges for drama.

    ``age_days``: how long before the demo it took place; ``time``: of day in
    Europe/London; ``external_id`` and ``deliver_as`` hold places for ``{date}``
    and ``{clock}``; ``hold``: it is to be put on legal hold; ``voices``: flite's.
    """

    file: str
    controller: str
    age_days: int
    time: str
    external_id: str
    deliver_as: str
    direction: str
    caller: str
    called: str
    agent: str
    hold: bool
    voices: dict[Side, str]
    seconds: float
    script: tuple[Line, ...]

    @property
    def path(self) -> Path:
        """Where its recording is."""
        return CALLS / self.file

    def said_by(self, who: Side) -> str:
        """All that one side says."""
        return " ".join(line.text for line in self.script if line.who == who)


def demo_calls() -> tuple[Call, ...]:
    """All calls of the demo."""
    document: list[dict[str, Any]] = json.loads(SCRIPT.read_text(encoding="utf-8"))
    return tuple(
        Call(**entry | {"script": tuple(Line(**line) for line in entry["script"])})
        for entry in document
    )

"""What tests of several rooms build on: small instances, drops, instructions, a quick gate."""

import csv
import hashlib
import io
import math
import struct
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from callward import night
from callward.catalogue.tables import metadata
from callward.clock import Clock, FixedClock
from callward.gates import Check, GateResult, Gates, Outcome
from callward.instance import Instance, create_instance
from callward.intake.manifest import COLUMNS
from callward.run import Run, StageReport

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


class PassingGates:
    """A gate that lets every frame through, at once; ``seen`` holds what it was shown."""

    def __init__(self, *, stop: str = "", fail_rows: Mapping[str, str] | None = None) -> None:
        self.stop, self.fail_rows = stop, dict(fail_rows or {})
        self.seen: list[tuple[str, pd.DataFrame]] = []

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Pass, but fail the suite named ``stop``, and the rows of ``fail_rows`` (id: check)."""
        self.seen.append((suite, frame))
        failed = {one: self.fail_rows[one] for one in frame["id"] if one in self.fail_rows}
        outcome = Outcome.PASSED if len(frame) else Outcome.EMPTY
        if failed:
            outcome = Outcome.ROWS_FAILED
        if suite == self.stop:
            outcome, failed = Outcome.FAILED, {}
        check = Check(
            expectation="fake",
            column=None,
            severity="critical",
            promise="R9",
            success=suite != self.stop,
            evaluated=len(frame),
            failed=0,
            name="fake",
        )
        return GateResult(suite, outcome, len(frame), failed, (check,))


@lru_cache(maxsize=256)
def tone(seconds: float = 0.5, rate: int = 8000, channels: int = 1, pitch: int = 440) -> bytes:
    """A WAV file with a steady tone; another ``pitch`` is another content."""
    out = io.BytesIO()
    samples = [
        int(9000 * math.sin(2 * math.pi * pitch * n / rate)) for n in range(int(seconds * rate))
    ]
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", sample) * channels for sample in samples))
    return out.getvalue()


@dataclass(frozen=True)
class Call:
    """One delivered call; ``age`` in days before ``NOW``; ``row`` overrides manifest cells."""

    external_id: str
    age: float = 1.0
    content: bytes | None = None
    file: str = ""
    kind: str = "recording"
    caller: str = "07700 900123"
    called: str = "020 7946 0001"
    agent: str = "j.smith"
    row: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name in the drop."""
        return self.file or f"{self.external_id}.wav"

    @property
    def media(self) -> bytes:
        """The file's bytes: by default a tone of its own."""
        if self.content is not None:
            return self.content
        return tone(pitch=300 + int(hashlib.sha256(self.external_id.encode()).hexdigest()[:3], 16))

    def cells(self, now: datetime) -> dict[str, str]:
        """The manifest's row."""
        ended = now - timedelta(days=self.age)
        cells = {
            "file": self.name,
            "external_id": self.external_id,
            "kind": self.kind,
            "started_at": (ended - timedelta(seconds=1)).isoformat(),
            "ended_at": ended.isoformat(),
            "direction": "inbound",
            "caller": self.caller,
            "called": self.called,
            "agent": self.agent,
            "sha256": hashlib.sha256(self.media).hexdigest(),
        }
        return {**cells, **self.row}


def new_instance(
    home: Path, *, database_url: str = "", clock: Clock | None = None, **settings: Any
) -> Instance:
    """A fresh instance at ``home`` whose clock stands at ``NOW``."""
    home.mkdir(parents=True, exist_ok=True)
    lines = {"processes": 2, "approval_wait_minutes": 0, **settings}
    if database_url:
        lines["database_url"] = database_url
    text = "".join(
        f'{name} = "{value}"\n' if isinstance(value, str) else f"{name} = {value}\n"
        for name, value in lines.items()
    )
    (home / "callward.toml").write_text(text)
    return create_instance(home, clock or FixedClock(NOW))


def instruct(
    instance: Instance,
    controller: str = "acorn",
    *,
    recordings: str = "45 days",
    interactions: str = "3 years",
    transcription: bool = False,
    card_data: str = "pause_and_resume",
    effective_from: str = "2020-01-01",
) -> None:
    """Write the controller's instruction file (stages load it by themselves).

    Nothing is listened to for card numbers unless ``card_data`` says ``scan``.
    """
    path = instance.settings.instructions / f"{controller}.yaml"
    path.write_text(
        f"controller: {controller}\n"
        f"name: {controller.title()} Ltd\n"
        f"effective_from: {effective_from}\n"
        "approved_by: Head of Data Protection\n"
        "reference: REF/1\n"
        "lawful_basis: contract\n"
        f"retention:\n  recordings: {recordings}\n  interactions: {interactions}\n"
        f"card_data: {card_data}\n"
        f"transcription:\n  enabled: {str(transcription).lower()}\n"
    )


def deliver(
    instance: Instance,
    calls: Sequence[Call],
    *,
    controller: str = "acorn",
    drop: str = "drop-1",
    now: datetime = NOW,
) -> Path:
    """Put a drop into the landing zone, manifest last; its folder."""
    folder = instance.settings.landing / controller / drop
    folder.mkdir(parents=True, exist_ok=True)
    for call in calls:
        path = folder / call.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(call.media)
    write_manifest(folder, [call.cells(now) for call in calls])
    return folder


def write_manifest(folder: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write ``manifest.csv``."""
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def run_stage(
    instance: Instance, stage: str, gates: Gates | None = None, **run: Any
) -> StageReport:
    """Run one stage plainly; keywords as for ``night.new_run``."""
    made: Run = night.new_run(instance, **run)
    work = night.work_for(instance, gates or PassingGates(), made)
    if stage == "evidence":
        return night.evidence(instance, work, made, None)[0]
    function: Callable[..., StageReport] = getattr(night, stage)
    return function(instance, work, made)


def run_night(instance: Instance, gates: Gates | None = None, **run: Any) -> list[StageReport]:
    """Run all stages plainly."""
    return [run_stage(instance, stage, gates, **run) for stage in night.STAGES]


def rows(instance: Instance, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Rows of a table, sorted, all columns or those named."""
    found = metadata.tables[table]
    wanted = [found.c[name] for name in columns] if columns else list(found.c)
    with instance.unit() as connection:
        return sorted((tuple(row) for row in connection.execute(sa.select(*wanted))), key=repr)


def snapshot(instance: Instance) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's rows: to show that a failure changed nothing."""
    return {name: rows(instance, name) for name in metadata.tables}

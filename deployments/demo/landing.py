"""Puts the demo's calls into a landing zone, as three customers' telephone systems would."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from callward.clock import LONDON, london_day
from callward.durable import sync_file, write_durably
from callward.intake.manifest import COLUMNS
from deployments.demo.calls import Call, demo_calls

FIRST_DROP = "export-1"
SECOND_DROP = "export-2"

NOT_MEDIA = "fernhollow-1.ogg"  # comes once more as a text called .wav
TRUNCATED = "thornbeck-3.flac"  # comes once more, cut short
TWICE = "thornbeck-1.ogg"  # comes again, just as it was, in a second drop


@dataclass(frozen=True, slots=True, repr=False)
class DemoDrops:
    """What was delivered, and the call to be put on legal hold.

    ``drops`` and ``files`` (manifests not counted) are empty and 0 if the demo
    had been delivered before. ``hold_external_id`` is personal data.
    """

    drops: tuple[Path, ...]
    files: int
    hold_controller: str
    hold_external_id: str


@dataclass(frozen=True, slots=True)
class _Item:
    """One file of a drop and its line in the manifest."""

    name: str
    content: bytes
    line: dict[str, str]


def fill_landing(landing: Path, *, now: datetime, marker: Path) -> DemoDrops:
    """Deliver the calls into ``landing/<controller>/<drop>/``, once per ``marker``.

    Times are counted back from ``now`` (aware). Manifests come last, each whole;
    the marker comes when all is there, so a run that broke off is done again,
    with the times it had begun with.
    """
    moment, finished = _begin(marker, now)
    calls = demo_calls()
    held = next(call for call in calls if call.hold)
    drops = {} if finished else _drops(calls, moment)
    for place, items in drops.items():
        _deliver(landing / place, items)
    if not finished:
        _note(marker, moment, finished=True)
    return DemoDrops(
        drops=tuple(landing / place for place in drops),
        files=sum(len(items) for items in drops.values()),
        hold_controller=held.controller,
        hold_external_id=_external_id(held, _started(held, moment)),
    )


def _begin(marker: Path, now: datetime) -> tuple[datetime, bool]:
    """When the demo was first delivered, and whether that was finished."""
    if marker.exists():
        note = json.loads(marker.read_text(encoding="utf-8"))
        return datetime.fromisoformat(note["delivered_at"]), bool(note["finished"])
    _note(marker, now, finished=False)
    return now, False


def _note(marker: Path, moment: datetime, *, finished: bool) -> None:
    note = {"delivered_at": moment.isoformat(), "finished": finished}
    marker.parent.mkdir(parents=True, exist_ok=True)
    write_durably(marker, json.dumps(note).encode())


def _drops(calls: Iterable[Call], now: datetime) -> dict[str, list[_Item]]:
    """All items by ``<controller>/<drop>``."""
    drops: dict[str, list[_Item]] = {}
    for call in calls:
        content = call.path.read_bytes()
        started = _started(call, now)
        first = drops.setdefault(f"{call.controller}/{FIRST_DROP}", [])
        first.append(_item(call, started, content))
        later = started + timedelta(hours=1)
        if call.file == NOT_MEDIA:
            first.append(_item(call, later, b"The caller left no message.\n", suffix=".wav"))
        if call.file == TRUNCATED:
            first.append(_item(call, later, content[: len(content) * 2 // 5]))
        if call.file == TWICE:
            drops[f"{call.controller}/{SECOND_DROP}"] = [_item(call, started, content)]
    return drops


def _started(call: Call, now: datetime) -> datetime:
    day = london_day(now) - timedelta(days=call.age_days)
    return datetime.combine(day, time.fromisoformat(call.time), LONDON)


def _fill(template: str, started: datetime) -> str:
    return template.format(date=f"{started:%Y%m%d}", clock=f"{started:%H%M%S}")


def _external_id(call: Call, started: datetime) -> str:
    """The id, with the time: a file that comes once more as a bad one has another."""
    return f"{_fill(call.external_id, started)}-{started:%H%M%S}"


def _item(call: Call, started: datetime, content: bytes, *, suffix: str | None = None) -> _Item:
    name = Path(_fill(call.deliver_as, started))
    name = name.with_suffix(suffix or name.suffix)
    line = {
        "file": name.name,
        "external_id": _external_id(call, started),
        "kind": "recording",
        "started_at": started.isoformat(),
        "ended_at": (started + timedelta(seconds=call.seconds)).isoformat(timespec="milliseconds"),
        "direction": call.direction,
        "caller": call.caller,
        "called": call.called,
        "agent": call.agent,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return _Item(name.name, content, line)


def _deliver(drop: Path, items: Iterable[_Item]) -> None:
    """Write the files, then the manifest that makes the drop complete."""
    drop.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS)
    table.writeheader()
    for item in items:
        path = drop / item.name
        path.write_bytes(item.content)
        sync_file(path)
        table.writerow(item.line)
    write_durably(drop / "manifest.csv", text.getvalue().encode())

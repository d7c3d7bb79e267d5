"""The annual pack of the year, and what it says to whoever opens it."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from callward import night
from callward.evidence.clauses.model import Period
from tests.support import PassingGates
from tests.year import days
from tests.year.world import Year


@dataclass(frozen=True)
class Said:
    """A verdict as the pack has it; findings by code."""

    state: str
    findings: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Pack:
    """A pack's file, looked into."""

    path: Path

    def read(self, name: str) -> bytes:
        """A file of the payload by its name below ``data/``."""
        with zipfile.ZipFile(self.path) as archive:
            (found,) = [one for one in archive.namelist() if one.endswith(f"/data/{name}")]
            return archive.read(found)

    @cached_property
    def verdicts(self) -> Mapping[str, Said]:
        """What became of each clause."""
        told = json.loads(self.read("clauses.json"))["verdicts"]
        return {
            one["clause"]: Said(one["state"], {each["code"]: each for each in one["findings"]})
            for one in told
        }

    def facts(self, kind: str) -> Mapping[str, Any]:
        """The facts of an evidence item."""
        found: Mapping[str, Any] = json.loads(self.read(f"evidence/{kind}.json"))["facts"]
        return found

    @cached_property
    def first_page(self) -> str:
        """The words of the report's summary, one blank between two."""
        reader = _Section("summary")
        reader.feed(self.read("report.html").decode())
        return " ".join(" ".join(reader.words).split())


class _Section(HTMLParser):
    """Collects the text of the section with an id."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self._wanted, self._depth = wanted, 0
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Go into the section, or deeper."""
        named = {("id", self._wanted), ("aria-labelledby", self._wanted)} & set(attrs)
        if tag == "section" and (self._depth or named):
            self._depth += 1

    def handle_endtag(self, tag: str) -> None:
        """Come out of it."""
        if tag == "section" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        """Keep what is said inside."""
        if self._depth:
            self.words.append(data)


def make(year: Year) -> Pack:
    """The annual pack, made on the day after the year's last."""
    year.clock.moment = days.REVIEWED_AT
    run = night.new_run(year.instance)
    work = night.work_for(year.instance, PassingGates(), run)
    period = Period(days.FIRST, days.LAST)
    report, path = night.evidence(
        year.instance, work, run, year.history, period=period, kind="annual"
    )
    year.tell(report.failures)
    assert path is not None
    return Pack(path)

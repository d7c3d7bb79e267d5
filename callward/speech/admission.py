"""At the moment of the call: who may still be transcribed, decided again for every recording.

A shard may take an hour, and an instruction, the register, a hold or an erasure counts
from when it is there, not from when the plan was made.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction, in_force
from callward.retention.plan import held_by_join
from callward.run import Run
from callward.speech.decision import Candidate
from callward.speech.engine import Hints
from callward.speech.options import options
from callward.speech.plan import SCANNED, Shard, pick
from callward.speech.work import SpeechTask

STALE_SECONDS: Final = 1.0
"""What was decided is decided again if the call comes later than this."""
PATIENCE: Final = 10
"""So many recordings in a row that the engine fails on are the engine's fault, not theirs."""
_OF_ENGINES: Final = "engine-"
_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The instruction in force, why some may not go to the engine, and who waits.

    ``elsewhere``: recordings that may be transcribed, but not by this engine any more; the
    next plan sees to them.
    """

    version: VersionedInstruction | None
    codes: dict[str, str]
    elsewhere: frozenset[str] = frozenset()

    def free(self, recordings: Sequence[Candidate]) -> list[Candidate]:
        """Those that may go."""
        return [
            one for one in recordings if one.id not in self.codes and one.id not in self.elsewhere
        ]


def decide_now(connection: sa.Connection, instance: Instance, run: Run, shard: Shard) -> Verdicts:
    """Decide for all of a shard as things stand in this transaction."""
    day, ids = today(instance.clock), [one.id for one in shard.recordings]
    version = in_force(connection, shard.controller, day)
    on_hold = held_by_join(connection, ids)
    going, scanned = gone(connection, ids), _scanned(connection, ids)
    may_be_asked = options(instance, connection, run.unclear_register)
    codes: dict[str, str] = {}
    elsewhere: set[str] = set()
    for one in shard.recordings:
        now = replace(one, held=one.id in on_hold, early=one.id in going, scanned=one.id in scanned)
        engine, code = pick(now, version, may_be_asked, day)
        if code is not None:
            codes[one.id] = str(code)
        elif engine != shard.engine:
            elsewhere.add(one.id)
    return Verdicts(version, codes, frozenset(elsewhere))


def gone(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Which recordings are to be erased early, or gone."""
    objects = t.objects.c
    there = sa.select(objects.id).where(
        objects.id.in_(ids), objects.state == "live", ~objects.early
    )
    return set(ids) - set(connection.scalars(there))


def _scanned(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Which recordings were listened to for card numbers, and hold none any more."""
    scans = t.card_scans.c
    query = sa.select(scans.object_id).where(scans.object_id.in_(ids), scans.state.in_(SCANNED))
    return set(connection.scalars(query))


@dataclass(slots=True)
class Admission:
    """Hands out a shard's recordings as tasks, each only if it may be transcribed right then."""

    instance: Instance
    run: Run
    shard: Shard
    given: list[Candidate] = field(default_factory=list)
    """In the order in which they were handed out."""
    refused: list[tuple[Candidate, str]] = field(default_factory=list)
    keyless: list[Candidate] = field(default_factory=list)
    """Whose key is not there: they cannot be opened."""
    fault: str = ""
    """Why no more are handed out (a code): the engine fails whatever it is given."""
    _in_a_row: int = 0
    _elsewhere: int = 0

    def tasks(self) -> Iterator[SpeechTask]:
        """The tasks, as they are asked for."""
        waiting = list(self.shard.recordings)
        while waiting and not self.fault:
            waiting = [*(yield from self._some(waiting[:_AT_ONCE])), *waiting[_AT_ONCE:]]

    def hear_of(self, result: object) -> None:
        """Take note of what came of one; an engine that fails again and again is asked no more."""
        code = result if isinstance(result, str) and result.startswith(_OF_ENGINES) else ""
        self._in_a_row = self._in_a_row + 1 if code else 0
        if self._in_a_row >= PATIENCE:
            self.fault = code

    @property
    def waiting(self) -> int:
        """How many were not even looked at because of the fault."""
        known = len(self.given) + len(self.refused) + len(self.keyless) + self._elsewhere
        return len(self.shard.recordings) - known if self.fault else 0

    def _some(
        self, wanted: Sequence[Candidate]
    ) -> Generator[SpeechTask, None, Sequence[Candidate]]:
        """Hand out those of ``wanted`` that the time allows; returns the others."""
        some = replace(self.shard, recordings=tuple(wanted))
        with self.instance.reading() as connection:
            looked = time.monotonic()
            verdicts = decide_now(connection, self.instance, self.run, some)
            free = verdicts.free(wanted)
            keys = self.instance.vault.object_keys(connection, [one.id for one in free])
        self.refused += [
            (one, verdicts.codes[one.id]) for one in wanted if one.id in verdicts.codes
        ]
        self.keyless += [one for one in free if one.id not in keys]
        self._elsewhere += len(verdicts.elsewhere)
        ready = [one for one in free if one.id in keys]
        if verdicts.version is None:
            return []  # then nobody is free
        for number, one in enumerate(ready):
            if self.fault:
                return []
            if number and time.monotonic() - looked > STALE_SECONDS:
                return ready[number:]
            self.given.append(one)
            yield self._task(one, keys[one.id], verdicts.version)
        return []

    def _task(self, one: Candidate, key: bytes, version: VersionedInstruction) -> SpeechTask:
        said, settings = version.instruction.transcription, self.instance.settings
        return SpeechTask(
            object_id=one.id,
            controller=one.controller,
            kind=one.kind,
            engine=settings.engines[self.shard.engine],
            home=settings.home,
            hints=Hints(said.language, said.phrases),
            channels=one.channels,
            store_url=self.instance.vault.store.url,
            store_key=one.store_key,
            key=key,
        )

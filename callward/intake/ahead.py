"""One batch of records is read by the workers while the one before is recorded."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

from callward.instance import Instance
from callward.intake.batches import Batch
from callward.intake.reading import Answer, read_units
from callward.intake.record_plan import RecordBatch
from callward.intake.record_stage import Prepared, prepare, record_read
from callward.intake.stage import ingest_batch
from callward.run import Run, StageReport, Work
from callward.workers import Workers

Planned = Iterator[Batch | RecordBatch]


@dataclass(frozen=True, slots=True)
class Turn:
    """A batch and what is to be done with it now."""

    batch: Batch | RecordBatch
    what: str
    """``12 items``, ``3 slices of records``."""
    act: Callable[[], StageReport]


def turns(
    instance: Instance,
    work: Work,
    run: Run,
    workers: Workers,
    planned: Planned,
    stopped: Collection[str] = (),
) -> Iterator[Turn]:
    """Yield what is to be done, batch by batch, in the order planned.

    Nothing is read of controllers that are ``stopped``, which may become more: their
    turns come all the same, to be passed over. What planning raises is raised when
    everything planned before has had its turn.

    The workers are one thread's at a time: planning, which looks at files with them, and
    recordings, which are sealed with them, wait until nothing is being read.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting: Turn | None = None
        plan = _Plan(planned)
        for batch in plan:
            if isinstance(batch, Batch):
                yield from _last(waiting)
                waiting = None
                act = partial(ingest_batch, instance, work, run, workers, batch)
                yield Turn(batch, f"{len(batch.items)} items", act)
                continue
            reading = _Reading()
            if batch.controller not in stopped:
                reading = _begin(instance, work, workers, batch, thread)
            yield from _last(waiting)  # it is recorded while this one is read
            wait([reading.answers] if reading.answers else [])
            what = f"{len(batch.units)} slices of records"
            waiting = Turn(batch, what, partial(reading.record, instance, work, run))
        yield from _last(waiting)
    plan.check()


class _Plan:
    """What is planned, up to where planning it failed."""

    def __init__(self, planned: Planned) -> None:
        self._planned = planned
        self._problem: Exception | None = None

    def __iter__(self) -> Planned:
        try:
            yield from self._planned
        except Exception as error:  # noqa: BLE001 - raised later
            self._problem = error

    def check(self) -> None:
        """Raise what planning raised."""
        if self._problem is not None:
            raise self._problem


def _last(turn: Turn | None) -> Iterator[Turn]:
    if turn is not None:
        yield turn


@dataclass(frozen=True, slots=True)
class _Reading:
    """A batch that is being read, or why it is not: said when its turn comes."""

    prepared: Prepared | None = None
    answers: Future[list[Answer]] | None = None
    problem: Exception | None = None

    def record(self, instance: Instance, work: Work, run: Run) -> StageReport:
        """Record what was read."""
        if self.prepared is None or self.answers is None:
            raise self.problem or AssertionError
        return record_read(instance, work, run, self.prepared, self.answers.result())


def _begin(
    instance: Instance,
    work: Work,
    workers: Workers,
    batch: RecordBatch,
    thread: ThreadPoolExecutor,
) -> _Reading:
    try:
        prepared = prepare(instance, work, batch)
    except Exception as error:  # noqa: BLE001 - the batch before is to be recorded first
        return _Reading(problem=error)
    read = partial(read_units, instance, batch.instruction, workers, prepared.intent)
    return _Reading(prepared, thread.submit(read, prepared.fresh))

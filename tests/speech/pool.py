"""A work pool in this process: a queue, and workers that take from it when told to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from callward.catalogue.guard import sharing
from callward.errors import CallwardError
from callward.instance import Instance
from callward.intake.claims import Claims
from callward.run import StageReport
from callward.speech.oneshard import do_shard
from callward.speech.shards import Held, take
from callward.speech.sharedout import HandedOut, PoolUnreachableError
from tests.support import PassingGates


@dataclass
class Pool:
    """Takes shards as Prefect would; what its workers do is up to ``worker``."""

    instance: Instance
    gates: PassingGates = field(default_factory=PassingGates)
    queue: list[HandedOut] = field(default_factory=list)
    given: list[HandedOut] = field(default_factory=list)
    away: bool = False
    """The server does not answer."""
    ended: list[StageReport | CallwardError] = field(default_factory=list)

    def __call__(self, shard: HandedOut) -> None:
        """Take a shard."""
        if self.away:
            raise PoolUnreachableError("Prefect's server: ConnectError")
        self.given.append(shard)
        self.queue.append(shard)

    def at_once(self, shard: HandedOut) -> None:
        """Take a shard, and have a worker do it before anything else."""
        self(shard)
        self.work(0)

    def work(self, _seconds: float) -> None:
        """A worker takes the next, if there is one; in the place of the parent's sleep."""
        if not self.queue:
            return
        shard = self.queue.pop(0)
        try:
            self.ended.append(do_shard(self.instance, self.gates, shard.id, sleep=lambda _: None))
        except CallwardError as error:
            self.ended.append(error)

    def die(self, _seconds: float) -> None:
        """A worker takes the next and dies over it."""
        if self.queue:
            with dying(self.instance, self.queue.pop(0).id):
                pass

    def turns(self, *what: Callable[[float], None]) -> Callable[[float], None]:
        """In the place of sleeping: each of these once, then work."""
        left = list(what)

        def sleep(seconds: float) -> None:
            (left.pop(0) if left else self.work)(seconds)

        return sleep


@contextmanager
def dying(instance: Instance, shard_id: str) -> Iterator[Held]:
    """A worker that has a shard, and dies at the end: the lease stays, its sign of life goes."""
    with sharing(instance.engine) as holder:
        claims = Claims(instance.engine, holder, instance.settings.shard_lease_seconds)
        assert take(instance, claims, shard_id, 99) is not None
        yield Held(claims, shard_id)

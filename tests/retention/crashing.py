"""An instance that dies where it is told to: after any transaction, around any deletion."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

import sqlalchemy as sa

from callward.instance import Instance
from callward.vault.stores import ObjectStore


class Crash(BaseException):
    """The process dies here; it stands for SIGKILL, so nothing may catch it."""


@dataclass
class Fuse:
    """Dies at the step it is set to (0: never); counts them all."""

    at: int = 0
    steps: int = 0

    def step(self) -> None:
        """One more boundary."""
        self.steps += 1
        if self.steps == self.at:
            raise Crash


FUSE = Fuse()


class Fragile(Instance):
    """An instance that may die after any transaction (dying in one is dying before it)."""

    @contextmanager
    def unit(self) -> Iterator[sa.Connection]:
        """One transaction and a boundary."""
        with Instance.unit(self) as connection:
            yield connection
        FUSE.step()


class FragileStore(ObjectStore):
    """A store that may die before, half-way through and after a deletion."""

    def delete(self, paths: Iterable[str]) -> None:
        """Delete in two parts."""
        wanted = sorted(paths)
        for part in (wanted[:1], wanted[1:]):
            FUSE.step()
            super().delete(part)
        FUSE.step()


def fragile(instance: Instance) -> Fragile:
    """The same instance, made to die where ``FUSE`` says."""
    instance.vault.store = FragileStore(instance.vault.store.url)
    FUSE.at = FUSE.steps = 0
    return Fragile(**{field.name: getattr(instance, field.name) for field in fields(instance)})

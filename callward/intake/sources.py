"""Where drops arrive, and how a worker comes by them: found, claimed, brought to a folder."""

import shutil
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from callward.catalogue.guard import spooled_by_dead
from callward.durable import sync_folder
from callward.errors import CallwardError
from callward.instance import Instance
from callward.intake.arrival import Arrival, Brought
from callward.intake.claims import Claims, claiming
from callward.intake.plan import MANIFEST, find_drops, find_folders, find_record_drops
from callward.intake.reasons import Refusal
from callward.vault.blind import Blinder

_MOMENT = 0.2
"""Seconds after which a database server has noticed that a worker has died."""


class Source(Protocol):
    """A place where drops arrive as ``<controller>/<drop>/<file>``."""

    def folders(self) -> Sequence[str]:
        """The controllers' names, as they stand there now; CallwardError if it cannot be said."""

    def drops(self, folder: str, marker: str) -> Sequence[str]:
        """A controller's drops that ``marker`` says are complete."""

    def bring(self, folder: str, drop: str, marker: str) -> Brought | None:
        """Have a drop in a local folder; None if it is not there any more."""


class LocalSource:
    """The landing folder; what is in it is worked on where it lies."""

    def __init__(self, landing: Path) -> None:
        self._landing = landing
        self._names: frozenset[str] = frozenset()

    def folders(self) -> Sequence[str]:
        """The folders in it. Raises Refusal: unreadable."""
        names = [path.name for _, path in find_folders(self._landing, (), None)]
        self._names = frozenset(names)
        return names

    def drops(self, folder: str, marker: str) -> Sequence[str]:
        """The folders in a folder that hold the marker. Raises Refusal: unreadable."""
        if folder not in self._names:  # another source's, and a name that may lead anywhere
            return []
        find = find_drops if marker == MANIFEST else find_record_drops
        return [path.name for path in find(self._landing / folder)]

    def bring(self, folder: str, drop: str, marker: str) -> Brought | None:
        """Where it is, unless another worker has finished it meanwhile."""
        return (
            Brought(self._landing / folder / drop) if drop in self.drops(folder, marker) else None
        )


class Landing:
    """The drops that wait in all sources, and this worker's claims on them.

    ``skipped``: in this round some of them were being worked on. ``failed``: what is wrong
    with sources that could not be asked.
    """

    def __init__(self, instance: Instance, claims: Claims, sources: Sequence[Source]) -> None:
        self._instance, self._claims, self._sources = instance, claims, sources
        self._tried: set[tuple[int, str]] = set()
        self._held: set[str] = set()
        self._blinders: dict[str, Blinder] = {}
        self._said: set[str] = set()
        self._progress = False
        self.skipped = False
        self.failed: list[str] = []

    def rounds(self) -> Iterator[None]:
        """Once around, and again for as long as drops were claimed that may be free now."""
        waited = False
        while True:
            self.skipped = self._progress = False
            yield
            if not self.skipped or (waited and not self._progress):
                return
            if not self._progress:
                time.sleep(_MOMENT)
                waited = True

    def folders(
        self, controllers: Container[str], only: str | None
    ) -> Iterator[tuple[str | None, str]]:
        """``(controller, folder)`` of all who deliver; None for controllers not known."""
        for name in self._names():
            known = name if name in controllers else None
            if only is None or known == only:
                yield known, name

    def drops(self, folder: str, controller: str, marker: str) -> Iterator[Arrival | str]:
        """Claim and bring a controller's complete drops; a text says why one cannot be had."""
        for number, source in enumerate(self._sources):
            try:
                found = source.drops(folder, marker)
            except Refusal as refusal:
                yield from self.once(f"a folder of {controller} cannot be listed: {refusal.reason}")
                continue
            for drop in found:
                lease = self._lease(controller, folder, drop)
                if (number, lease) not in self._tried and self._claim(lease):
                    self._tried.add((number, lease))
                    yield from self._have(source, lease, (folder, drop, marker))

    def done(self, arrivals: Iterable[Arrival | None]) -> None:
        """Let go of drops that are done, or that nothing more is done about now."""
        mine = [one for one in arrivals if one is not None]
        for one in mine:
            one.brought.leave()
        if mine:
            self._give_back(*(one.lease for one in mine))

    def _names(self) -> list[str]:
        names: set[str] = set()
        for source in self._sources:
            try:
                names.update(source.folders())
            except Refusal:
                raise
            except CallwardError as error:
                self.failed += self.once(str(error))
        return sorted(names)

    def _have(
        self, source: Source, lease: str, place: tuple[str, str, str]
    ) -> Iterator[Arrival | str]:
        try:
            brought = source.bring(*place)
        except CallwardError as error:
            yield f"drop {lease[:32]} cannot be fetched: {error}"
            brought = None
        if brought is None:
            self._give_back(lease)
        else:
            yield Arrival(brought, lease, self._claims)

    def _claim(self, lease: str) -> bool:
        """Claim a drop; not one of the same name elsewhere, at which this worker is already."""
        if lease in self._held or not self._claims.claim(lease):
            self.skipped = True
            return False
        self._held.add(lease)
        self._progress = True
        return True

    def _give_back(self, *leases: str) -> None:
        self._held.difference_update(leases)
        self._claims.release(*leases)

    def _lease(self, controller: str, folder: str, drop: str) -> str:
        """What a drop is claimed by: its names, of which nobody is to learn anything."""
        if controller not in self._blinders:
            with self._instance.unit() as connection:
                now = self._instance.clock.now()
                blinder = self._instance.vault.blinder(connection, controller, now)
            self._blinders[controller] = blinder
        return self._blinders[controller].digest("lease", folder, drop)

    def once(self, said: str) -> Iterator[str]:
        """Say it, unless it has been said."""
        if said not in self._said:
            self._said.add(said)
            yield said


@contextmanager
def landing_of(instance: Instance) -> Iterator[Landing]:
    """Where drops arrive, for one worker among others; BusyError if a run wants to be alone."""
    with claiming(instance) as claims, _spool(instance, claims) as spool:
        yield Landing(instance, claims, _sources(instance, spool))


def _sources(instance: Instance, spool: Path) -> list[Source]:
    settings = instance.settings
    sources: list[Source] = [LocalSource(settings.landing)]
    if settings.landing_url:
        # Here, because most instances have no bucket and boto3 takes a while to load.
        from callward.intake.s3_source import BucketSource  # noqa: PLC0415

        sources.append(BucketSource(settings.landing_url, spool, settings.max_file_bytes))
    return sources


@contextmanager
def _spool(instance: Instance, claims: Claims) -> Iterator[Path]:
    """A folder of this worker's alone."""
    mine = instance.settings.spool / claims.holder
    try:
        yield mine
    finally:
        remove_tree(mine)


def clear_spool(instance: Instance) -> None:
    """Remove the spool folders of workers that have died, contents and all."""
    if not instance.settings.spool.is_dir():
        return
    with instance.reading() as connection:
        left = spooled_by_dead(connection, instance.settings.spool)
    for path in left:
        remove_tree(path)


def remove_tree(folder: Path) -> None:
    """Remove a folder of the spool with all that is in it, and flush that."""
    if folder.is_dir():
        shutil.rmtree(folder)
        sync_folder(folder.parent)

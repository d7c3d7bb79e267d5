"""Loading the instance's ``instructions/`` folder: every changed file becomes a new version.

A file is named after its controller. One that is wrong stops nobody else: its
controller's data are taken in under the version before, but neither transcribed
nor destroyed until somebody has mended it, because what it says is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from callward import strictyaml
from callward.catalogue import tables as t
from callward.errors import NotFoundError
from callward.instance import Instance
from callward.instructions import registry
from callward.instructions.reader import FORM, Loaded, loaded
from callward.ledger import log


@dataclass(frozen=True, slots=True)
class Folder:
    """What the folder holds: good instructions, and per unclear controller what is wrong."""

    good: tuple[Loaded, ...]
    problems: Mapping[str, str]


def read_folder(instance: Instance) -> Folder:
    """Read every file."""
    good, problems = strictyaml.read_folder(instance.settings.instructions, FORM)
    return Folder(tuple(loaded(said) for said in good), problems)


def require_controller(connection: sa.Connection, instance: Instance, name: str) -> None:
    """NotFoundError unless a controller is known: by its file, or because it was met before.

    The name given is not repeated: whoever mistyped may have typed anything.
    """
    met = sa.select(t.controllers.c.id).where(t.controllers.c.id == name)
    instructed = {path.stem for path in instance.settings.instructions.glob(strictyaml.PATTERN)}
    if name not in instructed and connection.scalar(met) is None:
        raise NotFoundError("no controller of that name is known")


def load_folder(instance: Instance) -> tuple[dict[str, int], Folder]:
    """Catalogue what has changed; controller to new version, and the folder as read."""
    folder = read_folder(instance)
    try:
        return _record(instance, folder), folder
    except sa.exc.IntegrityError:  # another worker loads the same at the same moment
        return _record(instance, folder), folder


def _record(instance: Instance, folder: Folder) -> dict[str, int]:
    with instance.unit() as connection:
        return record_folder(connection, folder, instance.clock.now())


def record_folder(connection: sa.Connection, folder: Folder, at: datetime) -> dict[str, int]:
    """The same in the caller's transaction, of a folder read before."""

    def record(event: str, ids: Mapping[str, str], counts: Mapping[str, int]) -> None:
        log.append(connection, event, [], at=at, ids=ids, counts=counts)

    changed: dict[str, int] = {}
    for one in folder.good:
        version = registry.load(connection, one, at=at, record=record)
        if version is not None:
            changed[one.instruction.controller] = version
    return changed

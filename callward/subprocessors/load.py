"""Loading the instance's ``sub-processors/`` folder: every changed file becomes a new version.

A file is named after its sub-processor. While one is wrong, or gone, nothing may go to
its sub-processor: what it says now may be that nothing may.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from callward.instance import Instance
from callward.strictyaml import Said, read_folder
from callward.subprocessors import registry
from callward.subprocessors.checking import WITHIN_DAYS, Finding, Unreadable, standing
from callward.subprocessors.model import SubProcessor
from callward.subprocessors.reader import FORM, RegisterError
from callward.subprocessors.registry import VersionedSubProcessor


@dataclass(frozen=True, slots=True)
class Register:
    """Every entry in force, by id, and what is wrong with those that cannot be relied on.

    ``changed``: new versions loaded just now. An id with a problem has no entry.
    """

    entries: Mapping[str, VersionedSubProcessor]
    problems: Mapping[str, str]
    changed: Mapping[str, int] = field(default_factory=dict)

    def get(self, sub_processor: str) -> SubProcessor | Unreadable | None:
        """What is known under an id: its entry, that it cannot be read, or nothing."""
        if sub_processor in self.problems:
            return Unreadable(sub_processor)
        found = self.entries.get(sub_processor)
        return found.sub_processor if found else None

    @property
    def ids(self) -> list[str]:
        """Every sub-processor that is known, whether its entry can be read or not; sorted."""
        return sorted({*self.entries, *self.problems})

    def findings(self, day: date, within: int = WITHIN_DAYS) -> list[Finding]:
        """What forbids the use of each on ``day`` (London), or will ``within`` so many days."""
        known = [found for one in self.ids if (found := self.get(one)) is not None]
        return [finding for found in known for finding in standing(found, day, within)]


def load_register(instance: Instance) -> Register:
    """Catalogue what has changed; the register as it is now in force."""
    good, problems = read_folder(instance.settings.sub_processors, FORM)
    try:
        return _record(instance, good, problems)
    except sa.exc.IntegrityError:  # another worker loads the same at the same moment
        return _record(instance, good, problems)


def _record(
    instance: Instance, good: Sequence[Said[SubProcessor]], problems: Mapping[str, str]
) -> Register:
    now = instance.clock.now()
    with instance.unit() as connection:
        loaded = {one.value.id: registry.load(connection, one, at=now) for one in good}
        known = registry.newest(connection)
    changed = {name: version for name, version in loaded.items() if version is not None}
    return _in_force(known, [one.value.id for one in good], problems, changed)


def _in_force(
    known: Mapping[str, VersionedSubProcessor],
    read: Sequence[str],
    problems: Mapping[str, str],
    changed: Mapping[str, int],
) -> Register:
    """Those whose files are there and good; one that has gone may have been taken off the list.

    Whoever was ended stays known as such without a file.
    """
    all_problems = dict(problems)
    for name, one in known.items():
        if name not in read and name not in problems and one.sub_processor.status != "ended":
            all_problems[name] = str(
                RegisterError(
                    f"{name}.yaml: expected a file of every sub-processor that was active; "
                    "'status: ended' ends one"
                )
            )
    entries = {name: one for name, one in known.items() if name not in all_problems}
    return Register(entries, dict(sorted(all_problems.items())), changed)


def look_at_register(instance: Instance) -> Register:
    """The register as the next load would find it; changes nothing.

    The version of an entry that is not catalogued yet is 0.
    """
    good, problems = read_folder(instance.settings.sub_processors, FORM)
    with instance.reading() as connection:
        known = registry.newest(connection)
    for one in good:
        before = known.get(one.value.id)
        if before is None or before.digest != one.digest:
            known[one.value.id] = VersionedSubProcessor(
                0, one.digest, instance.clock.now(), one.value
            )
    return _in_force(dict(sorted(known.items())), [one.value.id for one in good], problems, {})

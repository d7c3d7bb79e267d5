"""Loading the instance's ``sub-processors/`` folder: every changed file becomes a new version.

A file is named after its sub-processor. While one is wrong, or gone, nothing may go to
its sub-processor: what it says now may be that nothing may.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from callward.instance import Instance
from callward.registers import folder
from callward.registers.folder import Found, Shelf
from callward.subprocessors.checking import WITHIN_DAYS, Finding, Unreadable, standing
from callward.subprocessors.model import SubProcessor
from callward.subprocessors.reader import FORM
from callward.subprocessors.registry import BOOK

# Whoever was ended stays known as such without a file.
_SHELF: Final = Shelf(
    FORM,
    BOOK,
    lambda entry: entry.status == "ended",
    "sub-processor that was active; 'status: ended' ends one",
)


@dataclass(frozen=True, slots=True)
class Register(Found[SubProcessor]):
    """Every sub-processor in force, by id, and what is wrong with the other files."""

    def get(self, sub_processor: str) -> SubProcessor | Unreadable | None:
        """What is known under an id: its entry, that it cannot be read, or nothing."""
        if sub_processor in self.problems:
            return Unreadable(sub_processor)
        found = self.entries.get(sub_processor)
        return found.value if found else None

    def findings(self, day: date, within: int = WITHIN_DAYS) -> list[Finding]:
        """What forbids the use of each on ``day`` (London), or will ``within`` so many days."""
        known = [found for one in self.ids if (found := self.get(one)) is not None]
        return [finding for found in known for finding in standing(found, day, within)]


def load_register(instance: Instance) -> Register:
    """Catalogue what has changed; the register as it is now in force."""
    return _register(folder.load(instance, instance.settings.sub_processors, _SHELF))


def look_at_register(instance: Instance) -> Register:
    """The register as the next load would find it; changes nothing.

    The version of an entry that is not catalogued yet is 0.
    """
    return _register(folder.look(instance, instance.settings.sub_processors, _SHELF))


def _register(found: Found[SubProcessor]) -> Register:
    return Register(found.entries, found.problems, found.changed, found.gone)

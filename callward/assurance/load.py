"""Loading the instance's ``assurance/`` folder, and looking at the documents it names.

A file is named after its item. While one is wrong, or gone before its last day is over,
its item assures nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from callward.assurance.checking import WITHIN_DAYS, Finding, standing
from callward.assurance.documents import Seen, look_at
from callward.assurance.model import Item
from callward.assurance.reader import FORM
from callward.catalogue.tables import assurance_items
from callward.clock import today
from callward.instance import Instance
from callward.registers import folder
from callward.registers.book import Book
from callward.registers.folder import Found, Shelf

LOADED_EVENT: Final = "assurance-item-loaded"
BOOK: Final = Book(assurance_items, Item, LOADED_EVENT, "item", ("kind",))


@dataclass(frozen=True, slots=True)
class Assurance(Found[Item]):
    """Every item in force, by id, what is wrong with the other files, and how documents are."""

    documents: Mapping[str, Seen] = field(default_factory=dict)

    def findings(self, day: date, within: int = WITHIN_DAYS) -> list[Finding]:
        """What is not as promised on ``day`` (London), and what runs out ``within`` days."""
        items = [one.value for one in self.entries.values()]
        return standing(items, self.documents, list(self.problems), day, within)


def load_assurance(instance: Instance) -> Assurance:
    """Catalogue what has changed; the register as it is now in force."""
    found = folder.load(instance, instance.settings.assurance, _shelf(instance))
    return _with_documents(instance, found)


def look_at_assurance(instance: Instance) -> Assurance:
    """The register as the next load would find it; changes nothing.

    The version of an item that is not catalogued yet is 0.
    """
    found = folder.look(instance, instance.settings.assurance, _shelf(instance))
    return _with_documents(instance, found)


def _shelf(instance: Instance) -> Shelf[Item]:
    """What is over or was ended is history, and needs no file any more."""
    day = today(instance.clock)

    def may_go(item: Item) -> bool:
        over = item.last_day < day and not (item.findings and item.findings.grave)
        return over or item.status == "ended"

    wanted = "item that is not over, or has critical or high findings; 'status: ended' ends one"
    return Shelf(FORM, BOOK, may_go, wanted)


def _with_documents(instance: Instance, found: Found[Item]) -> Assurance:
    """What has gone is history: its versions stay in the catalogue, and it counts no more."""
    entries = {name: one for name, one in found.entries.items() if name not in found.gone}
    documents = {
        name: look_at(instance.settings.assurance_documents, one.value.document)
        for name, one in entries.items()
        if one.value.document is not None and one.value.status == "active"
    }
    return Assurance(entries, found.problems, found.changed, found.gone, documents)

"""The engines of the settings, as the decision needs to know them now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from callward.errors import CallwardError
from callward.instance import Instance
from callward.speech import engines
from callward.speech.decision import Option
from callward.subprocessors import registry
from callward.subprocessors.checking import Unreadable


@dataclass(frozen=True, slots=True)
class Options:
    """Every engine of the settings by name, and what each calls itself in transcripts."""

    by_name: Mapping[str, Option]
    titles: Mapping[str, str]

    def get(self, name: str) -> Option | None:
        """The engine of that name; None if the settings have none."""
        return self.by_name.get(name)


def options(instance: Instance, connection: sa.Connection, unclear: Collection[str]) -> Options:
    """What may be asked; nothing is loaded, and no model looked into.

    ``unclear``: sub-processors of which the register cannot be read.
    """
    known = registry.newest(connection)
    found: dict[str, Option] = {}
    titles: dict[str, str] = {}
    for name, settings in instance.settings.engines.items():
        place, fault, title = settings.place, "", ""
        try:
            title = engines.engine_of(settings, instance.settings.home).name
        except CallwardError as error:
            fault = error.code
        entry = known.get(place.sub_processor)
        sub_processor = entry.value if entry else None
        if place.sub_processor in unclear:
            found[name] = Option(
                name, settings.languages, place, Unreadable(place.sub_processor), fault
            )
        else:
            found[name] = Option(name, settings.languages, place, sub_processor, fault)
        titles[name] = title
    return Options(found, titles)

"""What is the case today, read from the instance's files, registers and settings."""

from collections.abc import Mapping
from datetime import date

from callward.assurance.load import Assurance, load_assurance
from callward.clock import today
from callward.evidence.clauses.notice import notice_of
from callward.instance import Instance
from callward.instructions import registry
from callward.instructions.load import load_folder
from callward.material.assured import of_assurance
from callward.material.dependencies import of_software
from callward.material.engaged import of_engines, of_regions, of_sub_processors
from callward.material.model import Facts
from callward.material.promised import of_instructions, of_notice
from callward.subprocessors.load import load_register
from callward.subprocessors.model import SubProcessor
from callward.subprocessors.registry import BOOK


def facts_of(instance: Instance) -> Facts:
    """Every fact as of today (London); loads what is new of instructions and registers.

    Of an instruction or sub-processor whose file cannot be read the version before counts:
    that it cannot is a failure elsewhere. NoticeError for a map that cannot be read.
    """
    said = notice_of(instance.settings.home)
    day = today(instance.clock)
    load_folder(instance)
    with instance.reading() as connection:
        instructed = registry.all_in_force(connection, day).values()
    engaged = _sub_processors(instance)
    return {
        **of_notice(said.value),
        **of_instructions(one.instruction for one in instructed),
        **of_sub_processors(engaged.values()),
        **of_engines(instance.settings.engines, instance.settings.home),
        **of_regions(engaged.values()),
        **_assurance(load_assurance(instance), day),
        **of_software(),
    }


def _sub_processors(instance: Instance) -> Mapping[str, SubProcessor]:
    register = load_register(instance)
    with instance.reading() as connection:
        catalogued = BOOK.newest(connection)
    known = {**{name: catalogued[name] for name in catalogued}, **register.entries}
    return {name: one.value for name, one in sorted(known.items())}


def _assurance(register: Assurance, day: date) -> Facts:
    items = [one.value for one in register.entries.values()]
    return of_assurance(items, register.findings(day))

"""What there is to say of roots and cells, and copying the journal to where it is safe."""

import shutil
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.durable import sync_file, sync_folder
from callward.errors import NotFoundError
from callward.instance import Instance
from callward.retention import roots
from callward.vault import journal
from callward.vault.cells import CellError, KeyCell


def status(instance: Instance) -> dict[str, Any]:
    """Generations with their state, what each cell holds and answered, the journals."""
    with instance.unit() as connection:
        generations = connection.execute(
            sa.select(t.generations).order_by(t.generations.c.number)
        ).mappings()
        answers = connection.execute(
            sa.select(t.cell_answers).order_by(t.cell_answers.c.generation, t.cell_answers.c.cell)
        ).mappings()
        found = {
            "generations": [dict(row) for row in generations],
            "answers": [dict(row) for row in answers],
        }
    cells = [{"cell": cell.name, "holds": _holds(cell)} for cell in instance.vault.cells]
    return {**found, "cells": cells, "journals": journal.generations(instance.settings.journal)}


def copy_journals(instance: Instance, folder: Path) -> list[int]:
    """Copy the journals that ``folder`` lacks, whole and durable; which they are.

    NotFoundError if the root has never turned. An older journal there loses its page
    keys as it does at home: no root opens them any more.
    """
    roots.keep_journal(instance)
    home = instance.settings.journal
    known = journal.generations(home)
    if not known:
        raise NotFoundError("there is no journal yet: the root has not turned")
    folder.mkdir(parents=True, exist_ok=True)
    there = set(journal.generations(folder))
    missing = [one for one in known if one not in there]
    for generation in missing:
        _copy(journal.path_of(home, generation), journal.path_of(folder, generation))
    for generation in journal.generations(folder)[:-1]:
        (journal.path_of(folder, generation) / journal.PAGES).unlink(missing_ok=True)
    sync_folder(folder)
    return missing


def _copy(source: Path, target: Path) -> None:
    draft = target.with_name(f".partial-{target.name}")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft)
    for path in draft.iterdir():
        sync_file(path)
    sync_folder(draft)
    draft.rename(target)


def _holds(cell: KeyCell) -> list[int] | str:
    try:
        return sorted(cell.generations())
    except CellError as error:
        return error.code

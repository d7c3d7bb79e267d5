"""The table of categories in the documentation says what the code does."""

import re
from pathlib import Path

import pytest

from callward.catalogue import tables as t
from callward.instructions.classes import CLASS_OF_KIND, RETENTION_CLASSES
from callward.intake.categories import CATEGORIES, KINDS, TRANSCRIPT, Category
from callward.intake.readers.registry import MANIFEST, READERS

PAGE = Path(__file__).parents[2] / "docs" / "categories.md"
HEADINGS = [
    *("Category", "Kinds", "Record type", "Retention class"),
    *("Sealed", "Catalogued", "Brought by"),
]
MANIFEST_KINDS = frozenset({"recording", "voicemail"})
"""What a Callward manifest brings; its module has no table of kinds."""
PARTS = {"recording", "voicemail", "attachment"}


def _tables() -> list[list[list[str]]]:
    """The page's tables: rows of cells, headings first, without the line beneath them."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    lines = [[line for line in block.splitlines() if set(line) - set("|-: ")] for block in blocks]
    return [[[cell.strip() for cell in line[1:-1].split("|")] for line in one] for one in lines]


def _expected(category: Category) -> list[str]:
    kinds = set(category.kinds)
    readers = sorted(name for name, reader in READERS.items() if reader.kinds & kinds)
    if kinds & MANIFEST_KINDS:
        readers.insert(0, MANIFEST)
    return [
        category.name,
        ", ".join(f"`{kind}`" for kind in category.kinds),
        "audio, and its details" if category.media else "document",
        f"`{category.retention_class}`",
        category.sealed,
        "as every record; facts of the audio" if category.media else "as every record",
        ", ".join(f"`{name}`" for name in readers),
    ]


def test_the_table_is_that_of_the_code() -> None:
    """Name, kinds, type, class, what is sealed and catalogued, and who brings it."""
    headings, *found = _tables()[0]
    assert headings == HEADINGS
    assert found == [_expected(category) for category in CATEGORIES]


def test_every_category_can_be_brought() -> None:
    """By the manifest or by some reader."""
    brought = MANIFEST_KINDS.union(*(reader.kinds for reader in READERS.values()))
    assert set(KINDS) <= brought


@pytest.mark.parametrize("name", READERS)
def test_a_reader_makes_kinds_that_belong_to_a_category(name: str) -> None:
    """Nothing comes in that nobody has said how to keep."""
    kinds = READERS[name].kinds
    assert kinds
    assert kinds <= set(KINDS)


def test_every_kind_has_a_class_and_a_category_has_one() -> None:
    """A transcript has that of its recording; what comes in a record has one too."""
    for category in CATEGORIES:
        classes = {CLASS_OF_KIND[kind] for kind in category.kinds if kind != TRANSCRIPT}
        assert classes in ({category.retention_class}, set())
        assert category.retention_class in RETENTION_CLASSES
    assert set(CLASS_OF_KIND) >= PARTS


def test_the_notice_names_twelve_categories_once() -> None:
    """DESIGN §8 N1, and no kind in two of them."""
    assert len({category.name for category in CATEGORIES}) == len(CATEGORIES) == 12
    kinds = [kind for category in CATEGORIES for kind in category.kinds]
    assert len(set(kinds)) == len(kinds)


def test_the_catalogued_fields_are_the_catalogues() -> None:
    """The page lists every column that a record has, and no other."""
    headings, *found = _tables()[1]
    assert headings == ["Table", "Column", "What it holds"]
    listed = {(table.strip("`"), column.strip("`")) for table, column, _ in found}
    tables = (t.interactions, t.people, t.objects)
    assert listed == {(table.name, column.name) for table in tables for column in table.c}
    assert all(what for _, _, what in found)

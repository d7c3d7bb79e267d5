"""Reading the assurance register's files: bounded, safe YAML, every problem with its line."""

from pathlib import Path
from typing import Final

from callward.assurance.model import EXPECTED, Item
from callward.errors import OperatorError
from callward.strictyaml import Form, Said, read_file


class AssuranceError(OperatorError):
    """A file of the assurance register does not say what it must, or has gone."""

    code = "assurance"


FORM: Final = Form(Item, EXPECTED, AssuranceError, "id", "assurance files")


def read_item(path: Path) -> Said[Item]:
    """Read and validate one item's file.

    Raises AssuranceError listing every problem with file name, line and what was
    expected; the file's values and unknown keys are not repeated.
    """
    return read_file(path, FORM)

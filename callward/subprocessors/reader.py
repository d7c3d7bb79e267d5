"""Reading the register's files: bounded, safe YAML, every problem with its line."""

from pathlib import Path
from typing import Final

from callward.errors import OperatorError
from callward.strictyaml import Form, Said, read_file
from callward.subprocessors.model import EXPECTED, SubProcessor


class RegisterError(OperatorError):
    """A file of the sub-processor register does not say what it must, or has gone."""

    code = "register"


FORM: Final = Form(SubProcessor, EXPECTED, RegisterError, "id", "register files")


def read_sub_processor(path: Path) -> Said[SubProcessor]:
    """Read and validate one sub-processor's file.

    Raises RegisterError listing every problem with file name, line and what was
    expected; the file's values and unknown keys are not repeated.
    """
    return read_file(path, FORM)

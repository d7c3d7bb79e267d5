"""Reading one instruction file: bounded, safe YAML, every problem with its line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callward.errors import InstructionError
from callward.instructions.model import EXPECTED, Instruction
from callward.strictyaml import MOST_BYTES, Form, Said, read_file

__all__ = ["FORM", "MOST_BYTES", "Loaded", "loaded", "read_instruction"]

FORM: Final = Form(Instruction, EXPECTED, InstructionError, "controller", "instruction files")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid instruction and the SHA-256 (hex) of the file's bytes."""

    instruction: Instruction
    digest: str


def loaded(said: Said[Instruction]) -> Loaded:
    """What a file says, as an instruction."""
    return Loaded(said.value, said.digest)


def read_instruction(path: Path) -> Loaded:
    """Read and validate the instruction in ``path``.

    Raises InstructionError listing every problem with file name, line and what
    was expected; the file's values and unknown keys are not repeated.
    """
    return loaded(read_file(path, FORM))

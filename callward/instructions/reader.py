"""Reading one instruction file: bounded, safe YAML, every problem with its line."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import ValidationError

from callward.errors import InstructionError
from callward.instructions.model import EXPECTED, Instruction

MOST_BYTES = 64 * 1024
_MOST_DEPTH = 8
_STRING = "tag:yaml.org,2002:str"
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid instruction and the SHA-256 (hex) of the file's bytes."""

    instruction: Instruction
    digest: str


@dataclass(frozen=True, slots=True)
class _Problem:
    """A line (1-based), the dotted key it is about, and what was expected."""

    line: int
    key: str
    expected: str

    def sentence(self, file: str) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{file}, line {self.line}: {key}{self.expected}"


class _Findings(Exception):  # noqa: N818 - carries problems within this module, never leaves it
    """Stops reading early, with what was found."""

    def __init__(self, *problems: _Problem) -> None:
        super().__init__()
        self.problems = problems


def read_instruction(path: Path) -> Loaded:
    """Read and validate the instruction in ``path``.

    Raises InstructionError listing every problem with file name, line and what
    was expected; the file's values and unknown keys are not repeated.
    """
    content = _read_bounded(path)
    try:
        instruction = _parse(content)
    except _Findings as found:
        problems = sorted(set(found.problems), key=lambda p: (p.line, p.key, p.expected))
        sentences = "; ".join(problem.sentence(path.name) for problem in problems)
        raise InstructionError(sentences) from None
    return Loaded(instruction, hashlib.sha256(content).hexdigest())


def _read_bounded(path: Path) -> bytes:
    if not path.is_file():
        raise InstructionError(f"{path.name}: expected a file that can be read")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError:
        raise InstructionError(f"{path.name}: expected a file that can be read") from None
    if len(content) > MOST_BYTES:
        raise InstructionError(f"{path.name}: expected at most {MOST_BYTES // 1024} KiB")
    return content


def _parse(content: bytes) -> Instruction:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _stop(content[: error.start].count(b"\n") + 1, "expected text in UTF-8")
    lines: dict[_Path, int] = {(): 1}
    problems: list[_Problem] = []
    value = _Plain(lines, problems).convert(_compose(text), ())
    try:
        instruction = Instruction.model_validate(value)
    except ValidationError as error:
        problems.extend(_from_pydantic(error, lines))
    if problems:
        raise _Findings(*problems)
    return instruction


def _stop(line: int, expected: str) -> NoReturn:
    raise _Findings(_Problem(line, "", expected))


def _compose(text: str) -> yaml.Node:
    """Return the one document's node tree; refuse what could blow up on the way."""
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _stop(_line(mark), "expected YAML; this cannot be read as such")
    except yaml.YAMLError:
        _stop(1, "expected YAML; the file has characters that YAML does not allow")
    if not isinstance(node, yaml.MappingNode):
        _stop(1, f"expected {EXPECTED['']}")
    return node


def _line(mark: Any) -> int:
    return 1 if mark is None else int(mark.line) + 1


def _check_events(text: str) -> None:
    # The event parser is not recursive and expands nothing, so it is safe to look first.
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = _line(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            _stop(line, "expected neither anchors nor aliases")
        if getattr(event, "tag", None):
            # An explicit tag makes the constructor trust the text to fit it.
            _stop(line, "expected no tags")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > _MOST_DEPTH:
            _stop(line, f"expected at most {_MOST_DEPTH} levels")
        if documents > 1:
            _stop(line, "expected a single document")


class _Plain:
    """Turns nodes into plain values, noting each key's line and every problem."""

    def __init__(self, lines: dict[_Path, int], problems: list[_Problem]) -> None:
        self._lines = lines
        self._problems = problems
        self._scalars = yaml.SafeLoader("")

    def convert(self, node: yaml.Node, path: _Path) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(child, path) for child in node.value]
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            # A day that is not in the calendar, a tag that is not YAML's own.
            return _UNREADABLE

    def _mapping(self, node: yaml.MappingNode, path: _Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, child in node.value:
            line = _line(name.start_mark)
            if not isinstance(name, yaml.ScalarNode) or name.tag != _STRING:
                self._note(line, path, "expected a key that is a plain word")
                continue
            if name.value in result:
                self._note(line, path, "expected each key only once")
            self._lines.setdefault((*path, name.value), line)
            result[name.value] = self.convert(child, (*path, name.value))
        return result

    def _note(self, line: int, path: _Path, expected: str) -> None:
        key = _ours(path)
        # Only keys of ours are named: another may hold anything.
        self._problems.append(_Problem(line, key if key in EXPECTED else "", expected))


_UNREADABLE = object()


def _from_pydantic(error: ValidationError, lines: dict[_Path, int]) -> list[_Problem]:
    return [
        _problem(found["loc"], found["type"], lines)
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _problem(path: _Path, kind: str, lines: dict[_Path, int]) -> _Problem:
    if path[-1:] == ("[key]",):
        path = path[:-1]
    parent = path[:-1]
    line = lines.get(path, lines.get(parent, 1))
    if kind == "extra_forbidden":
        # The key itself is not named: it may hold anything.
        return _Problem(line, _ours(parent), f"unknown key; expected {_keys(parent)}")
    key = _ours(path)
    missing = "; the key is missing" if kind == "missing" else ""
    return _Problem(line, key, f"expected {EXPECTED[key]}{missing}")


def _ours(path: _Path) -> str:
    """The dotted key; names that the file itself gives are a ``*``, as in EXPECTED."""
    parts = [str(part) for part in path]
    if parts[:1] == ["mappings"]:
        parts[1:2] = ["*"] * len(parts[1:2])
        if parts[2:3] == ["words"]:
            parts[4:] = ["*"] * len(parts[4:5])
    return ".".join(parts)


def _keys(parent: _Path) -> str:
    prefix = f"{_ours(parent)}." if parent else ""
    inside = (key.removeprefix(prefix) for key in EXPECTED if key.startswith(prefix) and key)
    return ", ".join(key for key in inside if "." not in key)

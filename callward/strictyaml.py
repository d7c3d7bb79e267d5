"""Reading small YAML files that people write: bounded, safe, every problem with its line."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from callward.errors import CallwardError

MOST_BYTES: Final = 64 * 1024
PATTERN: Final = "*.yaml"
_MOST_DEPTH: Final = 8
_STRING: Final = "tag:yaml.org,2002:str"
_ANY: Final = "*"
_Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Form(Generic[Model]):
    """What a kind of file must say, and how its problems are told.

    ``expected``: what each dotted key must hold; ``*`` in it stands for a name that the
    file itself gives, or for a place in a list. ``error`` is what readers raise. A file
    of a folder is named after its ``owner``, a top key.
    """

    model: type[Model]
    expected: Mapping[str, str]
    error: type[CallwardError]
    owner: str
    files: str
    """Such files in two words, for sentences."""


@dataclass(frozen=True, slots=True)
class Said(Generic[Model]):
    """What a valid file says, and the SHA-256 (hex) of its bytes."""

    value: Model
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


def read_file(path: Path, form: Form[Model]) -> Said[Model]:
    """Read and validate ``path``.

    Raises ``form.error`` listing every problem with file name, line and what was
    expected; the file's values and unknown keys are not repeated.
    """
    content = _read_bounded(path, form.error)
    try:
        value = _parse(content, form)
    except _Findings as found:
        problems = sorted(set(found.problems), key=lambda p: (p.line, p.key, p.expected))
        sentences = "; ".join(problem.sentence(path.name) for problem in problems)
        raise form.error(sentences) from None
    return Said(value, hashlib.sha256(content).hexdigest())


def read_folder(folder: Path, form: Form[Model]) -> tuple[list[Said[Model]], dict[str, str]]:
    """Read every file of a folder: the good ones, and what is wrong by whom it is about.

    A file that names another owner than its own name does makes both unclear; one that
    does not end in ``.yaml`` would be overlooked, so it makes its own unclear. Hidden
    files are nobody's.
    """
    good: list[Said[Model]] = []
    problems: dict[str, str] = {}
    for path in sorted(folder.glob(PATTERN)):
        try:
            said = read_file(path, form)
        except form.error as error:
            problems[path.stem] = str(error)
            continue
        owner = getattr(said.value, form.owner)
        if owner == path.stem:
            good.append(said)
        else:
            what = form.owner.replace("_", "-")
            sentence = f"{path.name}: the file must be named after its {what}"
            problems[path.stem] = str(form.error(sentence))
            problems.setdefault(owner, problems[path.stem])
    for stem, name in _misnamed(folder):
        sentence = str(form.error(f"{name}: {form.files} end in .yaml"))
        problems[stem] = f"{problems[stem]}; {sentence}" if stem in problems else sentence
    return good, problems


def _misnamed(folder: Path) -> list[tuple[str, str]]:
    """Stem and name of every file that would be overlooked."""
    return [
        (path.stem, path.name)
        for path in sorted(folder.glob("*"))
        if path.suffix != ".yaml" and not path.name.startswith(".") and not path.is_dir()
    ]


def _read_bounded(path: Path, error: type[CallwardError]) -> bytes:
    if not path.is_file():
        raise error(f"{path.name}: expected a file that can be read")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError:
        raise error(f"{path.name}: expected a file that can be read") from None
    if len(content) > MOST_BYTES:
        raise error(f"{path.name}: expected at most {MOST_BYTES // 1024} KiB")
    return content


def _parse(content: bytes, form: Form[Model]) -> Model:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _stop(content[: error.start].count(b"\n") + 1, "expected text in UTF-8")
    plain = _Plain(_Keys(form.expected))
    value = plain.convert(_compose(text, form.expected[""]), ())
    try:
        model = form.model.model_validate(value)
    except ValidationError as error:
        plain.note_all(error)
    if plain.problems:
        raise _Findings(*plain.problems)
    return model


def _stop(line: int, expected: str) -> NoReturn:
    raise _Findings(_Problem(line, "", expected))


def _compose(text: str, expected: str) -> yaml.Node:
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
        _stop(1, f"expected {expected}")
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


_UNREADABLE: Final = object()


class _Keys:
    """The keys of a form: how each is written, what it must hold, what may stand below it."""

    def __init__(self, expected: Mapping[str, str]) -> None:
        self._expected = expected

    def ours(self, path: _Path) -> str:
        """The dotted key as the form has it; of one that it has not, what it has above it.

        So no key of the file's own is ever named.
        """
        key = ""
        for part in path:
            below = [f"{key}.{name}" if key else str(name) for name in (part, _ANY)]
            known = next((one for one in below if one in self._expected), None)
            if known is None:
                break
            key = known
        return key

    def of(self, path: _Path) -> str:
        return self._expected[self.ours(path)]

    def below(self, path: _Path) -> str:
        prefix = f"{self.ours(path)}." if path else ""
        inside = (key.removeprefix(prefix) for key in self._expected if key.startswith(prefix))
        return ", ".join(key for key in inside if key and "." not in key)


class _Plain:
    """Turns nodes into plain values, noting each key's line and every problem."""

    def __init__(self, keys: _Keys) -> None:
        self.problems: list[_Problem] = []
        self._keys = keys
        self._lines: dict[_Path, int] = {(): 1}
        self._scalars = yaml.SafeLoader("")

    def convert(self, node: yaml.Node, path: _Path) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._member(child, (*path, at)) for at, child in enumerate(node.value)]
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            # A day that is not in the calendar, a tag that is not YAML's own.
            return _UNREADABLE

    def _member(self, node: yaml.Node, path: _Path) -> Any:
        self._lines[path] = _line(node.start_mark)
        return self.convert(node, path)

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
        self.problems.append(_Problem(line, self._keys.ours(path), expected))

    def note_all(self, error: ValidationError) -> None:
        """Add what the model has found wrong."""
        for found in error.errors(include_url=False, include_context=False, include_input=False):
            self._note_one(found["loc"], found["type"])

    def _note_one(self, path: _Path, kind: str) -> None:
        if path[-1:] == ("[key]",):
            path = path[:-1]
        line = self._line_of(path)
        if kind == "extra_forbidden":
            # The key itself is not named: it may hold anything.
            parent = path[:-1]
            self._note(line, parent, f"unknown key; expected {self._keys.below(parent)}")
            return
        missing = "; the key is missing" if kind == "missing" else ""
        self._note(line, path, f"expected {self._keys.of(path)}{missing}")

    def _line_of(self, path: _Path) -> int:
        """Its line; of what is not in the file, that of the nearest thing around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

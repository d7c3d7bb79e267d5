"""Checking a file of evidence, whatever it is: with its verifier key and nothing else.

What a file is, its content says. A zip archive is a pack; a JSON document names
its kind. A new kind of document is a line in ``_DOCUMENTS``.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from callward.errors import SettingsError
from callward.evidence import certificate_check, dsse, proof
from callward.evidence.checks.model import NOTHING_WANTED, Wanted
from callward.evidence.verify import CheckLine, Verification, summary, verify_pack

MAX_BYTES: Final = 256 * 1024 * 1024

_BRACE = b"{"

Check = Callable[[bytes, str | None], Verification]
"""From a file's content and the verifier key expected (or None) to what was found.

Never raises over the content: every flaw is a line.
"""

# What the member "kind" (or in a DSSE envelope "payloadType") says: what people call
# such a file, and what checks it.
_DOCUMENTS: Final[Mapping[str, tuple[str, Check]]] = {
    proof.KIND: ("proof", proof.check_proof),
    dsse.PAYLOAD_TYPE: ("certificate", certificate_check.check_certificate),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file turned out to be (pack, proof, …; "file" if nothing known), and its checks."""

    kind: str
    found: Verification

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return self.found.passed

    def lines(self) -> Iterator[str]:
        """The checks for people, a line each; the last one is the verdict."""
        words = {True: "ok", False: "FAILED", None: "open"}
        for line in self.found.checks:
            yield f"{words[line.ok]:>6}  {line.what}: {line.detail}"
        verdict = "verifies" if self.passed else "does NOT verify"
        unjudged = any(line.what == "clauses" and line.ok is None for line in self.found.checks)
        but = ", but its verdicts were not checked" if self.passed and unjudged else ""
        yield f"the {self.kind} {verdict}{but}"

    def as_json(self) -> Mapping[str, Any]:
        """The same as plain values."""
        return {"kind": self.kind, **summary(self.found)}


def check_file(path: Path, *, expected_key: str | None, wanted: Wanted = NOTHING_WANTED) -> Checked:
    """Check everything about the file at ``path`` that can be checked without its instance.

    ``expected_key`` is the verifier key the reader had from elsewhere; without
    one, whose key signed it remains open. What else is ``wanted`` of a pack fails any
    other kind of file. Never raises over the content; raises
    SettingsError if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(1)
            if content == _BRACE:
                content += file.read(MAX_BYTES)
    except OSError as error:
        raise SettingsError(f"the file cannot be read (errno {error.errno})") from None
    if not content.startswith(_BRACE):
        return Checked("pack", verify_pack(path, expected_key=expected_key, wanted=wanted))
    return _no_pack(_check_document(content, expected_key), wanted)


def _no_pack(checked: Checked, wanted: Wanted) -> Checked:
    if wanted == NOTHING_WANTED:
        return checked
    line = CheckLine("pack", ok=False, detail="only a pack can be what was asked for")
    return Checked(checked.kind, Verification([*checked.found.checks, line], checked.found.key))


def _check_document(content: bytes, expected_key: str | None) -> Checked:
    try:
        document: dict[str, Any] = json.loads(content) if len(content) <= MAX_BYTES else {}
    except (ValueError, RecursionError):
        document = {}
    known = _DOCUMENTS.get(str(document.get("kind", document.get("payloadType"))))
    if known is None:
        line = CheckLine("file", ok=False, detail="neither a pack nor a document of a known kind")
        return Checked("file", Verification([line], ""))
    kind, check = known
    return Checked(kind, check(content, expected_key))

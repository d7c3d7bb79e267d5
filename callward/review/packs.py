"""The packs of a review: its drafts, and the final one."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from callward.evidence.clauses.model import Period
from callward.evidence.model import PackContents, PackKind, Proof
from callward.evidence.stage import collect_evidence
from callward.instance import Instance
from callward.run import Run, StageReport, Work


@dataclass(frozen=True, slots=True)
class Made:
    """A pack that stands in the evidence store; ``id``: SHA-256 (hex) of its file."""

    id: str
    proof: Proof
    report: StageReport


def make_pack(
    instance: Instance,
    work: Work,
    run: Run,
    period: Period,
    kind: PackKind,
    review: Mapping[str, Any] | None,
    accept: Callable[[Proof], object],
) -> Made:
    """Build, sign, verify and enter a pack of ``period``; it ends up in the evidence store.

    ``accept`` looks at the evidence before anything is written: what it raises stops that.
    """
    seen: list[Proof] = []

    def look(contents: PackContents) -> None:
        accept(contents.proof)
        seen.append(contents.proof)

    report, path = collect_evidence(
        instance, work, run, period, kind=kind, review=review, accept=look
    )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Made(digest, seen[0], report)

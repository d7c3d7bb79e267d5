"""Verdicts as assessment results in OSCAL 1.1 (NIST, https://pages.nist.gov/OSCAL), JSON.

Clauses are objectives, evidence items observations, verdicts findings. Identifiers are
UUIDs of version 5, so that the same pack gives the same document.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from callward.clock import LONDON
from callward.evidence.clauses.model import State
from callward.evidence.gathering import encoded, moment

VERSION: Final = "1.1.3"

Json = Mapping[str, Any]

_NO_TOKEN: Final = re.compile(r"[^A-Za-z0-9._-]")
_STATUS: Final[Mapping[State, tuple[str, str, str | None]]] = {
    State.GAP: ("not-satisfied", "fail", None),
    State.PARTLY: ("not-satisfied", "other", "partial"),
    State.MET: ("satisfied", "pass", "implemented"),
    State.NOT_APPLICABLE: ("satisfied", "other", "not-applicable"),
}
"""By a clause's state: what OSCAL calls it, why, and how far it is implemented."""
_NO_PLAN: Final = (
    "There is no assessment plan in OSCAL. What is assessed, by which evidence and rules, is "
    "the map of the notice's clauses in the pack."
)


@dataclass(frozen=True, slots=True)
class Assessed:
    """What a pack says of itself, of its evidence and of each clause, as its files have it.

    ``clauses``: of the map; ``items``: ``data/items.json``; ``verdicts``: of
    ``data/clauses.json``. ``made_at`` is aware; days are London's, both included.
    """

    instance: str
    software: str
    made_at: datetime
    from_day: date
    to_day: date
    notice: str
    clauses: Sequence[Json]
    items: Sequence[Json]
    verdicts: Sequence[Json]

    def uuid(self, *of: str) -> str:
        """The identifier of a part of the document."""
        days = f"{self.from_day.isoformat()}/{self.to_day.isoformat()}"
        name = "/".join([self.instance, days, moment(self.made_at), *of])
        return str(uuid5(_NAMESPACE, name))


_NAMESPACE: Final[UUID] = uuid5(NAMESPACE_URL, "urn:callward:oscal")


def assessment_results(pack: Assessed) -> bytes:
    """The document; the same pack gives the same bytes."""
    party, plan = pack.uuid("party"), pack.uuid("plan")
    document: dict[str, Any] = {
        "uuid": pack.uuid("document"),
        "metadata": {
            "title": f"{pack.notice}: how it was kept",
            "last-modified": moment(pack.made_at),
            "version": moment(pack.made_at),
            "oscal-version": VERSION,
            "parties": [{"uuid": party, "type": "organization", "name": _party(pack)}],
            "remarks": f"Made by {pack.software}.",
        },
        "import-ap": {"href": f"#{plan}"},
        "results": [_result(pack)],
        "back-matter": {
            "resources": [
                {
                    "uuid": plan,
                    "title": "What is assessed and how",
                    "description": _NO_PLAN,
                    "rlinks": [{"href": "data/clauses.json", "media-type": "application/json"}],
                }
            ]
        },
    }
    objectives = [_objective(one) for one in pack.clauses]
    if objectives:
        document["local-definitions"] = {"objectives-and-methods": objectives}
    return encoded({"assessment-results": document})


def _party(pack: Assessed) -> str:
    return f"The organisation that runs instance {pack.instance}"


def _objective(clause: Json) -> dict[str, Any]:
    """A clause, under the first control that it is related to, else under its promise."""
    control = next(iter(clause["iso27001"]), clause["promise"])
    part = {
        "id": _token(clause["id"]),
        "name": "assessment-objective",
        "title": clause["title"],
        "prose": clause["duty"],
    }
    basis = "; ".join(clause["legal_basis"])
    made = {"control-id": _token(control), "parts": [part]}
    return {**made, "remarks": f"Legal basis: {basis}"} if basis else made


def _result(pack: Assessed) -> dict[str, Any]:
    start, end = _moments(pack)
    result: dict[str, Any] = {
        "uuid": pack.uuid("result"),
        "title": f"{pack.from_day} to {pack.to_day}",
        "description": "What the evidence of the period shows of each clause of the notice.",
        "start": moment(start),
        "end": moment(end),
        "reviewed-controls": _reviewed(pack.clauses),
    }
    observations = [_observation(pack, one) for one in pack.items]
    findings = [_finding(pack, one) for one in pack.verdicts]
    # OSCAL has no empty lists.
    return (
        result
        | ({"observations": observations} if observations else {})
        | ({"findings": findings} if findings else {})
    )


def _moments(pack: Assessed) -> tuple[datetime, datetime]:
    """The period's first moment, and the first after it, but not after the pack was made."""
    start, end = (
        datetime.combine(day, time(), LONDON).astimezone(UTC)
        for day in (pack.from_day, pack.to_day + timedelta(days=1))
    )
    return start, min(end, pack.made_at)


def _reviewed(clauses: Iterable[Json]) -> dict[str, Any]:
    clauses = list(clauses)
    controls = sorted({_token(one) for clause in clauses for one in clause["iso27001"]})
    selection: dict[str, Any] = {
        "description": "Controls of ISO/IEC 27001:2022 Annex A that the clauses are related to.",
    }
    if controls:
        selection["include-controls"] = [{"control-id": one} for one in controls]
    else:
        selection["include-all"] = {}
    reviewed: dict[str, Any] = {"control-selections": [selection]}
    if clauses:
        objectives = [{"objective-id": _token(one["id"])} for one in clauses]
        reviewed["control-objective-selections"] = [{"include-objectives": objectives}]
    return reviewed


def _observation(pack: Assessed, item: Json) -> dict[str, Any]:
    newest = f"newest from {item['newest']}" if item["newest"] else "nothing in it"
    return {
        "uuid": pack.uuid("item", item["kind"]),
        "title": f"Evidence: {item['kind']}",
        "description": f"Collected from: {item['source']}; {newest}.",
        "methods": ["EXAMINE"],
        "collected": item["collected_at"],
        "relevant-evidence": [
            {"href": item["file"], "description": f"Its SHA-256 is {item['sha256']}."}
        ],
    }


def _finding(pack: Assessed, verdict: Json) -> dict[str, Any]:
    state = State(verdict["state"])
    called, reason, implemented = _STATUS[state]
    clause = next((one for one in pack.clauses if one["id"] == verdict["clause"]), None)
    said = [one["says"] for one in verdict["findings"]] or ["everything was as promised"]
    target: dict[str, Any] = {
        "type": "objective-id",
        "target-id": _token(verdict["clause"]),
        "status": {"state": called, "reason": reason, "remarks": f"{state.value}: {said[0]}"},
    }
    if implemented:
        target["implementation-status"] = {"state": implemented}
    title = f"{verdict['clause']} {clause['title']}" if clause else verdict["clause"]
    finding = {
        "uuid": pack.uuid("verdict", verdict["clause"]),
        "title": title,
        "description": "; ".join(said),
        "target": target,
    }
    seen = _seen(pack, clause)
    return {**finding, "related-observations": seen} if seen else finding


def _seen(pack: Assessed, clause: Json | None) -> list[dict[str, str]]:
    """The evidence that a clause rests on, as far as it was collected."""
    wanted = {one["item"] for one in clause["evidence"]} if clause else set()
    kinds = [item["kind"] for item in pack.items if item["kind"] in wanted]
    return [{"observation-uuid": pack.uuid("item", kind)} for kind in kinds]


def _token(text: str) -> str:
    """An id as OSCAL takes it: ``A.5.9`` and ``N1.1`` as they are."""
    token = _NO_TOKEN.sub("_", text)
    return token if token[:1].isalpha() else f"_{token}"

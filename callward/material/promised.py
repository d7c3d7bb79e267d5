"""Facts of what is promised and by whom it is instructed: notice, laws, instructions. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from callward.evidence.clauses.notice import Notice, as_json
from callward.instructions.classes import RETENTION_CLASSES
from callward.instructions.model import Instruction, Retention
from callward.instructions.transcription import Transcription
from callward.material.model import About, Kind
from callward.material.values import code, codes, digest

_OFF: Final = "off"


def of_notice(notice: Notice) -> dict[About, str]:
    """The map's head, each clause and each law: what changes is told once, where it is.

    The head, ``map``, is all that is neither in a clause nor in a law, and the clauses' order.
    """
    said = as_json(notice)
    clauses, laws = said.pop("clauses"), said.pop("laws")
    head = {**said, "clauses": [one["id"] for one in clauses]}
    facts = {About(Kind.NOTICE, "map"): digest(head)}
    facts |= {About(Kind.NOTICE, one["id"]): digest(one) for one in clauses}
    facts |= {
        About(Kind.LAW, one["id"]): f"{one['as_of']}/{digest(one['title'])[:16]}" for one in laws
    }
    return facts


def of_instructions(instructions: Iterable[Instruction]) -> dict[About, str]:
    """Per controller how long, what is transcribed and how, and on which lawful basis.

    Who approved a version, and when it takes effect, is not material.
    """
    facts: dict[About, str] = {}
    for one in instructions:
        said: Mapping[str, str] = {
            "retention": _periods(one.retention),
            "transcription": _transcription(one.transcription),
            "lawful-basis": one.lawful_basis,
        }
        facts |= {
            About(Kind.INSTRUCTION, f"{one.controller}/{name}"): value
            for name, value in said.items()
        }
    return facts


def _periods(retention: Retention) -> str:
    """Recordings, voicemail, messages, interactions and agents' accounts, in this order."""
    return codes(code(str(retention.of(name)) or "none") for name in RETENTION_CLASSES)


def _transcription(said: Transcription) -> str:
    """Off, or on with a digest of everything that it names."""
    if not said.enabled:
        return _OFF
    return f"on/{digest(said.model_dump(mode='json'))}"

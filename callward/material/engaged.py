"""Facts of who and what is engaged: sub-processors, engines, countries. Pure but for a model."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from callward.enginesettings import EngineSettings, HttpSettings, WhisperSettings
from callward.material.model import About, Kind
from callward.material.modelfolder import folder_digest
from callward.material.values import NONE, codes, digest
from callward.regions import EEA, UK, region_of
from callward.subprocessors.model import Commitments, SubProcessor

_OURS: Final = "ours"


def of_sub_processors(entries: Iterable[SubProcessor]) -> dict[About, str]:
    """Of each its status, countries, agreement (a digest of its reference) and commitments."""
    facts: dict[About, str] = {}
    for one in entries:
        said: Mapping[str, str] = {
            "status": one.status,
            "regions": codes(sorted(one.regions)),
            "agreement": digest(one.agreement.reference) if one.agreement else NONE,
            "commitments": codes(_bound(one.commitments)),
        }
        facts |= {About(Kind.SUB_PROCESSOR, f"{one.id}/{name}"): v for name, v in said.items()}
    return facts


def _bound(commitments: Commitments) -> Iterator[str]:
    for name, given in commitments.model_dump().items():
        if given:
            yield name.replace("_", "-")


def of_engines(engines: Mapping[str, EngineSettings], home: Path) -> dict[About, str]:
    """Of each its kind, model, where it runs, at whose and under which address."""
    facts: dict[About, str] = {}
    for name, one in engines.items():
        said: Mapping[str, str] = {
            "kind": one.kind,
            "model": _model(one, home),
            "country": one.place.country,
            "sub-processor": one.place.sub_processor or _OURS,
            "endpoint": digest(one.url) if isinstance(one, HttpSettings) else NONE,
        }
        facts |= {About(Kind.ENGINE, f"{name}/{what}"): value for what, value in said.items()}
    return facts


def _model(engine: EngineSettings, home: Path) -> str:
    if isinstance(engine, HttpSettings):
        return digest(engine.model)
    if isinstance(engine, WhisperSettings):
        return folder_digest(home / engine.model)
    return NONE


def of_regions(entries: Iterable[SubProcessor]) -> dict[About, str]:
    """The countries in use by active sub-processors, and which count as the UK and the EEA."""
    used = {country for one in entries if one.status == "active" for country in one.regions}
    facts = {
        About(Kind.REGION, f"in-use/{country}"): region_of(country).name.lower()
        for country in sorted(used)
    }
    lists = {"uk": UK, "eea": EEA}
    facts |= {
        About(Kind.REGION, f"list/{name}"): digest(sorted(countries))
        for name, countries in lists.items()
    }
    return facts

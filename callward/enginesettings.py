"""What an operator says of each engine, in ``[engine.NAME]`` tables of ``callward.toml``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")]
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_HERE: Final = "GB"
_UNWANTED: Final = re.compile(r"[^!-~]|[?#@\\]")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"(?!.{{254}})(?:{_LABEL}(?:\.{_LABEL})*\.?|[0-9a-f:.]*:[0-9a-f:.]*)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an engine runs: a country (ISO 3166-1 alpha-2), and at which sub-processor.

    ``sub_processor`` is its id in the register; empty where we run the engine ourselves.
    """

    country: str
    sub_processor: str = ""


class _Engine(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    country: Country = _HERE
    """Where it runs (ISO 3166-1 alpha-2)."""

    @property
    def place(self) -> Place:
        """Where it runs, and whose it is."""
        return Place(self.country)


class SphinxSettings(_Engine):
    """The embedded engine: needs nothing, knows English, not good on telephone calls."""

    kind: Literal["pocketsphinx"]

    @property
    def languages(self) -> frozenset[str]:
        """English alone."""
        return frozenset({"en"})


class WhisperSettings(_Engine):
    """faster-whisper (CTranslate2) with a model that lies in a folder here."""

    kind: Literal["faster-whisper"]
    model: Annotated[Path, Field(strict=False)]
    """Folder of a CTranslate2 model; relative to the home. Nothing is ever downloaded."""
    device: Literal["cpu", "cuda"] = "cpu"
    compute_type: Literal["int8", "int8_float16", "float16", "float32"] = "int8"
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """Processor threads of each worker process."""
    beam_size: Annotated[int, Field(ge=1, le=10)] = 5
    languages: Annotated[frozenset[Language], Field(strict=False)] = frozenset()
    """Languages the model is used for; none named: any."""


class HttpSettings(_Engine):
    """A server that speaks the OpenAI-compatible ``/v1/audio/transcriptions``."""

    kind: Literal["http"]
    url: str
    """The whole address, such as ``https://speech.example/v1/audio/transcriptions``."""
    model: Label
    sub_processor: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,39})?$")] = ""
    """Its operator's id in the register; empty: the server is our own."""
    languages: Annotated[frozenset[Language], Field(strict=False)] = frozenset()
    """Languages it is used for; none named: any."""
    key_file: Annotated[Path | None, Field(strict=False)] = None
    """File with the API key, readable by its owner only; relative to the home."""
    key_env: Annotated[str | None, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] = None
    """Name of an environment variable that holds the API key."""
    ca_file: Annotated[Path | None, Field(strict=False)] = None
    """PEM file with the certificates that its own must lead to; None: the usual ones."""
    seconds: Annotated[float, Field(gt=0, le=3600)] = 120
    """Patience for one answer."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    per_minute: Annotated[int, Field(ge=1, le=100_000)] = 600
    """Requests a minute of each worker process, at most."""
    at_once: Annotated[int, Field(ge=1, le=10_000)] = 8
    """Recordings that may be with it at the same time, over all workers."""
    window: Annotated[float, Field(ge=0, le=3600)] = 300
    """Seconds of speech in one request, at most."""
    most_bytes: Annotated[int, Field(ge=1_000_000)] = 25_000_000
    """Of one request, at most: what it takes. The longest stretch, 30 s, takes 0.97 MB."""

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        parts = urlsplit(url)
        # The address is logged, so it holds no secret; nor anything that a parser drops.
        known = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "")
        if not known or parts.port == 0 or _UNWANTED.search(url):
            raise ValueError("not an https:// address without credentials, query and fragment")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("http:// is for this machine only")
        return url

    @model_validator(mode="after")
    def _one_key(self) -> "HttpSettings":
        if self.key_file is not None and self.key_env is not None:
            raise ValueError("either key_file or key_env may be given")
        return self

    @property
    def place(self) -> Place:
        """Where it runs, and whose it is."""
        return Place(self.country, self.sub_processor)


EngineSettings = Annotated[
    SphinxSettings | WhisperSettings | HttpSettings, Field(discriminator="kind")
]
EMBEDDED: Final = "pocketsphinx"
DEFAULT: Final[Mapping[str, EngineSettings]] = {EMBEDDED: SphinxSettings(kind="pocketsphinx")}


def understands(engine: EngineSettings, language: str) -> bool:
    """Whether an engine takes ``language``, a BCP 47 tag such as ``en-GB``."""
    return not engine.languages or language.split("-", 1)[0].lower() in engine.languages


def fingerprint(name: str, engine: EngineSettings) -> str:
    """An engine's name with a digest of all that is set of it: changes when its results may."""
    return f"{name}-{sha256(engine.model_dump_json().encode()).hexdigest()[:8]}"

"""What an instruction says of transcription: whether, by which engines, at whose, and where."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from callward.instructions.strict import Name, Phrase, Reference, Strict, each_once
from callward.regions import Country, Region, region_of

Safeguard = Literal["IDTA", "UK Addendum"]
"""What makes a transfer lawful under UK GDPR Art 46(2)(d): the Information Commissioner's
International Data Transfer Agreement, or its Addendum to the EU's standard clauses (SCCs);
those alone do not (DPA 2018 s 119A)."""


def _a_third_country(country: str) -> str:
    if region_of(country) is not Region.THIRD:
        raise ValueError("no transfer")
    return country


class Transfer(Strict):
    """A transfer outside the UK and EEA that the controller instructs (UK GDPR Art 28(3)(a))."""

    sub_processor: Name
    country: Annotated[Country, AfterValidator(_a_third_country)]
    safeguard: Safeguard
    reference: Reference


class Transcription(Strict):
    """Whether recordings may be transcribed (off unless said), in what language, and how.

    ``engines``: the names, by the operator's settings, of those that may, the one that is
    preferred first. ``sub_processors``: those of the register that the controller
    authorises (UK GDPR Art 28(2)). ``phrases``: what engines are told to expect.
    """

    enabled: bool = False
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] = "en-GB"
    # Not strict: YAML's lists become tuples. What is in them is strict as ever.
    engines: Annotated[
        tuple[Name, ...],
        Field(strict=False, min_length=1, max_length=10),
        AfterValidator(each_once),
    ] = ("pocketsphinx",)
    sub_processors: Annotated[
        tuple[Name, ...], Field(strict=False, max_length=50), AfterValidator(each_once)
    ] = ()
    transfers: Annotated[tuple[Transfer, ...], Field(strict=False, max_length=100)] = ()
    phrases: Annotated[tuple[Phrase, ...], Field(strict=False, max_length=100, repr=False)] = ()

    @field_validator("transfers")
    @classmethod
    def _to_those_authorised(
        cls, transfers: tuple[Transfer, ...], info: ValidationInfo
    ) -> tuple[Transfer, ...]:
        authorised = info.data.get("sub_processors")
        if authorised is None:
            return transfers  # wrong already, and said there
        if any(one.sub_processor not in authorised for one in transfers):
            raise ValueError("to a sub-processor that is not authorised")
        return transfers


_NAME: Final = "a name of 1 to 40 characters from a-z, 0-9 and '-', no '-' in front"

TRANSCRIPTION_EXPECTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "transcription": "the keys " + ", ".join(Transcription.model_fields),
        "transcription.enabled": "true or false",
        "transcription.language": "a language such as en-GB",
        "transcription.engines": "a list of 1 to 10 engines, each once and each " + _NAME,
        "transcription.sub_processors": "a list of at most 50 ids of the register of "
        "sub-processors, each once and each " + _NAME,
        "transcription.transfers": "a list of at most 100 transfers, each with sub_processor "
        "(one of sub_processors), country, safeguard and reference",
        "transcription.transfers.*": "the keys " + ", ".join(Transfer.model_fields),
        "transcription.transfers.*.sub_processor": "one of the ids under sub_processors",
        "transcription.transfers.*.country": "a country outside the UK and EEA by its two "
        "capital letters (ISO 3166-1), such as US",
        "transcription.transfers.*.safeguard": "IDTA or UK Addendum",
        "transcription.transfers.*.reference": "the controller's reference, on one line of at "
        "most 200 characters, without '@'",
        "transcription.phrases": "a list of at most 100 names of products and places, never of "
        "persons, each on one line of at most 60 characters, without '@' and without numbers "
        "of 5 digits",
    }
)
"""What each key below ``transcription`` must hold, for error messages."""

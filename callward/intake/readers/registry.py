"""The readers there are, by name, and the one a file is for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from callward.intake.readers.amazon_connect import AmazonConnect
from callward.intake.readers.asterisk import AsteriskCdr
from callward.intake.readers.base import Reader, Sight
from callward.intake.readers.email import EmailReader
from callward.intake.readers.freeswitch import FreeSwitchCsv
from callward.intake.readers.freeswitch_json import FreeSwitchJson
from callward.intake.readers.genesys import GenesysCloud
from callward.intake.readers.jsonl import CallwardRecords
from callward.intake.readers.mapped import Mapped
from callward.intake.readers.mbox import MboxReader
from callward.intake.readers.siprec import Siprec
from callward.intake.readers.threecx import ThreeCxCdr
from callward.intake.readers.twilio import Twilio
from callward.intake.readers.vcon import VconReader

_ALL: Final[tuple[Reader, ...]] = (
    CallwardRecords(),
    VconReader(),
    AmazonConnect(),
    GenesysCloud(),
    Twilio(),
    FreeSwitchJson(),
    Siprec(),
    MboxReader(),
    EmailReader(),
    AsteriskCdr(),
    FreeSwitchCsv(),
    ThreeCxCdr(),
    Mapped(),
)
"""The most particular first: the first that claims a file by content has it."""

READERS: Final[Mapping[str, Reader]] = MappingProxyType({reader.name: reader for reader in _ALL})

MANIFEST: Final = "manifest"
"""Callward's own manifest describes a whole drop; ``callward.intake.manifest`` reads it."""


def reader_for(sight: Sight) -> Reader | None:
    """The reader that claims a file by its content; None if none does."""
    return next((reader for reader in _ALL if reader.claims(sight)), None)

"""The categories of data the privacy notice names (DESIGN §8 N1), and how each is kept.

One table for readers, filing, documentation and tests: what kinds of record belong to a
category, which retention class they have, what of them is sealed and what is catalogued.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from callward.instructions.classes import RetentionClass, class_of

TRANSCRIPT: Final = "transcript"
CATALOGUED: Final = ("id", "kind", "source", "direction", "times", "size", "blind indexes")
"""What the catalogue has of every record, whatever its kind."""


@dataclass(frozen=True, slots=True)
class Category:
    """One category: its name in the notice, the kinds of record in it, what is sealed.

    ``media``: its content is audio, filed as an object of its own beside the details.
    """

    name: str
    kinds: tuple[str, ...]
    sealed: str
    media: bool = False

    @property
    def retention_class(self) -> RetentionClass:
        """The class of its kinds, which is one for all.

        A transcript made elsewhere is kept as long as a recording of that day; once its
        recording is here, it follows that.
        """
        return "recordings" if self.kinds == (TRANSCRIPT,) else class_of(self.kinds[0])


CATEGORIES: Final = (
    Category("contact details", ("contact",), "names, numbers, addresses, the row as delivered"),
    Category("technical data", ("technical",), "IP address, user agent, the row as delivered"),
    Category("agent accounts", ("agent-account",), "name, login, roles, dates; never credentials"),
    Category("call metadata", ("call",), "numbers, names, queues, the record as delivered"),
    Category("call recordings", ("recording",), "the audio", media=True),
    Category("voicemail", ("voicemail",), "the audio", media=True),
    Category("SMS", ("sms",), "text, numbers, the row as delivered"),
    Category("email", ("email",), "headers, bodies; attachments as objects of their own"),
    Category("web chat and social messages", ("chat", "social"), "every message and who wrote it"),
    Category("interaction notes", ("note",), "the note's text"),
    Category("transaction records", ("transaction",), "the transaction's fields"),
    Category("transcripts", (TRANSCRIPT,), "words, speakers, times"),
)
"""In the notice's order."""

KINDS: Final[Mapping[str, Category]] = MappingProxyType(
    {kind: category for category in CATEGORIES for kind in category.kinds}
)
"""Category by kind of record."""

"""XML from strangers: no document type, no entities, bounded in depth and number."""

from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from callward.intake.reasons import Reason, Refusal

MOST_DEPTH: Final = 32
MOST_ELEMENTS: Final = 200_000


class _Bounded(TreeBuilder):
    """Builds a tree until it is deeper or larger than anything honest."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[Any, Any], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > MOST_DEPTH:
            raise Refusal(Reason.TOO_DEEP)
        if self._count > MOST_ELEMENTS:
            raise Refusal(Reason.TOO_LARGE)
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse(document: bytes) -> Element:
    """The root of a document. Refusal entity, too-deep, too-large, encoding, file-malformed."""
    parser = XMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(document)
        root = parser.close()
    except DefusedXmlException:
        raise Refusal(Reason.ENTITY) from None
    except (LookupError, UnicodeError):
        raise Refusal(Reason.ENCODING) from None
    except (ParseError, ValueError, AssertionError):
        raise Refusal(Reason.FILE_MALFORMED) from None
    if not isinstance(root, Element):
        raise Refusal(Reason.FILE_MALFORMED)
    return root


def local(tag: object) -> str:
    """An element's name without its namespace, small; "" for a comment or instruction."""
    return tag.rpartition("}")[2].casefold() if isinstance(tag, str) else ""


def named(of: Element, *names: str) -> list[Element]:
    """The children of these names, in order."""
    return [one for one in of if local(one.tag) in names]


def value(of: Element, *names: str) -> str:
    """The text of the first child of these names; "" if there is none."""
    return next((text for one in named(of, *names) if (text := (one.text or "").strip())), "")


def attribute(of: Element, *names: str) -> str:
    """The first of these attributes that is given, whatever its namespace."""
    given = {local(name): text.strip() for name, text in of.attrib.items()}
    return next((given[name] for name in names if given.get(name)), "")

"""What a reader of an HTML body sees of it, as plain text, in one pass over each pattern.

Made for masking: inline markup and entities vanish, so that a number cut up by them is
whole again. No pattern can fail once begun, so hostile markup costs no more than other
(the standard library's parser of this Python is quadratic on some).
"""

import html
import re
from typing import Final

from callward.intake.reasons import Reason, Refusal

_ATTRIBUTES: Final = r"""(?:[^>"']++|"[^"]*+"|'[^']*+')*+(?:>|(?=["'])|\Z)"""
_COMMENT: Final = re.compile(r"<!--[^-]*+(?:-(?!->)[^-]*+)*+(?:-->|\Z)")
_UNSEEN: Final = re.compile(
    r"<(script|style)(?=[\s/>])[^>]*+(?:>|\Z)(?:[^<]++|<(?!/\1))*+", re.IGNORECASE
)
_BREAK: Final = re.compile(
    r"</?(?:address|article|aside|blockquote|body|br|center|dd|div|dl|dt|fieldset|footer|form"
    r"|h[1-6]|head|header|hr|html|li|main|nav|ol|option|p|pre|section|select|table|title|tr|ul)"
    rf"(?=[\s/>]){_ATTRIBUTES}",
    re.IGNORECASE,
)
_CELL: Final = re.compile(rf"</?t[dh](?=[\s/>]){_ATTRIBUTES}", re.IGNORECASE)
_TAG: Final = re.compile(rf"</?[a-zA-Z]{_ATTRIBUTES}")
_BOGUS: Final = re.compile(r"<[!?/][^>]*+(?:>|\Z)")
_ZEROS: Final = re.compile(r"&#([xX]?)0+(?=[0-9A-Fa-f])")
_HUGE: Final = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9A-Fa-f]{7,}+);?")
_TO_SPACE: Final = dict.fromkeys(map(ord, "\t\r\n\f\v"), " ")
_MOST_TAGS: Final = 500_000
_MOST_ENTITIES: Final = 300_000
_AROUND: Final = re.compile(r" ?\v[ \v]*+")


def render(source: str) -> str:
    """The text of an HTML document or fragment, a line for each block.

    Refusal too-large where it has more markup than anything honest: each tag costs memory.
    """
    if source.count("<") > _MOST_TAGS or source.count("&") > _MOST_ENTITIES:
        raise Refusal(Reason.TOO_LARGE)
    text = _single(source.translate(_TO_SPACE))
    text = _UNSEEN.sub("", _COMMENT.sub("", text))
    text = _BREAK.sub("\v", text)
    text = _CELL.sub(" ", text)
    text = _single(_BOGUS.sub("", _TAG.sub("", text)))
    text = _AROUND.sub("\v", text).replace("\v", "\n").strip()
    return _unescape(text) if "&" in text else text


def _single(text: str) -> str:
    """Runs of spaces made one, by halves: a replacement holds an object for each match."""
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _unescape(text: str) -> str:
    """Entities resolved; numbers no character has are not handed to ``int`` at all."""
    return html.unescape(_HUGE.sub("\ufffd", _ZEROS.sub(r"&#\1", text)))

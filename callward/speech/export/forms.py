"""A transcript in whichever form is wanted."""

from typing import assert_never

from callward.speech.export import Form
from callward.speech.export.document import to_document
from callward.speech.export.text import to_text
from callward.speech.export.vcon import Source, to_vcon
from callward.speech.export.vtt import to_vtt
from callward.speech.transcript import Transcript


def render(transcript: Transcript, source: Source, form: Form) -> bytes:
    """A transcript in one of the forms, UTF-8; the same bytes for the same transcript."""
    match form:
        case "text":
            return to_text(transcript)
        case "vtt":
            return to_vtt(transcript)
        case "json":
            return to_document(transcript)
        case "vcon":
            return to_vcon(transcript, source)
        case _:
            assert_never(form)

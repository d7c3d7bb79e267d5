"""The pack's report for a board member and an auditor: a web page, and the same as PDF."""

from callward.evidence.model import PackContents
from callward.evidence.reporting.compose import document
from callward.evidence.reporting.html import page
from callward.evidence.reporting.pdf import paper


def render_report(contents: PackContents, verifier: str) -> str:
    """Return the report of ``contents``; ``verifier`` is the key the pack will be signed with."""
    return page(document(contents, verifier))


def render_pdf(contents: PackContents, verifier: str) -> bytes:
    """Return the same as PDF; the same contents give the same bytes."""
    return paper(document(contents, verifier), contents.made_at)


def render_both(contents: PackContents, verifier: str) -> tuple[str, bytes]:
    """Return the page and the PDF, computed once."""
    once = document(contents, verifier)
    return page(once), paper(once, contents.made_at)

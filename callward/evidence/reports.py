"""The reports of a pack, in every form it holds."""

from collections.abc import Mapping

from callward.evidence.model import PackContents
from callward.evidence.report import render_pdf, render_report


def reports(contents: PackContents, verifier: str) -> Mapping[str, bytes]:
    """Each report by its path in the pack; ``verifier`` is the key it will be signed with.

    A night's is a page alone: nobody prints it.
    """
    page = {"data/report.html": render_report(contents, verifier).encode()}
    if contents.kind == "nightly":
        return page
    return {**page, "data/report.pdf": render_pdf(contents, verifier)}

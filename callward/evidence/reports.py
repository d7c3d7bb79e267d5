"""The reports of a pack, in every form it holds."""

from collections.abc import Mapping

from callward.evidence.model import PackContents
from callward.evidence.report import render_both, render_report


def reports(contents: PackContents, verifier: str) -> Mapping[str, bytes]:
    """Each report by its path in the pack; ``verifier`` is the key it will be signed with.

    A night's is a page alone: nobody prints it.
    """
    if contents.kind == "nightly":
        return {"data/report.html": render_report(contents, verifier).encode()}
    page, paper = render_both(contents, verifier)
    return {"data/report.html": page.encode(), "data/report.pdf": paper}

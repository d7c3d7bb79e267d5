"""The report as one web page: no script, nothing loaded from elsewhere."""

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from callward.evidence.reporting.icons import ICONS
from callward.evidence.reporting.parts import Document


def page(document: Document) -> str:
    """Set a document as HTML."""
    return _template().render(document=document)


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("callward.evidence"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # the drawings are made of our own markup and escaped text (``charts``, ``icons``)
    environment.filters["drawing"] = Markup
    environment.globals["icons"] = ICONS
    return environment.get_template("report.html")

"""Reading PDF back."""

import re

import pypdfium2


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page, spaces made single."""
    with pypdfium2.PdfDocument(pdf) as paper:
        found = []
        for page in paper:
            text = page.get_textpage()
            found.append(re.sub(r"\s+", " ", text.get_text_bounded()))
            text.close()
            page.close()
        return found


def outline_of(pdf: bytes) -> tuple[str, list[str]]:
    """Its title, and what its bookmarks are called."""
    with pypdfium2.PdfDocument(pdf) as paper:
        return paper.get_metadata_dict()["Title"], [one.get_title() for one in paper.get_toc()]


def first_of(pdf: bytes) -> tuple[tuple[int, int], float, int]:
    """The first page's size in points, how bright it is on average, and its darkest part."""
    with pypdfium2.PdfDocument(pdf) as paper:
        page = paper[0]
        wide, high = page.get_size()
        picture = page.render(scale=0.5)
        shades = picture.to_numpy()
        found = (round(wide), round(high)), float(shades.mean()), int(shades.min())
        picture.close()
        page.close()
        return found

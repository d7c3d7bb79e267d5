"""Card detection on real text: precision and recall, source by source."""

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callward.cards.detect import find

_BESIDE = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("CALLWARD_REAL_DATA", _BESIDE)) / "4_pan"
_LINES = (
    "blns.txt",
    "faker_en_GB_phone_formats.py.txt",
    "presidio_research_templates.txt",
    "presidio_test_uk_nino_recognizer.py.txt",
    "stdnum_test_gb_sedol.doctest",
    "stdnum_test_gb_utr.doctest",
    "stdnum_test_gb_vat.doctest",
    "stdnum_test_isin.doctest",
)
_DIGITS = re.compile(r"[0-9](?:[ -]?[0-9]){11,18}")

Case = tuple[str, str, list[tuple[int, int]]]
"""Source, text, places of card numbers."""


def cases() -> Iterator[Case]:
    """What is annotated, and what holds no card at all."""
    for one in json.loads((DATA / "pan_cases.json").read_text()):
        source = f"pan_cases, {one['kind']}"
        yield source, one["text"], [tuple(span) for span in one["expected"]]
    for one in json.loads((DATA / "presidio_research_synth_dataset_v2.json").read_text()):
        cards = [span for span in one["spans"] if span["entity_type"] == "CREDIT_CARD"]
        places = [(span["start_position"], span["end_position"]) for span in cards]
        yield "presidio sentences", one["full_text"], places
    text = (DATA / "ccsrch_testdata.txt").read_text()
    yield "ccsrch", text, [found.span() for found in _DIGITS.finditer(text) if _luhn(found[0])]
    for name in _LINES:
        for line in (DATA / name).read_text(errors="replace").splitlines():
            yield name, line, []


def measure() -> dict[str, Any]:
    """By source: cards there are, found, missed, and alarms where there is none."""
    if not DATA.is_dir():
        return {"skipped": "no real data"}
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    for source, text, places in cases():
        found = [(span.start, span.end) for span in find(text) if span.kind == "number"]
        hit = [place for place in places if any(_meet(place, one) for one in found)]
        wrong = [one for one in found if not any(_meet(one, place) for place in places)]
        tally[source].update(
            texts=1, cards=len(places), found=len(hit), exact=len({*places} & {*found})
        )
        tally[source]["alarms"] += len(wrong)
    return {source: dict(counts) for source, counts in tally.items()}


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _luhn(text: str) -> bool:
    """The check of ISO/IEC 7812-1, written here once more so that nothing checks itself."""
    digits = [int(sign) for sign in text if sign.isdigit()][::-1]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0

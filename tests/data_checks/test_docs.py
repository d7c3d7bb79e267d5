"""The page over a night's gates: complete, self-contained, and without a value."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from data_checks.docs import StoredResult, write_docs
from data_checks.gate import GreatExpectationsGates

CANARY = "Zebedee Canary 07700 900123"
AT = datetime(2026, 7, 1, 0, 30, tzinfo=UTC)


class _Page(HTMLParser):
    """Collects the tags, what they refer to, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.references: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag and every attribute that can load or lead somewhere."""
        self.tags.add(tag)
        self.references += [
            value or "" for name, value in attrs if name in ("href", "src", "srcset", "action")
        ]

    def handle_data(self, data: str) -> None:
        """Collect what is shown."""
        self.text += data


def _stored(body: dict[str, Any], result_id: str = "0a0a", at: datetime = AT) -> StoredResult:
    return StoredResult(id=result_id, night="n1", at=at, body=body)


def _parse(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def test_the_page_shows_every_gate_and_check(
    gates: GreatExpectationsGates, frames: Any, tmp_path: Path
) -> None:
    """Verdicts in words, counts, London time, and every check with its promise."""
    bad = frames("ingest_entry")
    bad.loc[2, "bytes"] = 0
    results = [
        gates.check("ingest_entry", bad),
        gates.check("retention_entry", frames("retention_entry").iloc[:0]),
        gates.check("retention_exit", frames("retention_exit").drop(columns="certified")),
    ]
    stored = [_stored(result.to_json_dict(), str(n)) for n, result in enumerate(results)]
    index = write_docs(tmp_path / "docs" / "gates", stored)
    page = _parse(index)
    assert index == tmp_path / "docs" / "gates" / "index.html"
    assert list(index.parent.iterdir()) == [index]
    for text in (
        "Passed; some rows quarantined",
        "Empty: nothing to judge",
        "Failed: the stage stopped",
        "bytes-not-empty",
        "expect_column_values_to_be_between",
        "not checked",
        "01 July 2026, 01:30:00 BST",
    ):
        assert text in page.text
    assert "critical" in page.text
    assert "N11" in page.text


def test_a_warning_is_shown_as_one(
    gates: GreatExpectationsGates, frames: Any, tmp_path: Path
) -> None:
    """It is neither a failure nor nothing."""
    frame = frames("ingest_volumes").assign(share_masked=0.5)
    stored = _stored(gates.check("ingest_volumes", frame).to_json_dict())
    text = _parse(write_docs(tmp_path, [stored])).text
    assert "Passed; with warnings" in text
    assert "warned" in text


def test_the_page_loads_nothing(gates: GreatExpectationsGates, frames: Any, tmp_path: Path) -> None:
    """No script, no image, no outside address: it opens offline and tells nobody."""
    result = gates.check("evidence_exit", frames("evidence_exit"))
    index = write_docs(tmp_path, [_stored(result.to_json_dict())])
    page = _parse(index)
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base"})
    assert page.references
    assert all(reference.startswith("#") for reference in page.references)
    html = index.read_text(encoding="utf-8")
    assert not any(sign in html for sign in ("://", "@import", "url("))
    assert "default-src 'none'" in html


def test_no_value_reaches_the_page(
    gates: GreatExpectationsGates, frames: Any, tmp_path: Path
) -> None:
    """Canaries in a column, as a column, and as stray keys of a stored body stay out."""
    bad = frames("ingest_exit")
    bad.loc[2, "codec"] = CANARY
    undeclared = frames("ingest_exit").assign(**{CANARY: CANARY})
    bodies = [gates.check("ingest_exit", f).to_json_dict() for f in (bad, undeclared)]
    bodies[0]["partial_unexpected_list"] = [CANARY]
    bodies[0]["checks"][0]["result"] = {"unexpected_list": [CANARY]}
    index = write_docs(tmp_path, [_stored(body, str(n)) for n, body in enumerate(bodies)])
    html = index.read_text(encoding="utf-8")
    assert "codec-named" in html
    assert "Canary" not in html
    assert not any(row_id in html for row_id in bad["id"])


def test_markup_in_a_stored_body_is_text(tmp_path: Path) -> None:
    """Whatever a name says, it is shown, never obeyed."""
    body = {
        "suite": "<script>alert(1)</script>",
        "outcome": "passed",
        "rows": 0,
        "failed_rows": 0,
        "checks": [],
    }
    page = _parse(write_docs(tmp_path, [_stored(body)]))
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text


def test_a_night_without_gates_has_a_page_too(tmp_path: Path) -> None:
    """Nothing judged is said, not shown as a blank."""
    assert "No gate has judged anything yet" in _parse(write_docs(tmp_path, [])).text


def test_a_broken_body_leaves_the_last_page_standing(tmp_path: Path) -> None:
    """A result that cannot be read is an error, and does not wipe what was shown."""
    index = write_docs(tmp_path, [])
    before = index.read_bytes()
    with pytest.raises(KeyError):
        write_docs(tmp_path, [_stored({"suite": "s", "outcome": "passed"})])
    assert index.read_bytes() == before
    assert list(tmp_path.iterdir()) == [index]

"""Card numbers spread over several records are masked in all of them, and nowhere else."""

import json
from datetime import timedelta
from typing import Any

from callward.catalogue import tables as t
from tests.intake.support import Desk
from tests.intake.test_records import YESTERDAY, drop, kept, record

PARTS = ("4111", "1111", "1111", "1111")


def _rows(**members: Any) -> list[dict[str, Any]]:
    return [
        record(
            f"m-{number}",
            started_at=(YESTERDAY + timedelta(seconds=number)).isoformat(),
            ended_at=None,
            texts=[{"text": part, "from": "visitor"}],
            body=part,
            **members,
        )
        for number, part in enumerate(PARTS)
    ]


def _texts(desk: Desk) -> list[tuple[str, str]]:
    found = [json.loads(desk.open(one["id"])) for one in kept(desk)]
    found.sort(key=lambda one: one["external_id"])
    return [(one["texts"][0]["text"], one["raw"]["body"]) for one in found]


def test_a_number_over_the_messages_of_a_chat(desk: Desk) -> None:
    """Rows of one conversation, in whatever order they stand in the file; raw fields too."""
    drop(desk, list(reversed(_rows(kind="chat", conversation="k"))))
    report = desk.take_in()
    assert report.total("masked") == 1
    first, second, third, last = _texts(desk)
    assert first == ("4111", "4111")
    assert second == ("11••", "11••")
    assert third == ("••••", "••••")
    assert last == ("1111", "1111")


def test_a_number_over_several_texts(desk: Desk) -> None:
    """Between the same two people, with no conversation to tie them."""
    drop(desk, _rows())
    assert desk.take_in().total("masked") == 1
    assert [text for text, _ in _texts(desk)] == ["4111", "11••", "••••", "1111"]


def test_what_different_people_wrote_is_no_number(desk: Desk) -> None:
    """Four customers' codes are four codes."""
    rows = _rows()
    for number, row in enumerate(rows):
        row["people"] = [{"role": "sender", "text": f"0770090012{number}"}]
    drop(desk, rows)
    assert desk.take_in().total("masked") == 0
    assert [text for text, _ in _texts(desk)] == list(PARTS)
    assert desk.rows(t.quarantine) == []

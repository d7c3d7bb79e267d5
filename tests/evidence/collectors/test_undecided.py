"""What was set aside and destroyed on its last day, with nobody's word on it."""

from datetime import date

from callward.catalogue import tables as t
from tests.evidence.collectors.kept import Shelf, at, on


def test_what_went_undecided_is_counted_by_the_days_it_had_waited(shelf: Shelf) -> None:
    """Neither what was decided, nor what is to be erased, nor what went in another year."""
    shelf.made()
    came = on(6, 1)
    for name, gone, decided in (
        ("undecided", on(7, 16), None),
        ("decided", on(7, 16), on(6, 3)),
        ("going", on(7, 16), None),
        ("next-year", at(date(2027, 1, 2)), None),
    ):
        media = shelf.gone(gone.date(), gone, kind="media")
        shelf.add(
            t.quarantine,
            controller="acorn",
            reason="not-media",
            state="rejected" if decided else "shredded",
            media_id=media,
            created_at=came,
            decided_at=decided,
        )
        if name == "going":
            shelf.add(
                t.erasures,
                object_id=media,
                controller="acorn",
                reason_id="0" * 32,
                asked_at=on(6, 2),
            )
    assert shelf.facts("intake")["quarantine"]["expired"] == {"45": 1}

"""Records without a time of their own are the same again, whenever they are delivered."""

import json
from datetime import timedelta

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.intake.marker import MARKER
from tests.intake.support import Desk, totals
from tests.support import NOW

MAPPING = """\
mappings:
  crm:
    format: csv
    kind: contact
    columns: {external_id: id, name: name, phone: phone}
"""


def test_the_same_contacts_every_night(desk: Desk) -> None:
    """An export that comes whole every night makes no new version of what has not changed."""
    path = desk.instance.settings.instructions / f"{desk.controller}.yaml"
    path.write_text(path.read_text() + MAPPING)
    clock = desk.instance.clock
    assert isinstance(clock, FixedClock)
    for night in range(3):
        clock.moment = NOW + timedelta(days=night)
        folder = desk.landing / f"crm-{night}"
        folder.mkdir(parents=True)
        name = "Pat" if night < 2 else "Patricia"
        (folder / "crm.csv").write_text(f"id,name,phone\n1,{name},07700 900123\n")
        (folder / MARKER).write_text(json.dumps({"mapping": "crm"}))
        report = desk.take_in()
        assert totals(report, "ingested", "duplicate") == [(1, 0), (0, 1), (1, 0)][night]
    assert [one["superseded_at"] is None for one in desk.rows(t.objects)].count(True) == 1

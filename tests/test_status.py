"""Where an instance stands: counts that add up."""

from collections import Counter
from datetime import date
from typing import Any

from callward.clock import today
from callward.instance import Instance
from callward.retention.holds import place_hold
from callward.status import night_counts, status
from tests.retention.shelf import refuse, shelve
from tests.support import Call, deliver, instruct, rows, run_stage

NOTHING: dict[str, Any] = {
    "catalogued": 0,
    "transcribed": 0,
    "refused": {},
    "held": 0,
    "due": 0,
    "shredded": 0,
    "quarantined": {},
}


def _status(instance: Instance, as_of: date | None = None) -> dict[str, Any]:
    with instance.unit() as connection:
        return status(connection, as_of or today(instance.clock))


def test_an_empty_instance(instance: Instance) -> None:
    """Nothing anywhere, as plain values."""
    empty = {"as_of": "2026-11-20", "controllers": {}, "holds": [], "drops": []}
    none = {"waiting": 0, "by_kind": {}, "oldest": None}
    assert _status(instance) == {**empty, "material_changes": none}


def test_kinds_and_controllers(instance: Instance) -> None:
    """Each object where it belongs: catalogued, held, due; what is shredded is no longer kept."""
    instruct(instance)
    instruct(instance, "birch")
    shelve(instance, "gone", age=50)
    assert run_stage(instance, "retention").failures == []
    held = shelve(instance, "held", age=46)
    for name, age in (("due", 45), ("young", 44)):
        shelve(instance, name, age=age)
    shelve(instance, "theirs", age=1, controller="birch")
    refuse(instance, "refused", age=60)
    place_hold(instance, "acorn", "interaction", held.interaction, "because", date(2027, 1, 1))
    found = _status(instance)["controllers"]
    media = {**NOTHING, "catalogued": 3, "held": 1, "shredded": 1}
    assert found["acorn"]["kinds"] == {
        "recording": {**media, "transcribed": 3, "due": 3, "quarantined": {"gate": 1}},
        "transcript": {**media, "due": 2},
        "details": {**NOTHING, "catalogued": 4, "held": 1},
        "manifest-row": {**NOTHING, "due": 1},
        "hold-reason": {**NOTHING, "catalogued": 1},
    }
    assert found["acorn"]["quarantined"] == {"gate": 1}
    one = {**NOTHING, "catalogued": 1}
    assert found["birch"] == {
        "kinds": {"recording": {**one, "transcribed": 1}, "transcript": one, "details": one},
        "quarantined": {},
    }


def test_due_goes_by_the_day_asked(instance: Instance) -> None:
    """The same instance, a day earlier and a day later."""
    instruct(instance)
    shelve(instance, "one", age=45)

    def due(day: int) -> int:
        found = _status(instance, date(2026, 11, day))["controllers"]["acorn"]["kinds"]
        return int(found["recording"]["due"])

    assert [due(19), due(20), due(21)] == [0, 1, 1]


def test_refusals_by_code(instance: Instance) -> None:
    """Each code with its count, under the kind of what was refused."""
    instruct(instance)
    deliver(instance, [Call("a"), Call("b"), Call("c", kind="voicemail"), Call("d", age=45)])
    run_stage(instance, "ingest")
    run_stage(instance, "transcribe")
    instruct(instance, "acorn", transcription=True)
    place_hold(instance, "acorn", "controller", None, "because", date(2027, 1, 1))
    run_stage(instance, "transcribe")
    kinds = _status(instance)["controllers"]["acorn"]["kinds"]
    assert kinds["recording"]["refused"] == {"held": 3}
    assert kinds["voicemail"]["refused"] == {"held": 1}
    assert kinds["recording"]["transcribed"] == 0


def test_drops_add_up(instance: Instance) -> None:
    """Per drop: files are what was ingested, known already or quarantined."""
    instruct(instance)
    deliver(instance, [Call("a"), Call("b"), Call("bad", content=b"no audio")])
    run_stage(instance, "ingest")
    deliver(instance, [Call("a")], drop="again")
    run_stage(instance, "ingest")
    drops = sorted(_status(instance)["drops"], key=lambda drop: drop["files"])
    assert [{name: value for name, value in drop.items() if name != "id"} for drop in drops] == [
        {
            "controller": "acorn",
            "state": "complete",
            "files": files,
            "ingested": ingested,
            "duplicates": duplicates,
            "quarantined": quarantined,
        }
        for files, ingested, duplicates, quarantined in ((1, 0, 1, 0), (3, 2, 0, 1))
    ]
    assert _status(instance)["controllers"]["acorn"]["quarantined"] == {"not-media": 1}


def test_one_nights_counts(instance: Instance) -> None:
    """Only that night's, all stages together, per controller."""
    instruct(instance)
    instruct(instance, "birch")
    shelve(instance, "earlier", age=50)
    run_stage(instance, "retention", night="first")
    shelve(instance, "mine", age=50)
    shelve(instance, "theirs", age=50, controller="birch")
    deliver(instance, [Call("a")], controller="birch")
    run_stage(instance, "ingest", night="second")
    run_stage(instance, "retention", night="second")
    with instance.unit() as connection:
        found = night_counts(connection, "second")
        first = night_counts(connection, "first")
        assert night_counts(connection, "no such night") == {}
    assert found == {
        "acorn": Counter(shredded=2, certificates=1),
        "birch": Counter(shredded=2, certificates=1, ingested=1, files=1)
        + Counter({"kind:recording": 1}),
    }
    assert first == {"acorn": Counter(shredded=2, certificates=1)}
    assert len(rows(instance, "stage_counts")) == 4

"""A year of nights with faults planted in it, and what its annual pack makes of them.

365 nights as plain functions, in the suite with little data and on SQLite alone.
CALLWARD_WHOLE_YEAR=1 gives it more data, both databases and a few nights through a real
Prefect server. It is lived once, so it is one test: all that is wrong is told together.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from callward.evidence.clauses.notice import DELIVERED, read_notice
from tests.conftest import PostgresqlServer
from tests.prefect_server import PrefectServer
from tests.year import days, living, packed, world
from tests.year.expected import EXPECTED, FAULTS, TOLD
from tests.year.packed import Pack
from tests.year.prefected import Moved
from tests.year.world import Year

_DATABASES = ["sqlite", "postgresql"] if days.WHOLE else ["sqlite"]


@pytest.fixture(params=_DATABASES)
def year(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Year]:
    """The year, lived to its last day."""
    world.stand_in(monkeypatch)
    url, moved = "", None
    with ExitStack() as stack:
        if request.param == "postgresql":
            server: PostgresqlServer = request.getfixturevalue("postgresql_server")
            url = server.create("the_year", empty=True)
            stack.callback(server.drop, "the_year")
        if days.WHOLE:
            prefect: PrefectServer = request.getfixturevalue("prefect_server")
            stack.enter_context(prefect.used_here())
            moved = Moved()
        one = stack.enter_context(world.begun(tmp_path / "year", url, moved))
        living.live(one)
        yield one


def test_the_table_is_of_the_whole_notice() -> None:
    """Every clause of the map delivered is in the table, and no other."""
    assert list(EXPECTED) == [one.id for one in read_notice(DELIVERED).value.clauses]


def test_the_year(year: Year) -> None:
    """Verdicts and reasons are the table's, and every fault stands on the first page.

    And nothing went wrong but what was planted.
    """
    pack = packed.make(year)
    assert {
        "told": _told(year),
        "states": _states(pack),
        "reasons": _reasons(pack),
        "lateness": _lateness(pack),
        "first page": _first_page(pack),
    } == {"told": {}, "states": {}, "reasons": {}, "lateness": {}, "first page": {}}


def _told(year: Year) -> Mapping[Any, Any]:
    """Days on which people were told of other failures than planned: found, planned."""
    found = {
        day: tuple(one.partition("]")[0][1:] for one in lines) for day, lines in year.told.items()
    }
    return _differing(found, TOLD)


def _states(pack: Pack) -> Mapping[Any, Any]:
    """Clauses of which the pack says something else than the table."""
    found = {clause: said.state for clause, said in pack.verdicts.items()}
    return _differing(found, {clause: one.state.value for clause, one in EXPECTED.items()})


def _reasons(pack: Pack) -> Mapping[str, set[str]]:
    """Codes that should be among a clause's reasons."""
    missing = {
        clause: set(one.codes) - pack.verdicts[clause].findings.keys()
        for clause, one in EXPECTED.items()
    }
    return {clause: codes for clause, codes in missing.items() if codes}


def _lateness(pack: Pack) -> Mapping[Any, Any]:
    """Days late by which other recordings were destroyed than those of the nights left out."""
    facts = pack.facts("deletions")
    told = facts["by_class"]["recordings"]["days_late"]
    found = {int(late): count for late, count in told.items() if int(late) and count}
    planned = days.late_recordings()
    totals = {"late": facts["late"], "early": facts["early"], "overdue": facts["overdue"]}
    return {
        **_differing(found, planned),
        **_differing(totals, {"late": sum(planned.values()), "early": 0, "overdue": {}}),
    }


def _first_page(pack: Pack) -> Mapping[str, Any]:
    """Faults that the report's summary does not tell as they were."""
    wrong: dict[str, Any] = {}
    for fault in FAULTS:
        finding = pack.verdicts[fault.clause].findings.get(fault.code)
        says = " ".join(str(finding["says"]).split()) if finding else ""
        silent = [word for word in fault.words if word not in says]
        if finding is None or finding["count"] != fault.count or silent:
            wrong[fault.id] = finding
        elif says.casefold() not in pack.first_page.casefold():
            wrong[fault.id] = "not on the first page"
    return wrong


def _differing(found: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Where two tables differ: by key what was found, and what was wanted."""
    keys = sorted(found.keys() | wanted.keys(), key=str)
    return {
        key: (found.get(key), wanted.get(key)) for key in keys if found.get(key) != wanted.get(key)
    }

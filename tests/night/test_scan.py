"""The weekly scan as people meet it: from a terminal, and as a flow."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callward.clock import FixedClock, SystemClock
from callward.instance import Instance, open_instance
from callward.retention.findings import STORES, Finding
from tests.commands import callward
from tests.prefect_server import PrefectServer
from tests.support import Call, deliver, instruct, new_instance, rows, run_stage


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An instance with one recording."""
    now = SystemClock().now()
    made = new_instance(tmp_path / "home", clock=FixedClock(now))
    instruct(made)
    deliver(made, [Call("one")], now=now)
    assert run_stage(made, "ingest").failures == []
    made.close()
    return tmp_path / "home"


@pytest.fixture
def instance(home: Path) -> Iterator[Instance]:
    """The same, open."""
    opened = open_instance(home)
    yield opened
    opened.close()


def test_a_scan_from_a_terminal(home: Path, instance: Instance) -> None:
    """Says of every store what was looked at; fails, with the ids, if there is anything."""
    said = callward(home, "scan")
    assert (said.status, said.last) == (0, "nothing is left")
    lines = said.out.splitlines()[:-1]
    assert [line.split()[0] for line in lines] == list(STORES)
    assert all(line.endswith("looked at: nothing") for line in lines)
    (path,) = (path for (path,) in rows(instance, "objects", "store_key") if path)
    (one,) = (one for one, key in rows(instance, "objects", "id", "store_key") if key)
    instance.vault.store.delete([path])
    said = callward(home, "scan")
    assert (said.status, said.last) == (4, "something is left")
    assert f"ciphertext-missing: {one}" in said.out.splitlines()
    said = callward(home, "scan", "--json")
    assert said.status == 4
    assert said.json["ids"] == {"ciphertext-missing": [one]}
    assert said.json["counts"]["object-store"]["ciphertext-missing"] == 1
    assert len(rows(instance, "scans")) == 3


def test_a_scan_as_a_flow(
    home: Path,
    instance: Instance,
    prefect_server: PrefectServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its state says whether there was anything, and what; the table is left as an artifact."""
    from flows.residual_scan import residual_scan  # noqa: PLC0415 - two seconds

    monkeypatch.setenv("CALLWARD_HOME", str(home))
    with prefect_server.used_here():
        clean = residual_scan(return_state=True)
        instance.vault.store.put("0123456789abcdef/000001", [b"x"])
        found = residual_scan(return_state=True)
        tables = _tables()
    assert clean.is_completed()
    assert (found.type.value, found.name) == ("FAILED", "ResidueFound")
    assert str(found.message).endswith("found 1 ciphertext-without-row")
    assert str(found.message).startswith("[residue] residual scan ")
    assert tables[0][Finding.CIPHERTEXT_WITHOUT_ROW] == 1
    assert tables[0]["looked-at:object-store"] == 2
    assert [outcome for (outcome,) in rows(instance, "scans", "outcome")] == ["clean", "found"]


def _tables() -> Any:
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds

    with get_client(sync_client=True) as client:
        found = [one for one in client.read_artifacts() if one.key == "residual-scan-counts"]
    latest = max(found, key=lambda one: str(one.created))
    return json.loads(str(latest.data))

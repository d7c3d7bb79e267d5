"""An instance and a server for the flow, and what people do in Prefect's pages."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from callward.clock import today
from callward.instance import Instance
from callward.review import book
from callward.review.model import Review
from tests.prefect_server import PrefectServer
from tests.review.setting import Sky

OFFICER, BOARD = "Ostrvanka Čehulić", ["Quorvexia Žoltanéx", "Brbljavko Šušić"]
REMARK = "Nothing is sent to anybody; the clause goes next year."
PATIENCE = 60.0


@dataclass
class Stand:
    """An instance with a short notice, and the server its flow talks to."""

    instance: Instance
    server: PrefectServer
    sky: Sky
    night: str = field(default_factory=lambda: f"a{uuid4().hex[:15]}")

    def run(self, **parameters: Any) -> Any:
        """Call the flow here; the state it ends in."""
        from flows.review import annual_review  # noqa: PLC0415 - two seconds

        return annual_review(night=self.night, **parameters, return_state=True)

    def run_beside(self, people: Callable[[], Any]) -> Any:
        """The same while people do something; an assertion of theirs counts."""
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(people)
            state = self.run()
            done.result(timeout=PATIENCE)
        return state

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the server, as a browser makes it; again while its database is busy."""
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.server.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
                    text = answer.read().decode()
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return json.loads(text) if text else None

    def flow_run(self) -> Mapping[str, Any]:
        """The newest run of this stand."""
        found = self.call("POST", "/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 50})
        mine = [run for run in found if run["parameters"].get("night") == self.night]
        return mine[0] if mine else {}

    def paused(self, other_than: str = "") -> Mapping[str, Any]:
        """The run, once it is paused with a form that is not ``other_than``."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            run = self.flow_run()
            if run.get("state_type") == "PAUSED" and key_of(run) != other_than:
                return run
            time.sleep(0.1)
        raise AssertionError("no run was paused")

    def form(self, run: Mapping[str, Any]) -> Any:
        """What the UI reads to show the form."""
        return self.call("GET", f"/flow_runs/{run['id']}/input/{key_of(run)}")

    def shown(self, run: Mapping[str, Any]) -> str:
        """What stands over the form's first field."""
        first, *_ = self.form(run)["properties"].values()
        return str(first["description"])

    def send(self, run: Mapping[str, Any], **fields: Any) -> str:
        """Send the form as the UI does, its defaults where nothing is typed; the verdict."""
        properties = self.form(run)["properties"]
        known = {name: one["default"] for name, one in properties.items() if "default" in one}
        typed = {name: value for name, value in {**known, **fields}.items() if value is not None}
        answer = self.call("POST", f"/flow_runs/{run['id']}/resume", {"run_input": typed})
        return str(answer["status"])

    def comment(self, run: Mapping[str, Any], **fields: Any) -> str:
        """The officer's form, filled in."""
        return self.send(run, **{"name": OFFICER, "N7_1_remark": REMARK, **fields})

    def decide(self, run: Mapping[str, Any], **fields: Any) -> str:
        """The board's form, filled in."""
        known = {
            "decision": "approve",
            "names": BOARD,
            "meeting_day": today(self.instance.clock).isoformat(),
            "minute": "B/2026/11",
        }
        return self.send(run, **{**known, **fields})

    def review(self) -> Review:
        """The newest review."""
        with self.instance.reading() as connection:
            return book.list_reviews(connection)[0]


def key_of(run: Mapping[str, Any]) -> str:
    """Which form it is."""
    return str(run["state"]["state_details"]["run_input_keyset"]["schema"])

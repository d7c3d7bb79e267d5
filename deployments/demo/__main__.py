"""``make demo``: a night on made-up calls, from nothing to a signed pack."""

import shutil
from datetime import timedelta
from pathlib import Path

from callward.cli_run import NIGHTLY, Order, run_in_prefect
from callward.cli_tables import console
from callward.clock import today
from callward.errors import CallwardError
from callward.instance import SIGNING_KEY, Instance, create_instance, open_instance
from callward.retention.holds import list_holds, place_hold
from deployments.demo.calls import demo_calls
from deployments.demo.landing import fill_landing

HOME = Path("var")
HERE = Path(__file__).parent
SETTINGS = """\
# The demo's controllers have a handful of calls each, so a few old ones are a large share.
brake_share = 0.9
"""
_REVIEW_AFTER = timedelta(days=30)


def main() -> None:
    """Make the demo's instance if there is none, deliver its calls once, run the night."""
    home = HOME.resolve()
    instance = _instance(home)
    _deliver(instance)
    instance.close()
    run_in_prefect(home, Order(NIGHTLY, None, None, None))
    console.print("look around: .venv/bin/callward status, .venv/bin/callward quarantine list")


def _instance(home: Path) -> Instance:
    if (home / "keys" / SIGNING_KEY).exists():
        return open_instance(home)
    home.mkdir(exist_ok=True)
    (home / "callward.toml").write_text(SETTINGS)
    console.print(f"making an instance in {home}")
    return create_instance(home)


def _deliver(instance: Instance) -> None:
    for path in sorted((HERE / "instructions").glob("*.yaml")):
        if not (instance.settings.instructions / path.name).exists():
            shutil.copy(path, instance.settings.instructions)
    drops = fill_landing(
        instance.settings.landing,
        now=instance.clock.now(),
        marker=instance.settings.data / "demo-delivered.json",
    )
    if drops.files:
        console.print(f"{drops.files} files in {len(drops.drops)} drops put into the landing zone")
    _hold(instance)


def _hold(instance: Instance) -> None:
    """An old call that a dispute is about: its caller's calls are kept."""
    held = next(call for call in demo_calls() if call.hold)
    with instance.unit() as connection:
        if list_holds(connection):
            return
    review = today(instance.clock) + _REVIEW_AFTER
    person = held.caller if held.direction == "inbound" else held.called
    place_hold(instance, held.controller, "person", person, "complaint under way", review)
    console.print(f"a legal hold was placed on one caller of {held.controller}")


if __name__ == "__main__":
    try:
        main()
    except CallwardError as error:
        raise SystemExit(f"demo: {error}") from None

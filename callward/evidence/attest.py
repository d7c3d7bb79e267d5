"""Having strangers confirm the night's checkpoint, before the pack is made of it."""

from datetime import datetime

from callward.errors import scrubbed
from callward.instance import Instance
from callward.ledger import attesting, log, timestamps


def attest(instance: Instance) -> list[str]:
    """Sign the head, and have witness and time-stamp authority confirm it, if set.

    What failed, a sentence each: the night stands without them, and says so.
    """
    settings, failures = instance.settings, []
    if not (settings.witness_url or settings.tsa_url):
        return []
    with instance.unit() as connection:
        log.checkpoint(connection, instance.signer, instance.clock.now())
    for wanted, act in ((settings.witness_url, cosign), (settings.tsa_url, stamp)):
        try:
            if wanted:
                act(instance)
        except Exception as error:  # noqa: BLE001 - the pack must be made, whatever it is
            failures.append(str(scrubbed(error)))
    return failures


def cosign(instance: Instance) -> None:
    """Have the witness of the settings cosign the last checkpoint."""
    settings = instance.settings
    attesting.ask(instance.engine, settings.witness_url, settings.witness_key, instance.clock)


def stamp(instance: Instance) -> tuple[int, datetime]:
    """Have the authority of the settings stamp the last checkpoint; its size and when (UTC)."""
    settings = instance.settings
    roots = timestamps.read_roots_file(settings.tsa_roots)
    return timestamps.stamp(instance.engine, settings.tsa_url, roots)

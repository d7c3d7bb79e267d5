"""``callward ledger …``: verify, prove, export, rotate the signing key, time-stamp."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callward.cli_common import Id, opened
from callward.errors import NotFoundError, SettingsError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from callward.instance import Instance

ledger_app = typer.Typer(
    no_args_is_help=True, help="The ledger: verify, prove, export, rotate its key, time-stamp."
)


@ledger_app.command("verify")
def ledger_verify() -> None:
    """Recompute the whole ledger and check every checkpoint; writers need not wait."""
    from callward.ledger import log

    with opened() as instance, instance.reading() as connection:
        found = log.verify(connection, [instance.signer.verifier])
        outside = _verify_outside(instance, connection)
    typer.echo(
        f"{found.leaves} leaves, {found.items} items, {found.checkpoints} checkpoints{outside}: "
        f"all verify; root {found.root.hex()}"
    )


def _verify_outside(instance: "Instance", connection: "sa.Connection") -> str:
    """Check what strangers have said of checkpoints; how much there is."""
    from callward.ledger import attesting, timestamps

    said = ""
    if cosigned := attesting.verify_kept(connection):
        said += f", {cosigned} cosignatures"
    if instance.settings.tsa_certificate:
        roots = timestamps.read_roots_file(instance.settings.tsa_roots)
        said += f", {timestamps.verify_kept(connection, roots)} time stamps"
    return said


@ledger_app.command("prove")
def ledger_prove(
    object_id: Id,
    *,
    out: Annotated[Path | None, typer.Option(help="Where to write it; else printed.")] = None,
) -> None:
    """Prove everything the ledger says of one object; ``callward verify`` checks it anywhere."""
    from callward.durable import write_durably
    from callward.evidence.proof import build_proof
    from callward.ledger import log, proving

    with opened() as instance, instance.unit() as connection:
        log.checkpoint(connection, instance.signer, instance.clock.now())
        events, note = proving.prove_events(connection, object_id)
        if not events:
            raise NotFoundError(f"the ledger says nothing of {object_id}")
        proof = build_proof(object_id, events, note, instance.signer)
    if out is None:
        typer.echo(proof)
        return
    try:
        write_durably(out, proof.encode())
    except OSError as error:
        raise SettingsError(f"the proof cannot be written there (errno {error.errno})") from None
    typer.echo(f"{len(events)} events of {object_id} proved")


@ledger_app.command("export")
def ledger_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; made if need be.")],
) -> None:
    """Bring an export for public tools (C2SP tlog-tiles) up to date; writes only what is new."""
    from callward.ledger import log, tiles

    with opened() as instance:
        with instance.unit() as connection:
            log.checkpoint(connection, instance.signer, instance.clock.now())
        with instance.reading() as connection:
            done = tiles.export(connection, folder)
    typer.echo(f"{done.size} leaves exported, {done.files} new files")


@ledger_app.command("rotate-key")
def ledger_rotate_key() -> None:
    """Replace the signing key; what the old one signed still verifies."""
    from callward.instance import SIGNING_KEY, VERIFIER_FILE
    from callward.ledger.rotation import publish, rotate

    with opened() as instance:
        settings = instance.settings
        signer = rotate(instance.engine, settings.keys / SIGNING_KEY, instance.clock)
        publish(settings.data / VERIFIER_FILE, signer.verifier, instance.engine)
    typer.echo(f"from now on everything is signed by {signer.verifier}")
    typer.echo(f"give auditors and the witness the new {VERIFIER_FILE}: it holds every key")
    typer.echo("make a backup now: from an older one alone the new key cannot be known")


@ledger_app.command("timestamp")
def ledger_timestamp() -> None:
    """Have the time-stamp authority of the settings stamp the ledger's head."""
    from callward.evidence.attest import stamp
    from callward.ledger import log

    with opened() as instance:
        if not instance.settings.tsa_url:
            raise SettingsError("tsa_url and tsa_certificate are not set")
        with instance.unit() as connection:
            log.checkpoint(connection, instance.signer, instance.clock.now())
        size, at = stamp(instance)
    typer.echo(f"checkpoint {size} was stamped at {at.isoformat()}")


def given_keys(text: str | None) -> str | None:
    """The verifier keys of ``--key``: themselves, or what the file of that name holds."""
    from callward.evidence.checks.asked import given_text

    return given_text(text)


def given_roots(path: Path | None) -> bytes | None:
    """The certificates of ``--tsa``; SettingsError if they cannot be used."""
    from callward.ledger.timestamps import read_roots_file

    return None if path is None else read_roots_file(path)

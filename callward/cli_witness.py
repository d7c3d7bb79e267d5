"""``callward witness …``: be a witness of logs, or ask one."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callward.cli_common import opened
from callward.errors import SettingsError

if TYPE_CHECKING:
    from callward.ledger.signing import Signer

witness_app = typer.Typer(no_args_is_help=True, help="The witness: serve, key, ask.")
State = Annotated[Path, typer.Option(help="The witness's own folder; no instance is needed.")]
KeyFile = Annotated[Path | None, typer.Option(help="Its private key, if not in that folder.")]
Name = Annotated[str | None, typer.Option(help="Its name, when the key is made.")]


@witness_app.command("serve")
def witness_serve(
    state: State,
    log_key: Annotated[
        list[str], typer.Option(help="A log's verifier key, or a file of them; several times.")
    ],
    listen: Annotated[str, typer.Option(help="HOST:PORT")] = "127.0.0.1:7787",
    key_file: KeyFile = None,
    name: Name = None,
) -> None:
    """Cosign what is consistent with everything seen before; refuse and keep the rest."""
    from callward.cli_ledger import given_keys
    from callward.clock import SystemClock
    from callward.ledger.witness import Witness
    from callward.ledger.witness_server import WitnessServer, alone

    address = _address(listen)
    with alone(state):
        keys = [given_keys(one) or "" for one in log_key]
        witness = Witness(state, _signer(state, key_file, name), keys, SystemClock())
        try:
            server = WitnessServer(address, witness)
        except OSError as error:
            raise SettingsError(f"cannot listen there (errno {error.errno})") from None
        typer.echo(f"witness listens on port {server.server_port}")
        with server:
            server.serve_forever()


@witness_app.command("key")
def witness_key(state: State, key_file: KeyFile = None, name: Name = None) -> None:
    """Print the witness's verifier key; it is made if there is none."""
    from callward.ledger.witness import witness_key as public

    typer.echo(str(public(_signer(state, key_file, name))))


@witness_app.command("ask")
def witness_ask(
    url: Annotated[str | None, typer.Option(help="Where it is, if not as set.")] = None,
    key: Annotated[str | None, typer.Option(help="Its verifier key, if not as set.")] = None,
) -> None:
    """Have a witness cosign the ledger's head, and keep its cosignature."""
    from callward.ledger import attesting, log

    with opened() as instance:
        settings = instance.settings
        url, key = url or settings.witness_url, key or settings.witness_key
        if not url or not key:
            raise SettingsError("witness_url and witness_key are neither set nor given")
        with instance.unit() as connection:
            log.checkpoint(connection, instance.signer, instance.clock.now())
        found = attesting.ask(instance.engine, url, key, instance.clock)
    typer.echo(f"checkpoint {found.size} was cosigned at {found.at.isoformat()}")


def _signer(state: Path, key_file: Path | None, name: str | None) -> "Signer":
    from callward.ledger.witness import KEY_FILE, open_key

    chosen = name or f"callward-witness/{secrets.token_hex(8)}"
    return open_key(key_file or state / KEY_FILE, chosen)


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    highest = 65535
    if not (host and colon and port.isascii() and port.isdigit()) or int(port) > highest:
        raise SettingsError("--listen is HOST:PORT")
    return host, int(port)

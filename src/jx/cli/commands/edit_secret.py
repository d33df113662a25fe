"""`jx edit secret`."""

from __future__ import annotations

import click

from jx.cli import secret_values
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.domain.objects.references import Scheme
from jx.usecases.secrets.edit_secret import EditSecretRequest


@click.command()
@click.argument("path")
@click.option("-k", "--key", "keys", multiple=True, help="A key to set; its value is asked for.")
@click.option(
    "--from-file",
    "files",
    multiple=True,
    metavar="KEY=FILE",
    help="A key, from a file; `-` is standard input.",
)
@click.option("--remove-key", "removes", multiple=True, metavar="KEY", help="A key to take away.")
@click.option("--remove", is_flag=True, help="Remove the path with all it holds.")
@click.option(
    "--store", type=click.Choice([one.value for one in Scheme]), default=Scheme.VAULT.value, show_default=True,
    help="Which store.",
)  # fmt: skip
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session, path: str, keys: tuple[str, ...], files: tuple[str, ...], removes: tuple[str, ...], store: str,
    *, remove: bool, batch_mode: bool,
) -> None:  # fmt: skip
    """Set keys of a secret in its store. Values are never arguments: they are asked for, or read from a file.

    \b
    Examples:
      jx edit secret prod/db --key password
      jx edit secret prod/db --from-file tls.crt=./server.crt
      pwgen 32 1 | jx edit secret prod/db --from-file password=-
      jx edit secret prod/old --remove
    """
    if not (keys or files or removes or remove):
        raise Usage("nothing is to be set", hint="name a key with --key, or a file with --from-file KEY=FILE")
    session.change(batch=batch_mode)
    values = {key: secret_values.asked(session, path, key) for key in keys}
    values |= dict(secret_values.from_file(text) for text in files)
    request = EditSecretRequest(path, Scheme(store), values, removes, remove)
    session.wiring.edit_secret()(request)

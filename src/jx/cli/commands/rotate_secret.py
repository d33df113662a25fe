"""`jx rotate secret`."""

from __future__ import annotations

import click

from jx.cli import exit_codes, secret_values
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.domain.objects.references import Scheme
from jx.usecases.secrets.rotate_secret import RotateSecretRequest


@click.command()
@click.argument("path")
@click.option(
    "-k",
    "--key",
    "keys",
    multiple=True,
    help="A key to rotate. Default: what a recipe makes, or the only key.",
)
@click.option("--ask", is_flag=True, help="Ask for the new values, instead of making them.")
@click.option(
    "--from-file",
    "files",
    multiple=True,
    metavar="KEY=FILE",
    help="A new value, from a file; `-` is standard input.",
)
@click.option(
    "--store",
    type=click.Choice([one.value for one in Scheme]),
    default=Scheme.VAULT.value,
    show_default=True,
    help="Which store.",
)
@click.option(
    "--apply/--no-apply",
    "applies",
    default=True,
    help="Apply what refers to it again, and start its readers anew.",
)
@click.option("-b", "--batch-mode", is_flag=True, help="Ask no question.")
@with_session
def command(
    session: Session, path: str, keys: tuple[str, ...], files: tuple[str, ...], store: str,
    *, ask: bool, applies: bool, batch_mode: bool,
) -> int:  # fmt: skip
    """Give a secret a new value, apply the environments that refer to it, and start the pods anew that read it.

    A value is made by the recipe that the environments have for it (`<generated:...>`), or like the old one: as long, of the
    same kind of characters. What follows from it outside, as in the database that has to know it, is not jx's to do.

    \b
    Examples:
      jx rotate secret staging/redis
      jx rotate secret prod/db --key password
      jx rotate secret prod/tls --from-file tls.crt=new.crt --from-file tls.key=new.key
    """
    session.change(batch=batch_mode)
    if ask and not keys:
        raise Usage("--ask needs to know for which key", hint="name it with --key")
    values = {key: secret_values.asked(session, path, key) for key in keys} if ask else {}
    values |= dict(secret_values.from_file(text) for text in files)
    request = RotateSecretRequest(
        platform=session.wiring.platform_at,
        path=path,
        holder=session.wiring.holder,
        scheme=Scheme(store),
        keys=tuple(key for key in keys if key not in values),
        values=values,
        applies=applies,
    )
    with goes_on("The new value is kept; `jx step env apply` in a clone sends it."):
        rotated = session.wiring.rotate_secret()(request)
    secret_values.show_rotated(rotated)
    return exit_codes.FAILED if rotated.has_failed else exit_codes.DONE

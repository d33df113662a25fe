"""`jx get secrets`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from jx.cli import exit_codes, output, secret_audit
from jx.cli.activities import short
from jx.cli.session import Session
from jx.cli.session import command as with_session

if TYPE_CHECKING:
    from jx.usecases.secrets.show_secrets import ShownSecret


@click.command()
@click.option("-e", "--env", default="", help="The environment. Default: all.")
@click.option("--audit", is_flag=True, help="Who wrote which secret, and which applies used it.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of a table."
)
@with_session
def command(session: Session, env: str, form: str | None, *, audit: bool) -> int:
    """List the secrets that environments refer to, who uses them, and whether they are there. Values are never shown.

    \b
    Examples:
      jx get secrets
      jx get secrets --env staging -o yaml
      jx get secrets --audit
    """
    if audit:
        secret_audit.show(
            session.wiring.show_secret_audit()(session.wiring.platform_at, environment=env), form
        )
        return exit_codes.DONE
    shown = session.wiring.show_secrets()(session.wiring.platform_at, environment=env)
    if form:
        output.document([_plain(one) for one in shown], form)
    elif shown:
        now = session.wiring.clock.now()
        output.table(
            ("SECRET", "KEY", "STATUS", "AGE", "USED BY"),
            [
                (
                    f"{one.reference.scheme}:{one.reference.path}",
                    one.reference.key,
                    one.presence.value,
                    short(now - one.changed) if one.changed else "",
                    ", ".join(one.users),
                )
                for one in shown
            ],
        )
        for reason in dict.fromkeys(one.reason for one in shown if one.reason):
            output.hint(f"unknown: {reason}")
    else:
        output.hint("No secrets are referred to. See: jx edit secret --help")
    return exit_codes.DONE


def _plain(one: ShownSecret) -> dict[str, object]:
    changed: datetime | None = one.changed
    return {
        "path": one.reference.path,
        "key": one.reference.key,
        "store": one.reference.scheme.value,
        "status": one.presence.value,
        "changed": changed.astimezone(UTC).isoformat() if changed else None,
        "usedBy": list(one.users),
    }

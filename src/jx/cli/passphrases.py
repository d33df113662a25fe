"""Passphrases: from a file, or asked for on a terminal."""

from __future__ import annotations

from pathlib import Path

import click

from jx.cli.session import Session
from jx.domain.errors import Invalid, Usage

_SHORTEST = 8


def get_passphrase(session: Session, file: Path | None, *, is_new: bool) -> str:
    """The passphrase. Usage where nobody can be asked; Invalid where it is too short to keep anything."""
    if file is not None:
        found = file.read_text().strip()
    elif session.can_ask(batch=False):
        found = str(
            click.prompt("Passphrase of the backup", hide_input=True, confirmation_prompt=is_new, err=True)
        )
    else:
        raise Usage("a backup needs a passphrase", hint="--passphrase-file FILE")
    if len(found) < _SHORTEST:
        raise Invalid(f"the passphrase has fewer than {_SHORTEST} characters", hint="take a longer one")
    return found

"""Values of secrets from people: asked for where nobody sees them, or from files. Never an argument."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jx.cli import output
from jx.cli.session import Session
from jx.domain.errors import Usage

if TYPE_CHECKING:
    from jx.usecases.secrets.rotate_secret import Rotated


def asked(session: Session, path: str, key: str) -> str:
    """The value of a key, typed twice; Usage where nobody can be asked."""
    if session.settings.batch or not sys.stdin.isatty():
        raise Usage(
            f"nobody can be asked for the value of {key}",
            hint=f"--from-file {key}=FILE, or {key}=- for standard input",
        )
    value: str = click.prompt(f"{path} {key}", hide_input=True, confirmation_prompt=True, err=True)
    return value


def from_file(text: str) -> tuple[str, str]:
    """Key and value of `KEY=FILE`; `-` is standard input."""
    key, equals, name = text.partition("=")
    if not equals or not key or not name:
        raise Usage(f"--from-file {text!r} is not KEY=FILE")
    try:
        content = sys.stdin.read() if name == "-" else Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(
            f"{name} cannot be read as text: {getattr(error, 'strerror', None) or 'it is binary'}"
        ) from error
    return key, content.removesuffix("\n")


def show_rotated(rotated: Rotated) -> None:
    """Who refers to what has a new value, and what that changed."""
    lists = {"used by": rotated.users, "changed": rotated.objects, "starts anew": rotated.rolled}
    for words, names in lists.items():
        for name in names:
            output.say(f"{words}: {name}")
    if not rotated.users:
        output.hint("no environment refers to it")

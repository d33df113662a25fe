"""How `jx step env apply` applies: its own options, and the request that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from jx.cli import applying
from jx.usecases.applying.apply_environment import ApplyRequest

_FORMS = click.Choice(["table", "diff", "json", "yaml", "events"])


def how_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--reason`, `--take-lock`, `--wait`, `--timeout`, `--dry-run`, `--output`, `--batch-mode`."""
    for option in (
        click.option("-b", "--batch-mode", is_flag=True, help="Ask no question."),
        click.option(
            "-o",
            "--output",
            "form",
            type=_FORMS,
            default="table",
            help="Of --dry-run; events: JSON lines of all that happens.",
        ),
        click.option(
            "--dry-run",
            type=click.Choice(["client", "server"]),
            is_flag=False,
            flag_value="client",
            help="Print the plan and stop; =server: the API server is asked what it says to each change.",
        ),
        click.option(
            "--timeout", default=600, show_default=True, help="How long to wait for health, in seconds."
        ),
        click.option("--wait/--no-wait", default=True, help="For health."),
        click.option(
            "--take-lock",
            is_flag=True,
            help="From whoever is applying; needs --reason, and their apply stops.",
        ),
        click.option("--reason", default="", help="Why it is applied by hand; kept in the ledger."),
    ):
        function = option(function)
    return function


def check(options: dict[str, Any]) -> None:
    """Usage where what `how_options` say contradicts itself."""
    if options["take_lock"]:
        applying.why_to_take_lock(options["reason"])


def complete(begun: ApplyRequest, options: dict[str, Any]) -> ApplyRequest:
    """The request with what `how_options` say of it."""
    reason: str = options["reason"]
    return replace(
        begun,
        dry_run=options["dry_run"] is not None,
        asks_server=options["dry_run"] == "server",
        reason=reason,
        take_lock=reason if options["take_lock"] else "",
        wait=options["wait"],
        timeout=timedelta(seconds=options["timeout"]),
    )

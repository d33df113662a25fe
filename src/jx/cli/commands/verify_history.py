"""`jx verify history`."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import click

from jx.cli import exit_codes, output
from jx.cli import history as shown
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.history.history_proofs import Standing
from jx.usecases.history.verify_history import Proof

_ORDER = (Standing.BROKEN, Standing.UNPROVEN, Standing.PROVEN)


@click.command()
@click.argument("env", default="")
@shown.clone_option
@click.option("--all", "everything", is_flag=True, help="Name every entry that something is proven of, too.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of text."
)
@with_session
def command(session: Session, env: str, folder: str, form: str | None, *, everything: bool) -> int:
    """Check that ledgers are what was applied, and say which of their claims can be proven, and which cannot.

    The chain of hashes is computed anew and compared with what the cluster remembers; source commits, pull requests, approvals
    and signatures with the repository and the forge. So is a clone that is named.

    \b
    Examples:
      jx verify history
      jx verify history production --all
      jx verify history --dir .
    """
    past = shown.find_past(session, env, folder)
    verify = session.wiring.verify_history(past.clone)
    proofs = [verify(place) for place in past.places]
    if form:
        output.document([_to_data(one) for one in proofs], form)
    else:
        for proof in proofs:
            _show(proof, everything=everything)
    return exit_codes.DONE if all(one.is_whole for one in proofs) else exit_codes.FAILED


def _show(proof: Proof, *, everything: bool) -> None:
    verdict = "whole" if proof.is_whole else "BROKEN"
    output.say(f"{proof.environment}: the ledger at {proof.head[:12] or '-'} is {verdict}")
    ordered = sorted(proof.findings, key=lambda one: (_ORDER.index(one.standing), one.about, one.words))
    for (standing, words), group in groupby(ordered, key=lambda one: (one.standing, one.words)):
        found = [one for one in group if one.entry]
        count = f" ({len(found)} {'entry' if len(found) == 1 else 'entries'})" if found else ""
        output.say(f"  {standing}: {words}{count}")
        if standing is not Standing.PROVEN or everything:
            for one in found[: None if everything else 5]:
                output.say(f"    {one.entry[:12]} {one.subject}")
            if len(found) > 5 and not everything:
                output.say(f"    and {len(found) - 5} more (--all)")


def _to_data(proof: Proof) -> dict[str, Any]:
    return {
        "environment": proof.environment,
        "head": proof.head,
        "isWhole": proof.is_whole,
        "findings": [
            {"standing": one.standing.value, "what": one.words, "entry": one.entry, "subject": one.subject}
            for one in proof.findings
        ],
    }

"""`jx step verify pr`."""

from __future__ import annotations

import click

from jx.cli import checking, exit_codes, output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.changes.changes import PullState


@click.command()
@click.argument("number", default="")
@click.option(
    "-d",
    "--dir",
    "folder",
    default=".",
    show_default=True,
    help="A clone of the environment's repository, or a folder in it.",
)
@click.option(
    "--tell/--no-tell",
    default=None,
    help="Whether it goes onto the pull request, too. Default: only in a pipeline of a pull request (`PULL_NUMBER`).",
)
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of text."
)
@with_session
def command(session: Session, number: str, folder: str, form: str | None, *, tell: bool | None) -> int:
    """Check a pull request as the controllers do: what it says, what it renders to, what its merge would do to the cluster.

    Without NUMBER it is that of the pipeline's run, or of the clone's branch. Exits with 5 where its files are wrong, and with 3
    where a guard refuses its plan. Without the right to write on the pull request it is only printed.

    As a step of the pull request's own check, which has no login and reads no Secret, it checks what was cloned: files, charts,
    what they render to, plain secrets and policies. The plan for the cluster is the controllers' check, jx/plan.

    \b
    Examples:
      jx step verify pr
      jx step verify pr 3 -o json
      jx step verify pr --dir environment-acme-staging --tell
    """
    if checking.is_in_run(session.settings):
        return checking.check_clone(session, folder, form)
    from jx.cli import verifying

    environment, pull = verifying.find_change(session, folder, number)
    if pull.state is not PullState.OPEN:
        output.say(f"pull request #{pull.number} is {pull.state.value}: there is nothing to check")
        return exit_codes.DONE
    check = session.wiring.check_change()
    verdict = check.look(environment, pull)
    tells = bool(session.settings.pull_number) if tell is None else tell
    is_told = verifying.tell(session, check, verdict) if tells else False
    if form:
        output.document(verifying.to_data(verdict, is_told=is_told), form)
        return verifying.code_of(verdict)
    return verifying.show(verdict)

"""`jx create env`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli.changes import tell_next
from jx.cli.environment_flags import declared_options, refuse_senseless, strategy_of
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import Usage
from jx.domain.secrets.questions import Kind, Question
from jx.usecases.proposing.create_environment import CreateEnvironmentRequest


@click.command()
@click.argument("name", default="")
@click.option("-n", "--name", "named", default="", help="The same as the argument.")
@click.option("--git-owner", default="", help="Who owns its repository. Default: as the dev repository.")
@click.option("--prefix", default="", help="Of its repository's name. Default: as the dev repository.")
@declared_options
@with_session
def command(session: Session, name: str, *, auto_merge: bool, batch_mode: bool, **options: Any) -> None:
    """Add an environment: its repository is made and filled, and a pull request on the dev repository declares it.

    A repository that is there already is taken as it is; nothing in it is changed.

    \b
    Examples:
      jx create env qa --order 50
      jx create env europe --promotion Manual --order 300 --remote --git-url https://git.example.com/acme/europe.git
    """
    refuse_senseless(options)
    prompts = session.prompts(batch=batch_mode)
    name = name or options["named"]
    if not name and prompts:
        name = str(prompts.ask(Question(("name",), Kind.TEXT, "Name of the environment", is_required=True)))
    if not name:
        raise Usage("which environment?", hint="jx create env NAME")
    request = CreateEnvironmentRequest(
        platform=session.wiring.platform_at,
        name=name,
        label=options["label"] or "",
        namespace=options["namespace"] or "",
        strategy=strategy_of(options["promotion"]),
        order=100 if options["order"] is None else options["order"],
        repository=options["git_url"] or "",
        branch=options["git_ref"] or "master",
        owner=options["git_owner"],
        prefix=options["prefix"],
        cluster=options["cluster"] or "",
        is_remote=bool(options["remote"]),
        webhook_url=session.wiring.webhook_url,
        auto_merge=auto_merge,
    )
    tell_next(session, session.wiring.create_environment()(request))

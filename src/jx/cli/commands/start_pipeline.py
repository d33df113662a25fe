"""`jx start pipeline`."""

from __future__ import annotations

from typing import Any

import click

from jx.cli import exit_codes, output
from jx.cli.pipeline_options import parse_pairs
from jx.cli.run_choice import show_lines
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session
from jx.domain.runs.run_choice import parse_pipeline
from jx.domain.runs.runs import RunState, find_failure


@click.command()
@click.argument("pipeline", default="dev")
@click.option("-t", "--tail", is_flag=True, help="Show what it prints, until it has ended.")
@click.option(
    "-k",
    "--kind",
    type=click.Choice(["release", "feature"], case_sensitive=False),
    default="release",
    show_default=True,
    help="Of an application: which of its pipelines.",
)
@click.option("-c", "--context", "file_context", default="", help="... of which file: jenkins-x-NAME.yml.")
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="... with one more variable.")
@click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="... with one more label.")
@click.option(
    "--service-account",
    "account",
    default="",
    help="... as which account of the platform's namespace. Default: that of its releases, else one without rights.",
)
@with_session
def command(session: Session, pipeline: str, *, tail: bool, **wishes: Any) -> int:
    """Run a pipeline once more, for the head of its branch: an environment's, or that of any repository beside it.

    An environment is applied by it. An application's pipeline has no rights in the cluster but those of its account.

    \b
    Examples:
      jx start pipeline staging
      jx start pipeline acme/environment-jx-dev/master --tail
      jx start pipeline acme/shop/main --kind feature -e LEVEL=debug
    """
    start = session.wiring.start_pipeline()
    run = start(session.wiring.platform_at, parse_pipeline(pipeline), _wishes(wishes))
    output.say(f"Started run #{run.build} of {run.pipeline} for {run.revision[:12]}")
    if not tail:
        output.hint(f"next: jx get build logs {run.pipeline} --build {run.build}")
        return exit_codes.DONE
    with goes_on("The run goes on without anybody looking."):
        show_lines(session.wiring.pipelines.logs(run, follow=True))
    found = session.wiring.pipelines.find(run.name)
    if found and found.state is RunState.SUCCEEDED:
        return exit_codes.DONE
    output.hint(find_failure(found) if found else f"run #{run.build} of {run.pipeline} is gone")
    return exit_codes.FAILED


def _wishes(options: dict[str, Any]) -> Any:
    from jx.domain.pipelines.syntax import PipelineKind
    from jx.usecases.runs.run_application import RunWishes

    pairs = {name: parse_pairs(options[name]) for name in ("env", "labels")}
    return RunWishes(
        PipelineKind(options["kind"]), options["file_context"], account=options["account"], **pairs
    )

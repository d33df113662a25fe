"""The flags of `jx promote`: those of Jenkins X 2, with a word why where one has no sense here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from jx.cli import output
from jx.cli.changes import alias_option
from jx.domain.changes import promotions
from jx.domain.changes.promotions import Aim
from jx.domain.environments.environments import Environment, Strategy
from jx.domain.errors import Usage
from jx.domain.secrets.questions import Kind, Question
from jx.ports.prompts import Prompts

_OPTIONS = (
    click.option("-e", "--env", "envs", multiple=True, help="Where to; may be repeated, order is theirs."),
    click.option("--all-auto", is_flag=True, help="To every environment with strategy Auto, in order."),
    click.option("-n", "--namespace", default="", help="Where to, by namespace."),
    click.option("-a", "--app", "named", default="", help="The app; the same as the argument."),
    click.option("-f", "--filter", "part", default="", help="The app whose name holds this."),
    click.option("-v", "--version", default="", help="Exact, or a range. Default: the newest."),
    click.option("--rollback", is_flag=True, help="To the version that was good there before."),
    alias_option("The app's key there, where it is not the name of its chart."),
    click.option("-u", "--helm-repo-url", "repository", default="", help="Where the chart is."),
    click.option("--pipeline", default="", help="The run to be recorded with, as owner/repo/branch."),
    click.option("--build", default="", help="Its number."),
    click.option("--no-merge", is_flag=True, help="Leave every merge to people."),
    click.option("--wait/--no-wait", "wait", default=False, help="Until it runs everywhere, or failed."),
    click.option("-t", "--timeout", default="1h", show_default=True, help="How long to wait."),
    click.option(
        "--pull-request-poll-time", "poll_time", default="1s", show_default=True, help="How often to look."
    ),
    click.option("--no-poll", is_flag=True, help="The same as --no-wait."),
    click.option("--ignore-local-file", is_flag=True, help="Do not take the app from ./charts."),
    click.option("-b", "--batch-mode", is_flag=True, help="Ask no question."),
    click.option("-r", "--helm-repo-name", "repo_name", default="", hidden=True),
    click.option("--release", default="", hidden=True),
    click.option("--no-helm-update", is_flag=True, hidden=True),
)
_SENSELESS = {
    "repo_name": ("--helm-repo-name", "chart repositories have addresses here: --helm-repo-url"),
    "release": ("--release", "its repository says under which name: apply.apps in jx-requirements.yml"),
    "no_helm_update": ("--no-helm-update", "there is no list of charts that could be out of date"),
}


def promote_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """All flags."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def refuse_senseless(options: Mapping[str, Any]) -> None:
    """Usage, with the reason, for a flag of Jenkins X 2 that would do nothing."""
    for name, (flag, why) in _SENSELESS.items():
        if options[name]:
            raise Usage(f"{flag} has no effect here: {why}", hint=f"leave out {flag}")


def complete_aim(aim: Aim, prompts: Prompts, environments: Sequence[Environment]) -> Aim:
    """Where to, as somebody at the terminal says it where no flag did; nothing is asked where there is nothing to choose from."""
    names = tuple(str(one.name) for one in promotions.list_targets(tuple(environments)))
    if aim.names or aim.namespace or aim.all_auto or not names:
        return aim
    question = Question(("env",), Kind.CHOICE, "Pick environment", choices=names, is_required=True)
    return replace(aim, names=(str(prompts.ask(question)),))


def confirm_automatic(aim: Aim, environments: Sequence[Environment], ask: Callable[[str], bool]) -> bool:
    """Whether to go on: where releases come by themselves, somebody who promotes by hand is asked whether that is meant."""
    if aim.all_auto:
        return True
    chosen = promotions.select_targets(tuple(environments), aim)
    automatic = [str(one.name) for one in chosen if one.strategy is Strategy.AUTO]
    if not automatic:
        return True
    output.hint(
        f"{' and '.join(automatic)}: releases get there by themselves, from pipelines; the next one supersedes yours"
    )
    if ask("Do you wish to promote anyway?"):
        return True
    output.hint("nothing was promoted")
    return False


def find_app(name: str, options: Mapping[str, Any], folder: Path) -> str:
    """The app that is meant: named, or the one chart in ./charts; empty where --filter says it."""
    if name and options["named"] and name != options["named"]:
        raise Usage(f"{name} and --app {options['named']} are two apps")
    name = name or options["named"]
    if name and options["part"]:
        raise Usage("--filter finds an app that is not named", hint=f"leave out --filter, or {name}")
    if name or options["part"]:
        return str(name)
    charts = () if options["ignore_local_file"] else sorted(folder.glob("charts/*/Chart.yaml"))
    local = [path.parent.name for path in charts if path.parent.name != "preview"]
    if len(local) == 1:
        return local[0]
    found = f": ./charts has {', '.join(local)}" if local else ""
    raise Usage(f"which app?{found}", hint="jx promote NAME --version V --env E")

"""`jx promote`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from jx.cli import output
from jx.cli.durations import parse_duration
from jx.cli.promoting import complete_aim, confirm_automatic, find_app, promote_options, refuse_senseless
from jx.cli.session import Session, goes_on
from jx.cli.session import command as with_session
from jx.domain.changes.promotions import Aim, Leg
from jx.domain.errors import Usage
from jx.usecases.promoting.await_promotion import AwaitPromotionRequest
from jx.usecases.promoting.promote import PromoteRequest


@click.command()
@click.argument("name", default="")
@promote_options
@with_session
def command(session: Session, name: str, *, wait: bool, no_poll: bool, **options: Any) -> None:
    """Promote a release of an app into environments, each by a pull request, one environment after the other.

    Pull requests on environments with strategy Auto merge themselves once their checks pass. The controllers go on whether you
    wait or not; a newer promotion of the app supersedes an older one. At a terminal you are asked first whether you mean it: such
    environments are usually promoted into by pipelines.

    \b
    Examples:
      jx promote shop --version 2.0.0 --env staging --wait
      jx promote shop --version 2.0.0 --env staging --env production
      jx promote shop --all-auto
      jx promote shop --env production --rollback
    """
    refuse_senseless(options)
    timeout = parse_duration(options["timeout"], "timeout")
    look_every = parse_duration(options["poll_time"], "pull-request-poll-time")
    if wait and no_poll:
        raise Usage("--wait and --no-poll contradict each other")
    app, at = find_app(name, options, Path()), session.wiring.platform_at
    aim = Aim(options["envs"], options["namespace"], all_auto=options["all_auto"])
    prompts = session.prompts(batch=options["batch_mode"])
    if prompts:
        known = session.wiring.propose_change().target(at, "dev").platform.environments
        aim = complete_aim(aim, prompts, known)
        if not options["rollback"] and not confirm_automatic(aim, known, session.ask):
            return
    request = PromoteRequest(
        platform=at,
        app=app,
        part=options["part"],
        aim=aim,
        version=options["version"],
        alias=options["alias"],
        repository=options["repository"],
        auto_merge=not options["no_merge"],
        rollback=options["rollback"],
        pipeline=options["pipeline"],
        build=options["build"],
    )
    promotion = session.wiring.promote()(request)
    if promotion is None:
        return
    if not wait:
        if promotion.due is not None:
            output.hint(_next(promotion.due))
        return
    with goes_on("The promotion goes on without you: jx get activities"):
        awaited = AwaitPromotionRequest(promotion.app, promotion.number, timeout, look_every, promotion)
        session.wiring.await_promotion()(awaited)


def _next(leg: Leg) -> str:
    look = f"jx pr diff {leg.number} --env {leg.environment}; " if leg.url else ""
    return f"next: {look}jx get activities -f promote"

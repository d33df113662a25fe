"""Applying as a step of an environment's pipeline: not by hand, as holds are heeded, and only what is still the branch's head."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from jx.cli import output
from jx.cli.session import Session
from jx.domain.applying.applying import ApplyReport
from jx.domain.environments.guards import Guard
from jx.domain.errors import Retryable, Usage
from jx.domain.events import Event, Level
from jx.domain.names import parse_environment_name
from jx.ports.folders import Folder
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest

_PATIENCE = timedelta(minutes=10)
_PAUSE = timedelta(seconds=3)


def begin_step(session: Session, folder: Folder) -> ApplyRequest:
    """The request of a step: what was cloned, with the person whose change it is."""
    settings, repo = session.settings, folder.origin
    if repo is None or folder.head is None or folder.is_dirty:
        raise Usage(
            f"{folder.path} is not a commit of an environment's repository",
            hint="a step of a pipeline applies what the run has cloned, as it is",
        )
    commit = session.wiring.repos.log(repo, folder.head, limit=1)[0]
    return ApplyRequest(
        tree=folder.tree,
        source=session.wiring.find_source()(repo, commit, folder.tree.digest),
        holder=session.wiring.holder,
        environment=parse_environment_name(settings.environment) if settings.environment else None,
        branch=folder.branch or "master",
        applier=f"run {settings.pipeline_run}",
    )


def apply_head(session: Session, request: ApplyRequest, apply: ApplyEnvironment) -> ApplyReport | None:
    """Apply, where the commit is still the branch's head; None where a newer one has its own run. What passes is waited for.
    A run that heals drift takes fields back that others took, and leaves health to whoever looks."""
    wiring = session.wiring
    if session.settings.heals_drift:
        guards = request.allowed.guards | {Guard.CONFLICTS}
        allowed = replace(request.allowed, guards=guards)
        request = replace(request, allowed=allowed, reason="drift is healed", wait=False)
    deadline = wiring.clock.elapsed() + _PATIENCE
    while True:
        assert request.source.repo is not None
        try:
            head = wiring.repos.head(request.source.repo, request.branch)
            if head is not None and head != request.source.revision:
                output.say(f"overtaken by {head[:12]}, which is applied in place of this commit")
                return None
            return apply(request)
        except Retryable as error:
            if wiring.clock.elapsed() >= deadline or wiring.clock.wait(_PAUSE):
                raise
            session.reporter.tell(Event(f"{error.message}; trying again", Level.WARNING))

"""What the commands that apply a folder share: which folder and cluster, the plan and the report for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from jx.cli import exit_codes, output
from jx.cli.in_pipeline import begin_step
from jx.cli.session import Session
from jx.domain.applying.applying import ApplyReport, ApplyResult, Source
from jx.domain.applying.plan_text import TABLE_HEADER, table_rows, totals
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import Failed, Refused, Usage
from jx.domain.events import Event, Level
from jx.domain.layouts import boot, umbrella
from jx.domain.ledger.diffing import render_diff
from jx.domain.names import parse_environment_name
from jx.ports.folders import Folder
from jx.usecases.applying.apply_environment import ApplyRequest

_SHOWN = 5


def apply_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--dir`, `--namespace`, `--name`, `--kubeconfig`, `--context`."""
    for option in (
        click.option(
            "--context", "kube_context", default="", help="Of the kubeconfig. Default: its current one."
        ),
        click.option(
            "--kubeconfig", default="", help="Default: $KUBECONFIG, the embedded platform's, ~/.kube/config."
        ),
        click.option(
            "-r", "--name", "release", default="", help="Helm release. Default: what the repository says."
        ),
        click.option("-n", "--namespace", default="", help="Default: what the repository says."),
        click.option(
            "-d", "--dir", "folder", default=".", show_default=True, help="The clone, or a folder in it."
        ),
    ):
        function = option(function)
    return function


def guard_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--reviewed`, `--allow`, `--allow-prune`, `--draw-anew`."""
    names = click.Choice([guard.value for guard in Guard])
    for option in (
        click.option(
            "--draw-anew",
            "redraws",
            multiple=True,
            metavar="APP",
            help="Passwords, certificates ... that the app's chart draws at random.",
        ),
        click.option(
            "--allow-prune", "prunes", multiple=True, metavar="KIND/NAME", help="Data that may be deleted."
        ),
        click.option("--allow", "allowed", multiple=True, type=names, help="What a guard refuses."),
        click.option(
            "--reviewed", default="", metavar="DIGEST", help="Apply only the plan that has this digest."
        ),
    ):
        function = option(function)
    return function


def allowed_by(options: dict[str, Any]) -> Allowed:
    """What `guard_options` allow; takes them out of the options."""
    guards = frozenset(Guard(name) for name in options.pop("allowed"))
    prunes, redraws = (frozenset(options.pop(name)) for name in ("prunes", "redraws"))
    return Allowed(guards, prunes, options.pop("reviewed"), redraws)


def why_to_take_lock(reason: str) -> None:
    """Usage where there is no reason for `--take-lock`."""
    if not reason:
        raise Usage(
            "--take-lock stops somebody else's apply", hint="say why: --reason TEXT; the ledger keeps it"
        )


def accept_old_flags(command: click.Command, *names: str) -> click.Command:
    """Let a command take flags of Jenkins X 2 that mean nothing any more, so that old pipelines go on."""
    command.params += [
        click.Option([f"--{name}"], is_flag=True, hidden=True, expose_value=False) for name in names
    ]
    return command


def begin_apply(session: Session, **where: str) -> ApplyRequest:
    """The request to apply a folder by hand, from `apply_options`; commands add what else they know by `replace`."""
    session.use_cluster(where["kubeconfig"], where["kube_context"])
    read = session.wiring.folders.read(where["folder"])
    _tell_differences(read)
    if session.settings.pipeline_run:
        return begin_step(session, read)
    part = boot.as_environment(read.tree, read.subfolder)
    return ApplyRequest(
        tree=part or read.tree,
        source=_source(read),
        environment=parse_environment_name(read.subfolder.rpartition("/")[2]) if part else None,
        holder=session.wiring.holder,
        namespace=where["namespace"] or session.settings.deploy_namespace,
        release=where["release"],
        by_hand=True,
    )


def _tell_differences(folder: Folder) -> None:
    """What is applied is what git tracks, as it is on disk: say where that is not the commit, or not all that is there."""
    if folder.head is not None and folder.is_dirty:
        output.hint(f"{folder.path} has changes that are not committed: they count")
    if folder.untracked:
        names = ", ".join(folder.untracked[:_SHOWN]) + (" ..." if len(folder.untracked) > _SHOWN else "")
        output.hint(f"git does not track {names}: left out; `git add` takes them in")


def _source(folder: Folder) -> Source:
    is_commit = folder.head is not None and not folder.is_dirty
    return Source(
        repo=folder.origin,
        revision=folder.head if is_commit else None,
        tree_digest=folder.tree.digest,
        author=folder.author,
        subject=folder.subject or f"Apply {folder.path} by hand",
    )


def confirm_cluster(session: Session, request: ApplyRequest, *, batch: bool) -> None:
    """Say which cluster is meant, and ask on a terminal."""
    access = session.wiring.api.access
    output.hint(
        f"cluster: {access.server} (context {access.context_name or '-'}, user {access.user_name or '-'})"
    )
    spec = umbrella.read(request.tree, name=request.environment)
    output.hint(f"environment: {spec.name} in namespace {request.namespace or spec.namespace}")
    if not session.confirm("Apply to this cluster?", batch=batch):
        raise Refused("nothing was applied", hint="name another cluster with --context or --kubeconfig")


def show_plan(report: ApplyReport, form: str) -> None:
    """The plan of a dry run."""
    plan = report.plan
    if form == "events":
        output.say(json.dumps(_to_data(report)))
        return
    if form in {"json", "yaml"}:
        output.document(_to_data(report), form)
    else:
        if plan.has_changes and form == "diff":
            live = {one.step.ref: one.live for one in report.outcomes if one.live}
            output.say(render_diff(plan, live).rstrip() + "\n")
        elif plan.has_changes:
            output.table(TABLE_HEADER, table_rows(plan))
            output.say()
        output.say(f"{totals(plan)}\nplan {plan.digest}")
    for outcome in report.outcomes:
        if outcome.error:
            output.show_error(
                Failed(f"the server refuses to {outcome.step.action} {outcome.step.ref}: {outcome.error}")
            )
    for refusal in report.refusals:
        output.show_error(refusal)


def last_event(report: ApplyReport) -> Event:
    """How an apply ended, as the last line of `-o events`."""
    facts = {
        "result": report.result.value,
        "environment": str(report.plan.environment),
        "namespace": report.plan.namespace,
        "digest": report.plan.digest,
        "healthy": {True: "yes", False: "no", None: "unknown"}[report.is_healthy],
        "ledger": report.ledger_commit,
    }
    level = Level.INFO if report.is_good else Level.ERROR
    return Event("; ".join([report.message or totals(report.plan), *report.unhealthy]), level, facts)


def end_with(session: Session, report: ApplyReport, form: str) -> int:
    """Tell how an apply ended; the exit code."""
    if form == "events":
        session.reporter.tell(last_event(report))
    else:
        show_report(report)
    return exit_codes.DONE if report.is_good else exit_codes.FAILED


def show_report(report: ApplyReport) -> None:
    """What an apply did."""
    if report.result is ApplyResult.FAILED:
        output.say(report.message)
        is_passing = any(outcome.can_retry for outcome in report.outcomes)
        output.hint(
            f"{'try again' if is_passing else 'mend what is named'}; the same command goes on from there"
        )
    else:
        output.say(totals(report.plan))
    for line in report.unhealthy:
        output.say(f"not healthy: {line}")
    if report.is_good:
        output.say(f"Environment applied in namespace {report.plan.namespace}")


def _to_data(report: ApplyReport) -> dict[str, Any]:
    plan = report.plan
    rows = table_rows(plan, all_of_them=True)
    keys = [name.lower() for name in TABLE_HEADER]
    return {
        "environment": plan.environment,
        "namespace": plan.namespace,
        "release": plan.release,
        "digest": plan.digest,
        "steps": [dict(zip(keys, row, strict=True)) for row in rows],
        "charts": [
            {"key": pin.key, "name": pin.name, "version": pin.version, "digest": pin.digest}
            for pin in plan.charts
        ],
        "refusals": [refusal.message for refusal in report.refusals],
    }

"""Bare `jx`: where you stand, and the next command."""

from __future__ import annotations

from jx.cli import output
from jx.cli.session import Session
from jx.domain.names import DEV
from jx.usecases.platform.show_environments import Standing


def show(session: Session) -> None:
    """Platform, environments, open pull requests, holds; then what to do next."""
    wiring = session.wiring
    platform = wiring.find_platform()
    if platform is None and session.settings.is_cluster_chosen:
        output.say(f"Cluster {wiring.access.server} (context {wiring.access.context_name or '-'})")
        _show_installed(session)
        return
    if platform is None:
        output.say(f"No platform {session.settings.platform!r} on this machine yet.")
        output.say(
            "\nNext:\n  jx install --ng     install one, managed by GitOps\n  jx --help           all commands"
        )
        return
    down = [part.name for part in platform.parts if not part.is_up]
    state = (
        "up" if not down else "stopped" if len(down) == len(platform.parts) else f"{' and '.join(down)} down"
    )
    output.say(f"Platform {platform.name}: {state}, in {platform.folder}")
    if not platform.is_up:
        output.say("\nNext:\n  jx local start")
        return
    if not platform.dev_repo_url:
        output.say("Nothing is installed on it yet.\n\nNext:\n  jx install --ng")
        return
    _show_installed(session)


def _show_installed(session: Session) -> None:
    from jx.cli.environments import show_table

    report = session.wiring.show_environments()
    show_table(report)
    pulls = [(one.name, pull) for one in report for pull in one.open_pulls]
    for name, pull in pulls:
        output.say(f"Open: #{pull.number} {pull.title} ({name}) {pull.url}")
    held = [one for one in report if one.hold]
    output.say("\nNext:")
    if held:
        output.say(f"  push the revert to {held[0].name}'s repository, or: jx resume {held[0].name}")
    elif any(one.standing is Standing.FAILED for one in report):
        output.say(
            "  jx doctor            what is wrong, and what mends it\n  jx get build logs    what the newest run said"
        )
    elif pulls:
        name, pull = pulls[0]
        output.say(f"  jx pr diff {pull.number}{'' if name == DEV else f' --env {name}'}")
    elif not session.wiring.has_pulls:
        output.say(
            "  git clone ...; jx diff  change it there, and see what that would do\n  jx get applications  what runs where"
        )
    else:
        output.say("  jx add app NAME      add an app\n  jx get applications  what runs where")

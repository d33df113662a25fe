"""`jx local env`."""

from __future__ import annotations

import shlex

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.errors import NotFound


@click.command()
@click.option("--name", help="The platform. Default: the current one.")
@with_session
def command(session: Session, name: str | None) -> None:
    """Print what a shell needs to work with the embedded platform: kubeconfig, clone URL, logins for git.

    Tokens are not printed: git asks jx for them when it needs one.

    \b
    Examples:
      eval "$(jx local env)"
    """
    chosen = name or session.settings.platform
    platform = session.wiring.platforms.find(chosen)
    if platform is None:
        raise NotFound(f"there is no embedded platform {chosen!r}", hint="jx install --ng makes one")
    user = f" --as {session.settings.user}" if session.settings.user else ""
    helper = f"!{session.executable}{user} --platform {chosen} local git-credential"
    values = {
        "JX_HOME": str(session.settings.home),
        "JX_PLATFORM": chosen,
        "KUBECONFIG": str(platform.kubeconfig),
        "MY_DEV_GIT_CLONE_URL": platform.dev_repo_url,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"credential.{platform.forge_url}.helper",
        "GIT_CONFIG_VALUE_0": "",
        "GIT_CONFIG_KEY_1": f"credential.{platform.forge_url}.helper",
        "GIT_CONFIG_VALUE_1": helper,
    }
    for key, value in values.items():
        output.say(f"export {key}={shlex.quote(value)}")

"""`jx completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from jx.cli import output
from jx.domain.errors import Usage


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      source <(jx completion bash)
      jx completion zsh > ~/.zfunc/_jx
      jx completion fish > ~/.config/fish/completions/jx.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise Usage(f"there is no completion for {shell}")
    output.say(found(context.find_root().command, {}, "jx", "_JX_COMPLETE").source())

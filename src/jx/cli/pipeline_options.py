"""Options of commands that read a project's pipelines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from jx.domain.errors import Usage

_OPTIONS = (
    click.option("-d", "--dir", "folder", default=".", show_default=True, help="The project."),
    click.option("-c", "--context", "of", default="", help="The context whose file it is: jenkins-x-NAME.yml."),
    click.option("-p", "--pack", default="", help="The build pack. Default: what the file says, or what the files call for."),
    click.option("-u", "--url", default="", help="The repository of build packs. Default: as the file says, or the public one."),
    click.option("-r", "--ref", default="", help="The branch, tag or full commit of it."),
    click.option(
        "--packs", "packs", multiple=True, metavar="[MODULE=]DIR", help="A clone of build packs, or of a module that they import."
    ),
    click.option("-e", "--env", "env", multiple=True, metavar="NAME=VALUE", help="One more variable."),
    click.option("--source", default="source", show_default=True, help="The folder of the source below /workspace."),
    click.option("--default-image", default="", help="The image of lifecycles without an agent."),
)  # fmt: skip


def pipeline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which project, which build packs."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_request(options: dict[str, Any]) -> dict[str, Any]:
    """Those options as the fields of a request, taken out of all options of a command."""
    from jx.domain.pipelines.effective import DEFAULT_IMAGE

    packs = [pair.partition("=") for pair in options.pop("packs")]
    return {
        "folder": options.pop("folder"),
        "context": options.pop("of"),
        "pack": options.pop("pack"),
        "url": options.pop("url"),
        "ref": options.pop("ref"),
        "pack_folders": {
            name: path for name, _, path in ((a, b, c) if b else ("", b, a) for a, b, c in packs)
        },
        "env": parse_env(options.pop("env")),
        "source": options.pop("source"),
        "default_image": options.pop("default_image") or DEFAULT_IMAGE,
    }


def parse_env(pairs: Iterable[str]) -> tuple[Any, ...]:
    """`NAME=VALUE` as variables."""
    from jx.domain.pipelines.syntax import EnvVar

    return tuple(EnvVar(name, value) for name, value in parse_pairs(pairs).items())


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE`; what stands behind the first `=` is the value."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Usage(f"{pair!r} has no name and value", hint="write NAME=VALUE")
        found[name] = value
    return found

"""Flags of the commands about apps: those of Jenkins X 2, with a word why where one has no sense here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from jx.domain.charts.given_values import ValuesFile
from jx.domain.errors import Invalid
from jx.domain.names import parse_namespace, parse_release

Command = Callable[..., object]


def values_option(function: Command) -> Command:
    """`--values`, which may be repeated: later files win. The command gets them read, as `files`."""
    return click.option(
        "-f",
        "--values",
        "files",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        callback=_read_files,
        help="A values file; may be repeated, and --set wins over it.",
    )(function)


def own_place_options(function: Command) -> Command:
    """`--namespace` and `--release-name` of an app that is to have its own."""
    for option in (
        click.option(
            "--release-name",
            "release",
            default="",
            callback=_check_release,
            help="Helm's name for it, where it is to have its own.",
        ),
        click.option(
            "-n",
            "--namespace",
            default="",
            callback=_check_namespace,
            help="Where it is to run, where that is not where its environment does.",
        ),
    ):
        function = option(function)
    return function


def place_options(function: Command) -> Command:
    """`--namespace` and `--release`: which of two apps by one name is meant."""
    for option in (
        click.option(
            "-r", "--release", default="", callback=_check_release, help="The app of this Helm release."
        ),
        click.option(
            "-n", "--namespace", default="", callback=_check_namespace, help="The app in this namespace."
        ),
    ):
        function = option(function)
    return function


def helm_update_option(function: Command) -> Command:
    """`--helm-update`, which is always so."""
    return click.option(
        "--helm-update/--no-helm-update",
        default=True,
        hidden=True,
        expose_value=False,
        callback=_check_update,
    )(function)


def _read_files(_: click.Context, __: click.Parameter, paths: tuple[Path, ...]) -> tuple[ValuesFile, ...]:
    return tuple(ValuesFile(str(path), _read(path)) for path in paths)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} cannot be read as text: {error}") from error


def _check_update(_: click.Context, __: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - as click calls it
    if not value:
        raise click.UsageError(
            "--no-helm-update has no effect here: a repository is asked for what it has each time"
        )
    return value


def _check_namespace(_: click.Context, __: click.Parameter, text: str) -> str:
    return _check(parse_namespace, text)


def _check_release(_: click.Context, __: click.Parameter, text: str) -> str:
    return _check(parse_release, text)


def _check(parse: Callable[[str], str], text: str) -> str:
    try:
        return parse(text) if text else ""
    except Invalid as error:
        raise click.BadParameter("; ".join([error.message, *map(str, error.problems)])) from error

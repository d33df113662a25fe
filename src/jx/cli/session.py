"""One run of jx: its settings, where it tells what goes on, and the way to everything else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jx.cli.live import LiveReporter
from jx.cli.output import LogReporter, TerminalReporter
from jx.config import load
from jx.config.settings import Settings
from jx.domain.errors import Unavailable

if TYPE_CHECKING:
    from jx.lifelines import Lifelines
    from jx.ports.prompts import Prompts


@dataclass
class Session:
    """What every command is given. `wiring` is made when first asked for, so help needs none of it."""

    settings: Settings
    reporter: TerminalReporter | LogReporter

    @classmethod
    def begin(cls, *, user: str | None, platform: str | None, verbose: bool) -> Session:
        """From the environment and the options before the command."""
        settings = load.load()
        if user:
            settings = replace(settings, user=user)
        if platform:
            settings = replace(
                settings, platform=platform, is_platform_named=True, is_cluster_chosen=False, kube_context=""
            )
        return cls(settings, LiveReporter(verbose=verbose))

    @cached_property
    def wiring(self) -> Lifelines:
        """Adapters and use-cases for these settings."""
        from jx.lifelines import Lifelines

        return Lifelines(self.settings, self.reporter)

    def change(self, **settings: Any) -> None:
        """Take over options of a command; before `wiring` is first asked for."""
        self.settings = replace(self.settings, **{name: value for name, value in settings.items() if value})

    def use_cluster(self, kubeconfig: str, context: str) -> None:
        """Take over `--kubeconfig` and `--context`: naming one means that cluster, whatever this machine has of its own."""
        files = tuple(Path(path) for path in kubeconfig.split(os.pathsep) if path)
        if (
            files and not context
        ):  # the context that is remembered belongs to the files that are remembered with it
            self.settings = replace(self.settings, kube_context=load.named_context())
        self.change(kubeconfig=files, kube_context=context, is_cluster_chosen=bool(kubeconfig or context))

    def log(self, form: str) -> None:
        """Tell events as lines of a log, with their time: `text` or `json`. For pods."""
        self.reporter = LogReporter(form)

    def ask(self, question: str) -> bool:
        """Ask on a terminal, no being the default; where nobody can answer, the answer is no."""
        if self.settings.batch or not sys.stdin.isatty():
            return False
        return click.confirm(question, default=False, err=True)

    def prompts(self, *, batch: bool) -> Prompts | None:
        """Who answers questions about values; None where nobody is there."""
        if batch or self.settings.batch or not sys.stdin.isatty():
            return None
        from jx.cli.prompts import TerminalPrompts

        return TerminalPrompts(self.settings.answers)

    def can_ask(self, *, batch: bool) -> bool:
        """Whether somebody is there to answer."""
        return not batch and not self.settings.batch and sys.stdin.isatty()

    @property
    def executable(self) -> str:
        """How this jx is started again, as an absolute path."""
        return shutil.which(sys.argv[0]) or f"{sys.executable} -m jx"

    def confirm(self, question: str, *, batch: bool) -> bool:
        """Ask on a terminal; in batch mode, or where nobody can answer, the answer is yes."""
        if batch or self.settings.batch or not sys.stdin.isatty():
            return True
        return click.confirm(question, default=False, err=True)


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a click command its Session, and closes what it opened."""

    @click.pass_context
    def with_session(context: click.Context, *arguments: Any, **options: Any) -> Any:
        session: Session = context.find_root().obj
        try:
            return context.invoke(function, session, *arguments, **options)
        except Unavailable as error:
            raise _name_the_part(session, error) from error
        finally:
            session.reporter.end()
            if "wiring" in session.__dict__:
                session.wiring.close()

    return update_wrapper(with_session, function)


def _name_the_part(session: Session, error: Unavailable) -> Unavailable:
    """Where it is a server of our own platform that cannot be reached, say which, and how it is started."""
    platform = session.wiring.find_platform()
    for part in platform.parts if platform else ():
        if not part.is_up and part.address.partition("//")[2] in error.message:
            return Unavailable(
                f"{part.name} of platform {session.settings.platform} does not run, so nothing answers at {part.address}",
                hint="jx local start",
            )
    return error


@contextmanager
def goes_on(*lines: str) -> Iterator[None]:
    """While this lasts, Ctrl-C says what goes on without the person."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(*lines) from None

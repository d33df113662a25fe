"""An embedded platform with as many apps as are wanted: a home of its own, the `jx` command as a process."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.environments import VERSION, archive

NEWER = "1.1.0"
REVIEWER = "bob"
PATIENCE = 600.0
AT_ONCE = 25
"""Apps of one pull request of those by which a platform grows."""
_KEPT = ("PATH", "PYTHONPATH", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Ran:
    """What a command said, and what it took: seconds by the clock, and of processors."""

    told: str
    seconds: float
    processor: float


@dataclass(frozen=True)
class Platform:
    """A platform, its owner's home, and a clone of its dev repository."""

    folder: Path

    @property
    def home(self) -> Path:
        """`JX_HOME`."""
        return self.folder / ".jx"

    @property
    def servers(self) -> Path:
        """Where the platform's servers keep what they know."""
        return self.home / "platforms" / "local"

    @property
    def kubeconfig(self) -> Path:
        """Its administrator's."""
        return self.servers / "kubernetes" / "admin.kubeconfig"

    @property
    def caches(self) -> tuple[Path, ...]:
        """What commands may lose at any time, and get again."""
        return self.home / "cache", self.servers / "cache"

    @property
    def clone(self) -> Path:
        """A clone of the dev repository."""
        return self.folder / "clone"

    @property
    def environment(self) -> dict[str, str]:
        """All variables of a process on this machine."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        person = {"NAME": "Ann Lee", "EMAIL": "ann@example.com"}
        git = {f"GIT_{role}_{key}": text for role in ("AUTHOR", "COMMITTER") for key, text in person.items()}
        return {**kept, **git, "HOME": str(self.folder), "LOGNAME": "owner"}

    def run(self, *words: str, until: str = "") -> Ran:
        """Run `jx WORDS`; `until` is a text with whose line the clock stops, without it that is the end."""
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "jx", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        lines, stopped = [], 0.0
        for line in process.stdout:
            lines.append(line)
            if until and until in line:
                stopped = time.perf_counter()
        _, status, usage = os.wait4(process.pid, 0)
        end = time.perf_counter()
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        told = "".join(lines)
        if process.returncode or (until and not stopped):
            raise SystemExit(f"jx {' '.join(words)} ended with {process.returncode}: {told}")
        return Ran(told, (stopped or end) - begin, usage.ru_utime + usage.ru_stime)

    def jx(self, *words: str) -> str:
        """Run `jx WORDS` and give what it said."""
        return self.run(*words).told

    def shell(self, script: str) -> None:
        """Run a script in a shell that knows the platform."""
        known = f'eval "$({sys.executable} -m jx local env)"; {script}'
        subprocess.run(
            ["bash", "-euc", known],
            cwd=self.folder,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def forget_caches(self) -> None:
        """As on a machine that has never seen this platform."""
        for folder in self.caches:
            shutil.rmtree(folder, ignore_errors=True)

    @cached_property
    def owner(self) -> Any:
        """Use-cases as the owner calls them."""
        return self._wiring("")

    @cached_property
    def reviewer(self) -> Any:
        """Use-cases as another person calls them."""
        return self._wiring(REVIEWER)

    def _wiring(self, user: str) -> Any:
        from jx.adapters.local.memory_records import MemoryReporter
        from jx.config import load
        from jx.lifelines import Lifelines

        variables: Mapping[str, str] = {**self.environment, "JX_USER": user}
        return Lifelines(load.load(variables), MemoryReporter())

    @property
    def dev(self) -> Any:
        """The dev environment, as it is declared."""
        return self.owner.environments("dev")[0]

    def offer_charts(self, names: list[str]) -> None:
        """Put charts into the platform's repository, each in two versions."""
        folder = self.servers / "forge" / "charts"
        for name in names:
            for version in (VERSION, NEWER):
                (folder / f"{name}-{version}.tgz").write_bytes(archive(name, version))

    def grow(self, names: list[str]) -> None:
        """Add apps, by pull requests of so many at once that each is healthy before the watchdog's deadline."""
        for begin in range(0, len(names), AT_ONCE):
            self._add(names[begin : begin + AT_ONCE])
        self.shell("git -C clone pull -q")

    def _add(self, names: list[str]) -> None:
        from jx.domain.changes.wording import Wording
        from jx.domain.charts.apps import App
        from jx.domain.charts.charts import ChartRef
        from jx.domain.environments.edits import PutApp, Several
        from jx.domain.names import AppKey
        from jx.domain.platforms import app_files

        propose = self.owner.propose_change()
        target = propose.target(self.owner.platform_at, "dev")
        edits = []
        for name in names:
            ref = ChartRef(name, target.platform.apps_repository, VERSION)
            chart = self.owner.catalog.resolve(ref)
            app = App(AppKey(name), ref)
            edits.append(PutApp(app, app_files.write_app_files(app, chart, with_object=True)))
        words = Wording(f"grow-{names[0]}", f"Add {len(names)} apps", "")
        pull = propose(target, Several(tuple(edits)), words=words)
        self.approve(pull.number)
        self.jx("--as", REVIEWER, "pr", "merge", str(pull.number), "--wait", "--timeout", str(int(PATIENCE)))

    def approve(self, number: int) -> None:
        """Let the reviewer approve a pull request, and return when all its checks are there and say that it may be merged."""
        from jx.domain.changes.changes import GUARDS
        from jx.usecases.reviewing.review_change import Approve, ReviewRequest

        repo = self.dev.repo
        self.reviewer.review_change()(ReviewRequest(repo, number, Approve()))

        def may_be_merged() -> bool:
            states = {one.context: one.state for one in self.owner.forge.observe(repo, number).checks}
            return all(states.get(context) == "success" for context in GUARDS)

        self.until(may_be_merged)

    def until(self, look: Callable[[], bool]) -> None:
        """Return when `look()` is true."""
        end, pause = time.monotonic() + PATIENCE, threading.Event()
        while not look():
            if time.monotonic() > end:
                raise SystemExit("it takes too long")
            pause.wait(0.005)


@contextlib.contextmanager
def installed(*words: str, when_there: Callable[[], None] = lambda: None) -> Iterator[Platform]:
    """A platform as `jx install --ng WORDS` leaves it, with a second person who may approve; nothing is left of it afterwards.
    `when_there` is called as soon as that command has ended."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as parent:
        platform = Platform(Path(parent))
        platform.jx("install", "--ng", *words)
        try:
            when_there()
            platform.jx("local", "user", "add", REVIEWER, "--right", "admin")
            platform.shell("git clone -q $MY_DEV_GIT_CLONE_URL clone")
            yield platform
        finally:
            for one in ("owner", "reviewer"):
                if one in platform.__dict__:
                    getattr(platform, one).close()
            platform.jx("local", "reset", "local", "--yes")

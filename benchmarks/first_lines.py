"""A whole embedded platform: from the webhook of a push to the first line of the first step of the run that applies it.

Receiver, controllers, runner and node are the processes of the platform; the pushes are git's own. A webhook counts from the
moment when the forge has written down that it is to be sent.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.report import Report
from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api
from jx.adapters.local.forge.client import Administration
from jx.adapters.tekton.pipelines import TektonPipelines
from jx.domain.names import Repo

PUSHES = 20
PATIENCE = 120.0
ENGINE = ("--set", "runner.enabled=true", "--set", "controllers.pipelines=tekton")


@dataclass(frozen=True)
class Platform:
    """An installed platform whose merges are applied by runs, and a clone of its dev repository."""

    home: Path
    url: str

    @property
    def folder(self) -> Path:
        """Where the platform's servers keep what they know."""
        return self.home / ".jx" / "platforms" / "local"

    @property
    def clone(self) -> Path:
        """A clone of the dev repository."""
        return self.home / "clone"

    def jx(self, *words: str) -> str:
        """What a command says."""
        return _run([sys.executable, "-m", "jx", *words], self.home, _environment(self.home))

    def git(self, *words: str) -> None:
        """Run git with the owner's login."""
        config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper"}
        helper = f"!{sys.executable} -m jx --platform local local git-credential"
        environment = {**_environment(self.home), **config, "GIT_CONFIG_VALUE_0": helper}
        _run(
            ["git", "-c", "user.name=Dana", "-c", "user.email=dana@example.com", *words],
            self.home,
            environment,
        )


def run(report: Report) -> None:
    """Pushes one after the other, each when the run of the one before has ended."""
    with _platform() as platform, _pipelines(platform) as pipelines:
        took = [_push(platform, pipelines, number) for number in range(PUSHES + 1)][
            1:
        ]  # the first one warms up
    took.sort()
    report.add("webhook to the first line, median", statistics.median(took), "ms", aim="below 300 ms")
    place = max(0, -(-len(took) * 95 // 100) - 1)
    report.add(f"the 95th percentile of {len(took)}", took[place], "ms", aim="below 300 ms")
    report.add("the slowest of those", took[-1], "ms")


def _push(platform: Platform, pipelines: TektonPipelines, number: int) -> float:
    logs, seen = platform.folder / "kubernetes" / "pods", set[Path]()
    seen.update(logs.glob("*/logs/step-git-clone.log"))
    with (platform.clone / "README.md").open("a") as readme:
        readme.write(f"{number}\n")
    platform.git("-C", str(platform.clone), "commit", "-qam", f"Say {number}")
    before = time.time()
    platform.git("-C", str(platform.clone), "push", "-q")
    end, pause = time.monotonic() + PATIENCE, threading.Event()
    while not any(path.stat().st_size for path in logs.glob("*/logs/step-git-clone.log") if path not in seen):
        if time.monotonic() > end:
            raise SystemExit("no run has begun")
        pause.wait(0.002)
    first_line = time.time()
    while any(run.state.is_open for run in pipelines.list_all()):
        pause.wait(0.1)
    return (first_line - _told_at(platform, before)) * 1000


def _told_at(platform: Platform, after: float) -> float:
    """When the forge noted that it has to tell of the push."""
    token = (platform.folder / "forge" / "admin.token").read_text().strip()
    server = platform.url.split("/dana/")[0]
    times = [
        datetime.fromisoformat(one["created"]).timestamp()
        for one in Administration(server, token).deliveries(Repo(platform.url))
        if one["event"] == "push"
    ]
    return min(at for at in times if at >= after)


@contextlib.contextmanager
def _platform() -> Iterator[Platform]:
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    bare = Platform(home, "")
    try:
        bare.jx("install", "--ng")
        for login, right in (("ann", "write"), ("bob", "admin")):
            bare.jx("local", "user", "add", login, "--right", right)
        told = bare.jx("--as", "ann", "edit", "app", "jx-platform", *ENGINE)
        if pull := re.search(r"/pulls/(\d+)$", told, re.MULTILINE):
            bare.jx("pr", "approve", pull[1], "--env", "dev")
            bare.jx("--as", "bob", "pr", "merge", pull[1], "--env", "dev", "--wait")
        found = re.search(r"^export MY_DEV_GIT_CLONE_URL=(\S+)", bare.jx("local", "env"), re.MULTILINE)
        assert found, "the platform has no dev repository"
        platform = Platform(home, found[1])
        platform.git("clone", "-q", platform.url, str(platform.clone))
        yield platform
    finally:
        bare.jx("local", "reset", "local", "--yes")
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _pipelines(platform: Platform) -> Iterator[TektonPipelines]:
    config = platform.folder / "kubernetes" / "admin.kubeconfig"
    with contextlib.closing(Api.connect(kubeconfig.load([config]), SystemClock())) as api:
        yield TektonPipelines(api, namespace="jx")


def _environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    return {**kept, "HOME": str(home), "LOGNAME": "dana"}


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout + done.stderr

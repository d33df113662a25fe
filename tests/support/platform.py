"""An embedded platform as a person has it: a home folder, a shell, the `jx` command as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PERSON = "dana"
"""Who sits at the machine, and so owns the platform."""

_KEPT = ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    words: str
    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """All that a person sees."""
        return self.out + self.err

    def ok(self) -> Ran:
        """Itself, if it succeeded."""
        return self.ended(0)

    def ended(self, code: int) -> Ran:
        """Itself, if that is its exit code; and whatever happened, nobody is shown a traceback or a blank."""
        assert self.code == code, f"{self.words}: exit {self.code}, not {code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.told
        assert not code or self.told.strip(), f"{self.words}: exit {code} without a word"
        return self

    @property
    def pull(self) -> str:
        """The number of the pull request that it created."""
        found = re.search(r"Created Pull Request: \S+/pulls/(\d+)$", self.told, re.MULTILINE)
        assert found, f"{self.words} created no pull request:\n{self.told}"
        return found[1]


class Machine:
    """A machine of one person, with nothing on it but `jx`, git and what the tests put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.jx_home = self.home / ".jx"
        self.home.mkdir()
        (folder / "bin").mkdir()
        script = folder / "bin" / "jx"
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m jx "$@"\n')
        script.chmod(0o755)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a process: nothing of the person who runs the tests, no JX_HOME."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{kept['PATH']}",
            "HOME": str(self.home),
            "LOGNAME": PERSON,
            "GIT_AUTHOR_NAME": "Dana Fox",
            "GIT_AUTHOR_EMAIL": "dana@example.com",
            "GIT_COMMITTER_NAME": "Dana Fox",
            "GIT_COMMITTER_EMAIL": "dana@example.com",
            **(more or {}),
        }

    def jx(
        self,
        *words: str,
        user: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 90,
    ) -> Ran:
        """Run `jx WORDS` as a process."""
        typed = [*(["--as", user] if user else []), *words]
        return self._run([sys.executable, "-m", "jx", *typed], shlex.join(["jx", *typed]), cwd, env, timeout)

    def shell(
        self,
        script: str,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 90,
    ) -> Ran:
        """Run a script of bash, with `jx` on its path."""
        return self._run(["bash", "-euc", script], script, cwd, env, timeout)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Begin `jx WORDS`, in a process group of its own, and do not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "jx", *words],
            env=self.environment(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def clone(self, name: str, *, environment: str = "dev", user: str = "") -> Path:
        """Clone an environment as the document does it, by a shell that knows the platform."""
        target = self.folder / name
        as_user = f"--as {user} " if user else ""
        self.shell(
            f'eval "$(jx {as_user}local env)"; '
            f"git clone -q ${{MY_DEV_GIT_CLONE_URL%-dev.git}}-{environment}.git {shlex.quote(str(target))}"
        ).ok()
        return target

    def platform(self, name: str = "local") -> Path:
        """The folder of an embedded platform."""
        return self.jx_home / "platforms" / name

    def kubeconfig(self, name: str = "local") -> Path:
        """Its administrator's kubeconfig."""
        return self.platform(name) / "kubernetes" / "admin.kubeconfig"

    def merge(self, pull: str, *, env: str = "dev", timeout: int = 60) -> None:
        """Let the owner approve a pull request (their own: bob) and bob merge it, and wait until that is applied and healthy."""
        if env != "staging":
            self.approve(pull, env=env)
        self.jx("pr", "merge", pull, "--env", env, "--wait", "--timeout", str(timeout), user="bob").ok()

    def approve(self, pull: str, *, env: str = "dev") -> None:
        """By the owner, whom OWNERS name; what the owner asks for, by anybody else who may write."""
        if self.jx("pr", "approve", pull, "--env", env).code:
            self.jx("pr", "approve", pull, "--env", env, user="bob").ok()

    def pid(self, part: str, name: str = "local") -> int:
        """The process of a part of the world, by `jx local status`."""
        shown = json.loads(self.jx("local", "status", "--name", name, "-o", "json").out)
        return int(next(one["pid"] for one in shown["parts"] if one["part"] == part))

    def kill(self, part: str, name: str = "local") -> None:
        """Take a part of the world down, and return when it is gone."""
        pid = self.pid(part, name)
        watched = os.pidfd_open(pid)
        try:
            os.kill(pid, signal.SIGTERM)
            import select

            assert select.select([watched], [], [], 20)[0], f"{part} does not end"
        finally:
            os.close(watched)

    def forget(self) -> None:
        """Stop and delete every platform, by force where need be."""
        folders = sorted((self.jx_home / "platforms").glob("*"))
        for folder in folders:
            self.jx("local", "reset", folder.name, "--yes")
        for path in (self.jx_home / "platforms").glob("*/*/*lock"):
            with contextlib.suppress(OSError, ValueError):
                os.killpg(int(path.read_text()), signal.SIGKILL)

    def _run(
        self,
        argv: list[str],
        shown: str,
        cwd: Path | None,
        env: Mapping[str, str] | None,
        timeout: float,
    ) -> Ran:
        done = subprocess.run(
            argv,
            cwd=cwd or self.home,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(shown, done.returncode, done.stdout, done.stderr)


@contextmanager
def machine_at(folder: Path) -> Iterator[Machine]:
    """A machine, and no process of it left at the end, whatever happened."""
    machine = Machine(folder)
    try:
        yield machine
    finally:
        machine.forget()


def install(machine: Machine, *more: str) -> Ran:
    """Install a platform and let ann (who asks) and bob (who approves) work on it."""
    done = machine.jx("install", "--ng", *more).ok()
    machine.jx("local", "user", "add", "ann", "--full-name", "Ann Lee", "--email", "ann@example.com").ok()
    machine.jx(
        "local", "user", "add", "bob", "--full-name", "Bob Ray", "--email", "bob@example.com",
        "--right", "admin",
    ).ok()  # fmt: skip
    return done


def eventually(look: object, *, seconds: float = 30) -> None:
    """Return when `look()` is true; for what has no way to wait for it."""
    assert callable(look)
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"it did not come true within {seconds} s"

"""Scripts of commands, run beside an API server, and their outputs in a form in which two servers can be compared."""

from __future__ import annotations

import base64
import os
import re
import secrets
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Step = Mapping[str, Any]

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
_LETTERS = "[bcdfghjklmnpqrstvwxz2456789]"
_REPLACEMENTS = (
    (r"^[WEI]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ", "<time> "),
    (r"https://(127\.0\.0\.1|localhost|\[::1\]):\d+", "<server>"),
    (r"\b(127\.0\.0\.1|localhost):\d{4,5}\b", "<host>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "<token>"),
    (r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", "<certificate>"),
    (r'(resourceVersion"?: )"\d+"', r'\1"<version>"'),
    (r"(Resource Version: +)\d+", r"\1<version>"),
    (r"\bv1\.36\.\d+\b", "v1.36"),
    (r"\b(10|127)\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<ip>"),
    (r"\b3[0-2]\d{3}\b", "<port>"),
    # Not after a hyphen: the hash in the name of a ReplicaSet can look like an age.
    (r"(?<!-)\b(\d+d)?(\d+h)?(\d+m)?\d+(\.\d+)?(ms|[smhd])\b", "<age>"),
    (r"\bapplyset-[\w-]{43}-v1", "applyset-<digest>-v1"),
    (r"(?<=/)(LIVE|MERGED)-\d+", r"\1"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}", "<time>"),
    # By chance: whether the time limit of a command ends its watch before or after the client counts that as short.
    (r"(?m)^.*reflector\.go:\d+\] .*very short watch: .*\n", ""),
    (r"X509SHA256=\w+", "<credential>"),
    (rf"-{_LETTERS}{{6,10}}-{_LETTERS}{{5}}\b", "-<hash>-<random>"),
    (rf"-{_LETTERS}{{8,10}}\b", "-<hash>"),
    (rf"-(?=[a-z]*\d){_LETTERS}{{6,7}}\b", "-<hash>"),
    (rf"(pod-template-hash|controller-revision-hash)([=: \"]+)(\w+-)?{_LETTERS}{{6,10}}\b", r"\1\2\3<hash>"),
    (rf"-{_LETTERS}{{5}}\b", "-<random>"),
    (r"\.[0-9a-f]{13,16}\b", ".<number>"),
)


# What `explain` shows of types; descriptions are people's texts, which the embedded server does not have.
_FIELD = re.compile(r"(GROUP|KIND|VERSION|FIELD):|\s*\S+\t<|error|Error|the server|couldn't")


@dataclass(frozen=True)
class Script:
    """Commands of one program, in order, and the files that lie in the folder where they run."""

    name: str
    steps: tuple[Step, ...]
    files: Mapping[str, str] = field(default_factory=dict)


def load(folder: Path) -> list[Script]:
    """The scripts of all files of a folder, in order; what `_files` holds lies beside each script of its file."""
    scripts: list[Script] = []
    for path in sorted(folder.glob("*.yaml")):
        content: dict[str, Any] = yaml.safe_load(path.read_text())
        files = content.pop("_files", {})
        for name, script in content.items():
            steps = tuple({"run": step} if isinstance(step, str) else step for step in script)
            scripts.append(Script(f"{path.stem}: {name}", steps, files))
    return scripts


@dataclass(frozen=True)
class Outcome:
    """What a comparison looks at."""

    command: str
    code: int
    out: tuple[str, ...]
    err: tuple[str, ...]


class Stage:
    """A folder and a namespace of its own on the cluster that a kubeconfig names."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._folder = folder
        self._pause = threading.Event()
        self.namespace = f"k-{secrets.token_hex(4)}"
        own = folder / "kubeconfig"
        own.touch(mode=0o600)
        own.write_text(yaml.safe_dump(_renamed(yaml.safe_load(kubeconfig.read_text()), self.namespace)))
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "KUBECONFIG": str(own),
            "TZ": "UTC",
        }
        self._secret_texts = {
            self.namespace: "<ns>",
            base64.b64encode(self.namespace.encode()).decode().rstrip("="): "<ns>",
            str(folder): "<folder>",
        }

    def play(self, script: Script) -> list[Outcome]:
        """The outcomes of all commands; the namespace is gone (or on its way) afterwards."""
        work = self._folder / "work"
        work.mkdir()
        for name, text in script.files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(self._filled(text))
        self._run(["create", "namespace", self.namespace])
        self._await_account()
        try:
            return [outcome for step in script.steps for outcome in self._take(step)]
        finally:
            self._run(["delete", "namespace", self.namespace, "--wait=false"])

    def _await_account(self) -> None:
        for _ in self._pauses("the namespace has no ServiceAccount"):
            wanted = ["get", "sa/default", "cm/kube-root-ca.crt"]
            if self._run(wanted).returncode == 0:
                return

    def _take(self, step: Step) -> Iterator[Outcome]:
        if "follow" in step:
            yield self._follow(step)
            return
        done = self._until(step) if "until" in step else self._once(step)
        if not step.get("unseen"):
            yield self._outcome(step, done.returncode, done.stdout, done.stderr)

    def _outcome(self, step: Step, code: int, out: str, err: str) -> Outcome:
        lines, problems = self._lines(out), self._lines(err)
        if step.get("last"):
            lines = lines[-1:]
        if step.get("unordered"):
            lines, problems = sorted(set(lines)), sorted(problems)
        if step.get("fields"):
            lines = [line for line in lines if _FIELD.match(line)]
        if only := step.get("only"):
            lines = [line for line in lines if re.search(only, line)]
        command = str(step.get("run") or step["follow"])
        return Outcome(command, code, tuple(lines), tuple(problems))

    def _once(self, step: Step) -> subprocess.CompletedProcess[str]:
        environment = {key: self._filled(str(value)) for key, value in step.get("env", {}).items()}
        arguments = shlex.split(self._filled(str(step["run"])))
        return self._run(arguments, stdin=self._filled(str(step.get("stdin", ""))), environment=environment)

    def _until(self, step: Step) -> subprocess.CompletedProcess[str]:
        for _ in self._pauses(f"{step['run']} never told {step['until']}"):
            done = self._once(step)
            if re.search(str(step["until"]), done.stdout + done.stderr):
                break
        return done

    def _follow(self, step: Step) -> Outcome:
        """The first lines of a command that does not end, while others run."""
        arguments = ["kubectl", *shlex.split(self._filled(str(step["follow"])))]
        seen: list[str] = []
        with subprocess.Popen(
            arguments, stdout=subprocess.PIPE, text=True, env=self._environment, cwd=self._folder / "work"
        ) as process:
            assert process.stdout is not None
            guard = threading.Timer(_PATIENCE_SECONDS, process.kill)
            guard.start()
            seen += [process.stdout.readline() for _ in range(int(step.get("first", 1)))]
            for one in step["meanwhile"]:
                self._once({"run": one} if isinstance(one, str) else one)
            seen += [process.stdout.readline() for _ in range(int(step["lines"]))]
            process.terminate()
            guard.cancel()
        return self._outcome(step, 0, "".join(seen), "")

    def _pauses(self, complaint: str) -> Iterator[None]:
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            yield
            self._pause.wait(_PAUSE_SECONDS)
        raise AssertionError(complaint)

    def _run(
        self, arguments: list[str], *, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**self._environment, **(environment or {})},
            cwd=self._folder / "work",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )

    def _filled(self, text: str) -> str:
        return text.replace("$ns", self.namespace)

    def _lines(self, text: str) -> list[str]:
        for plain, name in self._secret_texts.items():
            text = text.replace(plain, name)
        for pattern, replacement in _REPLACEMENTS:
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        return [re.sub(r"(?<=\S) {2,}", "  ", line.rstrip()) for line in text.splitlines()]


def _renamed(config: dict[str, Any], namespace: str) -> dict[str, Any]:
    """A kubeconfig with the same names on all servers, and a namespace to begin with."""
    names = {one["name"]: one for one in config["contexts"]}
    context = names[config["current-context"]]["context"]
    clusters = {one["name"]: one["cluster"] for one in config["clusters"]}
    users = {one["name"]: one["user"] for one in config["users"]}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [
            {"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}
        ],
        "clusters": [{"name": "test", "cluster": clusters[context["cluster"]]}],
        "users": [{"name": "test", "user": users[context["user"]]}],
    }

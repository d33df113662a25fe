"""Does a second apply write nothing, by the server's own word? Applies each chart twice and reads the audit log in between.

    PYTHONPATH=. python scripts/apply_twice.py [--embedded] CHART[=VALUES] ...      folders, and files of values for them

The cluster is Kubernetes' own control plane, as `scripts/test_cluster.py` starts it. jx speaks to a second API server in front of
the same store, which is started with an audit log of every request; what that log says is counted. With `--embedded` it is the
embedded API, which keeps no such log: there every object's resourceVersion says whether it was written. Each chart is the only
app of an environment of its own, applied by `jx step env apply` from a folder. Exit code 1 where a second apply writes to any
object.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from scripts import test_cluster

READS = frozenset({"get", "list", "watch"})
POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
"""
FENCE = "validatingadmissionpolic"
"""The lock's own policies, which keep late requests off."""
RECORDS = "jx-anchors"
"""The namespace of what jx itself remembers; its lock is a Lease there, taken and given back by every apply."""


@dataclass(frozen=True)
class Counted:
    """What the server says it was asked."""

    reads: int
    objects: int
    """Writes to objects of the environment, or to any other but our own records."""
    records: int
    """Writes to our own records, without the lock's."""
    lock: int
    seconds: float


def main(charts: list[str]) -> int:
    """Apply the charts, print a table."""
    print(
        "| chart | version | first: writes to objects | s | second: writes to objects | to records | to the lock | reads | s |"
    )
    print("| --- | --- | --: | --: | --: | --: | --: | --: | --: |")
    failed = 0
    is_embedded = charts[:1] == ["--embedded"]
    with embedded() if is_embedded else real() as front:
        for chart in charts[is_embedded:]:
            folder, _, values = chart.partition("=")
            name, version, first, second = apply_twice(Path(folder), Path(values) if values else None, front)
            failed += bool(second.objects or second.records)
            print(
                f"| {name} | {version} | {first.objects} | {first.seconds:.1f} | {second.objects} | {second.records} "
                f"| {second.lock} | {second.reads} | {second.seconds:.1f} |",
                flush=True,
            )
    return 1 if failed else 0


def apply_twice(
    chart: Path, values: Path | None, front: Front | EmbeddedFront
) -> tuple[str, str, Counted, Counted]:
    """Its name and version, and what each apply of it made the server do."""
    metadata = yaml.safe_load((chart / "Chart.yaml").read_text())
    name, version = str(metadata["name"]), str(metadata["version"])
    with tempfile.TemporaryDirectory(prefix="apply-twice-") as home:
        folder = Path(home) / "environment"
        own = folder / "env" / "charts" / name
        own.parent.mkdir(parents=True)
        subprocess.run(["cp", "-r", str(chart), str(own)], check=True)
        dependency = {"name": name, "version": version, "repository": f"file://charts/{name}"}
        write(
            folder / "env" / "Chart.yaml",
            {"apiVersion": "v2", "name": "env", "version": "0.0.1", "dependencies": [dependency]},
        )
        write(folder / "env" / "values.yaml", {name: yaml.safe_load(values.read_text()) if values else {}})
        settings = {"environment": name, "namespace": name, "release": name}
        write(folder / "jx-requirements.yml", {"apply": settings})
        first, second = (apply(folder, front, Path(home)) for _ in range(2))
    return name, version, first, second


def write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content))


def apply(folder: Path, front: Front | EmbeddedFront, home: Path) -> Counted:
    """Run `jx step env apply`, and count what the server was asked meanwhile."""
    before: Any = front.position()
    begun = time.monotonic()
    argv = [sys.executable, "-m", "jx", "--kubeconfig", str(front.kubeconfig), "step", "env", "apply"]
    done = subprocess.run(
        [*argv, "--dir", str(folder), "--no-wait", "-b"],
        env={**os.environ, "HOME": str(home), "JX_HOME": str(home / ".jx")},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    if done.returncode:
        raise SystemExit(f"{folder}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    reads = objects = records = lock = 0
    for event in front.events(before):
        where = event.get("objectRef") or {}
        if event["verb"] in READS or where.get("resource", "").startswith("selfsubject"):
            reads += 1
        elif where.get("resource", "").startswith(FENCE):
            lock += 1
        elif where.get("namespace") != RECORDS:
            objects += 1
        elif where.get("resource") == "leases":
            lock += 1
        else:
            records += 1
    return Counted(reads, objects, records, lock, seconds)


@dataclass(frozen=True)
class Front:
    """An API server with an audit log."""

    kubeconfig: Path
    log: Path

    def position(self) -> int:
        """Where the log ends now."""
        return self.log.stat().st_size if self.log.exists() else 0

    def events(self, position: int) -> list[dict[str, Any]]:
        """What the administrator asked for since then; the server's own components have other names."""
        with self.log.open("rb") as log:
            log.seek(position)
            events = [json.loads(line) for line in log]
        return [event for event in events if event["user"]["username"] == "kubernetes-admin"]


@dataclass(frozen=True)
class EmbeddedFront:
    """The embedded API. What it was asked is told as events like those of an audit log: a write for each object that is new, gone
    or of another resourceVersion. Reads are not known."""

    server: Any

    @property
    def kubeconfig(self) -> Path:
        """How to reach it."""
        path: Path = self.server.kubeconfig
        return path

    def position(self) -> dict[tuple[str, str, str], str]:
        """All objects, with their resourceVersions."""
        found: dict[tuple[str, str, str], str] = {}
        for group in self._groups():
            for resource in self._get(group)["resources"]:
                if "list" in resource.get("verbs", ()) and "/" not in resource["name"]:
                    for one in self._get(f"{group}/{resource['name']}")["items"]:
                        metadata = one["metadata"]
                        key = resource["name"], metadata.get("namespace", ""), f"{group} {metadata['name']}"
                        found[key] = metadata["resourceVersion"]
        return found

    def events(self, before: dict[tuple[str, str, str], str]) -> list[dict[str, Any]]:
        """What was written since then."""
        after = self.position()
        written = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        return [
            {"verb": "write", "objectRef": {"resource": resource, "namespace": namespace}}
            for resource, namespace, _ in sorted(written)
        ]

    def _groups(self) -> list[str]:
        groups = self._get("/apis")["groups"]
        return ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]

    def _get(self, path: str) -> Any:
        return json.loads(self.server.send("GET", path).body)


@contextlib.contextmanager
def embedded() -> Iterator[EmbeddedFront]:
    """The embedded API, as a process."""
    from benchmarks import api_servers

    with api_servers.embedded() as server:
        yield EmbeddedFront(server)


@contextlib.contextmanager
def real() -> Iterator[Front]:
    """Kubernetes' own control plane, with an audit log."""
    with test_cluster.cluster(test_cluster.built()) as kubeconfig, audited(kubeconfig.parent) as front:
        yield front


@contextlib.contextmanager
def audited(folder: Path, rules: str = POLICY) -> Iterator[Front]:
    """A second API server in front of the same store: the command line of the first, another port, and an audit log by those
    rules."""
    log, policy, own = folder / "audit.log", folder / "audit-policy.yaml", folder / "audited.kubeconfig"
    policy.write_text(rules)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [word for word in command_line("kube-apiserver", folder) if not word.startswith("--secure-port=")]
    argv += [f"--secure-port={port}", f"--audit-log-path={log}", f"--audit-policy-file={policy}"]
    first = yaml.safe_load((folder / "admin.kubeconfig").read_text())
    first["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    write(own, first)
    with (folder / "audited.log").open("w") as said:
        process = subprocess.Popen(argv, stdout=said, stderr=said, start_new_session=True)
    try:
        await_ready(own, process, folder / "audited.log")
        yield Front(own, log)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def command_line(part: str, folder: Path) -> list[str]:
    """How a part of the control plane in that folder was started."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            argv = path.read_bytes().decode().rstrip("\0").split("\0")
            if len(argv) > 1 and argv[1] == part and any(str(folder) in word for word in argv):
                return argv
    raise SystemExit(f"no {part} of the cluster in {folder} was found")


def await_ready(kubeconfig: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    from jx.adapters.files.clock import SystemClock
    from jx.adapters.kubernetes import kubeconfig as kubeconfigs
    from jx.adapters.kubernetes.api import Api
    from jx.domain.errors import JxError

    api = Api.connect(kubeconfigs.load([kubeconfig]), SystemClock())
    end = time.monotonic() + 60
    while True:
        try:
            api.get_path("/readyz")
            break
        except JxError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(
                    f"the second API server did not start ({error.message}); see {log}"
                ) from error
            time.sleep(0.2)
    api.close()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

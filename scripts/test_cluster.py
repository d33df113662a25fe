"""Runs a command beside a real Kubernetes API server.

Usage: python scripts/test_cluster.py [--workloads] COMMAND...

The cluster is the one that JX_TEST_KUBECONFIG names. Without that, Kubernetes' own control plane is built from `testcluster/`
(once; kept in `.cache/testcluster` by the digest of its sources), started on loopback, and thrown away with the command's end.
The command gets its kubeconfig in JX_PARITY_KUBECONFIG, and first on its PATH the kubectl that was built with the control plane
(beside a cluster of yours only where it was built before). `--build` only builds, and prints the program's path.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "testcluster"
CACHE = ROOT / ".cache" / "testcluster"
VERSION = "k8s.io/component-base/version"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--build", action="store_true", help="build the control plane, print its path, and end"
    )
    parser.add_argument("--workloads", action="store_true", help="with the controllers that make pods")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.build:
        print(built())
        return 0
    chosen = os.environ.get("JX_TEST_KUBECONFIG")
    if chosen:
        return run(options.command, Path(chosen), kept())
    program = built()
    with cluster(program, workloads=options.workloads) as kubeconfig:
        return run(options.command, kubeconfig, program)


def run(command: list[str], kubeconfig: Path, program: Path | None) -> int:
    environment = {**os.environ, "JX_PARITY_KUBECONFIG": str(kubeconfig)}
    if program is not None:
        environment["PATH"] = os.pathsep.join([str(kubectl_of(program)), environment.get("PATH", os.defpath)])
    return subprocess.run(command, env=environment, check=False).returncode


def kubectl_of(program: Path) -> Path:
    """A folder with the program's kubectl under its own name."""
    command = program.parent / "bin" / "kubectl"
    text = f'#!/bin/sh\nexec "$(dirname "$0")/../{program.name}" kubectl "$@"\n'
    if not command.exists() or command.read_text() != text:
        command.parent.mkdir(exist_ok=True)
        made = command.with_suffix(f".{os.getpid()}")
        made.write_text(text)
        made.chmod(0o755)
        made.replace(command)
    return command.parent


def kept() -> Path | None:
    """The program, where it was built before."""
    go = shutil.which("go")
    program = CACHE / digest(go) / "testcluster" if go else None
    return program if program and program.exists() else None


def built() -> Path:
    """The program, built where its sources are newer than what is kept."""
    go = shutil.which("go")
    if go is None:
        raise SystemExit(
            "make test-cluster builds a Kubernetes API server and needs Go for that; install it, or set "
            "JX_TEST_KUBECONFIG to the kubeconfig of a cluster that may be written to"
        )
    program = CACHE / digest(go) / "testcluster"
    if not program.exists():
        print("Building Kubernetes' control plane (once; 5 to 15 minutes on two cores) ...", flush=True)
        program.parent.mkdir(parents=True, exist_ok=True)
        build(go, program)
    return program


def digest(go: str) -> str:
    found = hashlib.sha256(output([go, "version"]).encode())
    for path in sorted(SOURCES.iterdir()):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def build(go: str, program: Path) -> None:
    version = output([go, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"])
    major, minor, _ = version.removeprefix("v").split(".", 2)
    facts = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s", "-w", *(f"-X {VERSION}.{name}={value}" for name, value in facts.items())])
    made = program.with_suffix(".new")
    argv = [go, "build", "-mod=readonly", "-trimpath", "-ldflags", flags, "-o", str(made), "."]
    done = subprocess.run(argv, cwd=SOURCES, env={**os.environ, "CGO_ENABLED": "0"}, check=False)
    if done.returncode:
        raise SystemExit(f"the control plane could not be built: `{' '.join(argv[:2])}` in {SOURCES} failed")
    made.replace(program)


def output(argv: list[str]) -> str:
    return subprocess.run(argv, cwd=SOURCES, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def cluster(program: Path, *, workloads: bool = False) -> Iterator[Path]:
    """The kubeconfig of a fresh cluster, which ends with the context."""
    folder = Path(tempfile.mkdtemp(prefix="testcluster-"))
    argv = [str(program), "serve", "--dir", str(folder), *(["--workloads"] if workloads else [])]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("ready "):
            raise SystemExit(f"the control plane did not start; its logs are in {folder}")
        yield Path(line.removeprefix("ready ").strip())
    finally:
        process.terminate()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())

"""1,000 references of an environment become values: on the embedded store, and on the Vault that JX_TEST_VAULT_ADDR names."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Report
from jx.adapters.crypto.generator import SystemGenerator
from jx.adapters.files.clock import SystemClock
from jx.adapters.local.listening import listen
from jx.adapters.local.memory_records import MemoryReporter
from jx.adapters.local.memory_secret_log import MemorySecretLog
from jx.adapters.vault.access import Token, VaultAccess
from jx.adapters.vault.store import VaultSecrets
from jx.domain.errors import JxError
from jx.domain.objects.references import Reference, Scheme
from jx.usecases.planning.record_secrets import RecordSecrets
from jx.usecases.planning.resolve_secrets import ResolveSecrets

REFERENCES = 1_000
PATHS = (1_000, 100)
"""Each with the same number of keys."""
ROUNDS = 7
START_SECONDS = 60.0
FOLDER = "benchmarks"


def run(report: Report) -> None:
    """Both stores in turns of their own, since they take the same processors."""
    with _embedded() as access:
        ours = {paths: _measure(access, paths, report) for paths in PATHS}
    peer = _real()
    theirs = {paths: _measure(peer, paths, report) for paths in PATHS} if peer else {}
    for paths in PATHS:
        aim = "< 1" if paths == max(PATHS) else ""
        name = f"{REFERENCES:,} references to {paths:,} paths, login included"
        report.add(name, ours[paths], "s", peer=theirs.get(paths), aim=aim)
    if peer is None:
        report.note("No Vault to compare with: JX_TEST_VAULT_ADDR and JX_TEST_VAULT_TOKEN name one.")


def _measure(access: VaultAccess, paths: int, report: Report) -> float:
    """The median of rounds; each begins without a login and without connections."""
    report.say(f"  {access.url}: {REFERENCES} references to {paths} paths")
    keys = REFERENCES // paths
    wanted = [
        Reference(Scheme.VAULT, f"{FOLDER}/{paths}/{number}", f"key{key}")
        for number in range(paths)
        for key in range(keys)
    ]
    with contextlib.closing(VaultSecrets(access)) as store:
        there = store.read(tuple(dict.fromkeys(one.path for one in wanted)))
        for path in {one.path for one in wanted} - there.keys():
            store.write(path, {f"key{key}": f"value {key} of {path}" for key in range(keys)})
    return statistics.median(_once(access, wanted) for _ in range(ROUNDS))


def _once(access: VaultAccess, wanted: list[Reference]) -> float:
    with contextlib.closing(VaultSecrets(access)) as store:
        clock, reporter = SystemClock(), MemoryReporter()
        record = RecordSecrets(MemorySecretLog(), lambda: "benchmark", clock, reporter)
        resolve = ResolveSecrets({Scheme.VAULT: store}, SystemGenerator(clock), reporter, record)
        begin = time.perf_counter()
        found = resolve(wanted, {})
        seconds = time.perf_counter() - begin
    if len(found.values) != len(wanted):
        raise SystemExit(f"{len(found.values)} of {len(wanted)} references were resolved")
    return seconds


@contextlib.contextmanager
def _embedded() -> Iterator[VaultAccess]:
    """The embedded store as a process of its own, as on an embedded platform."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home, contextlib.ExitStack() as stack:
        folder = Path(home) / "vault"
        folder.mkdir(mode=0o700)
        with listen(0) as free:
            port = free.getsockname()[1]
        argv = [sys.executable, "-m", "jx.adapters.local.vault", "--dir", str(folder), "--port", str(port)]
        argv += ["--key-file", f"{home}/keys/store", "--kubeconfig", f"{home}/none"]
        process = stack.enter_context(subprocess.Popen(argv))
        stack.callback(process.terminate)
        end = time.monotonic() + START_SECONDS
        while not (folder / "ready").exists():
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit("the embedded store did not start")
            time.sleep(0.02)
        token = (Path(home) / "tokens" / "vault").read_text().strip()
        yield VaultAccess(f"http://127.0.0.1:{port}", Token(token))


def _real() -> VaultAccess | None:
    url = os.environ.get("JX_TEST_VAULT_ADDR")
    if not url:
        return None
    access = VaultAccess(url, Token(os.environ.get("JX_TEST_VAULT_TOKEN", "root")))
    try:
        with contextlib.closing(VaultSecrets(access)) as store:
            store.check()
    except JxError:
        return None
    return access

"""Charts as people write them are accepted by the embedded server as by a real one, and become ready."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import real_cluster, side_by_side

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("chart", "ready"),
    [
        ("dashboard", ["Deployment"]),
        ("redis", ["StatefulSet"]),
        ("shop", ["Deployment"]),
        ("nightly-report", []),
    ],
)
@pytest.mark.usefixtures("kubectl_program")
def test_a_chart_is_accepted_and_becomes_ready(
    chart: str, ready: list[str], request: pytest.FixtureRequest
) -> None:
    command = [sys.executable, "scripts/try_manifests.py", f"charts/{chart}", "--namespace", f"try-{chart}"]
    environment = {**os.environ, "PYTHONPATH": "src"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    side_by_side.played(request, side_by_side.EMBEDDED)
    if real_cluster.kubeconfig():
        assert re.search(r"[1-9]\d* objects accepted by the real server", done.stdout)
        side_by_side.played(request, side_by_side.REAL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[1-9]\d* objects accepted in", done.stdout)
    shown = [line.split()[0] for line in done.stdout.splitlines() if f"try-{chart}/" in line]
    assert shown == ready

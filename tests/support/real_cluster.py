"""The cluster that the embedded API is held to, as `make test-cluster` names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REAL = "JX_PARITY_KUBECONFIG"
"""The environment variable with the path of the real cluster's kubeconfig."""

NEEDS_REAL = pytest.mark.skipif(
    REAL not in os.environ, reason="no real cluster to compare with; `make test-cluster` starts one"
)


def kubeconfig() -> Path | None:
    """The real cluster's kubeconfig; None where there is none to compare with."""
    path = os.environ.get(REAL)
    return Path(path) if path else None

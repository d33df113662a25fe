"""A whole cluster in this process whose node runs a small HTTP server as image `test/server`, tags 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.node import RealWorld, running_world
from tests.support.node_folder import make_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a cluster that has the image."""
    return make_folder(tmp_path)


@pytest.fixture
def world(folder: Path) -> Iterator[RealWorld]:
    with running_world(folder) as made:
        yield made

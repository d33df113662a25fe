"""One embedded server for the suite, and the real one where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support import embedded, real_cluster
from tests.support.parity import Player


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """Plays on the embedded server."""
    folder = tmp_path_factory.mktemp("embedded")
    folder.chmod(0o700)
    with embedded.running_api(folder):
        player = Player(folder / "admin.kubeconfig")
        yield player
        player.close()


@pytest.fixture(scope="session")
def theirs() -> Iterator[Player | None]:
    """Plays on the real server; None where there is none."""
    path = real_cluster.kubeconfig()
    if path is None:
        yield None
        return
    player = Player(path)
    yield player
    player.close()

"""What the world of an embedded platform holds before anything is installed: charts, images, a version stream."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from jx.adapters.git.repos import GitRepos
from jx.adapters.local import seed
from jx.adapters.local.forge.client import LocalForge
from jx.domain.errors import Stale
from jx.domain.names import Person, Repo
from jx.ports.platforms import Platform
from jx.ports.repos import Draft

_BRANCH = "master"


def seed_files(folder: Path) -> None:
    """The chart repository's archives and the node's images; what is there already stays as it is."""
    charts, node = folder / "forge" / "charts", folder / "kubernetes"
    for place in (charts, node):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, data in seed.build_archives().items():
        if not (charts / name).exists():
            _write(charts / name, data)
    _write(node / "images.json", json.dumps(seed.known_images(), indent=2).encode())


def seed_version_stream(platform: Platform, token: str) -> Repo:
    """The version stream's repository, public to all users; filled once."""
    forge = LocalForge(platform.forge_url, token)
    stream = Repo(platform.version_stream_url)
    repo, _ = forge.ensure_repo(
        stream.owner, stream.name, private=False, description="Versions that go together"
    )
    repos = GitRepos(platform.folder / "cache", logins=lambda _: (platform.owner, token))
    if repos.head(repo, _BRANCH) is None:
        tree = seed.version_stream(platform.chart_repository)
        draft = Draft(tree, "Versions that go together\n", Person("Jenkins X"))
        with contextlib.suppress(Stale):  # another start was faster
            repos.write(repo, _BRANCH, base=None, draft=draft)
    return repo


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(data)
    draft.replace(path)

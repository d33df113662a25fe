"""Clusters that something was installed on from this machine, by name, for `jx use`. Credentials stay in kubeconfigs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KnownCluster:
    """A cluster by the kubeconfig files and the context that lead to it; no file: the usual one."""

    kubeconfig: tuple[Path, ...] = ()
    context: str = ""
    is_chosen: bool = False


def find_cluster(home: Path, name: str) -> KnownCluster | None:
    """A cluster that something was installed on from here, or None."""
    try:
        data = json.loads((_clusters(home) / f"{name}.json").read_text())
        files = tuple(Path(path) for path in data["kubeconfig"])
        return KnownCluster(files, str(data["context"]), is_chosen=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def list_clusters(home: Path) -> tuple[str, ...]:
    """The names of all clusters that something was installed on from here."""
    return tuple(sorted(path.stem for path in _clusters(home).glob("*.json")))


def remember_cluster(home: Path, name: str, cluster: KnownCluster) -> None:
    """Note a cluster under a name, for `jx use`. No credentials: they stay in the kubeconfig."""
    folder = _clusters(home)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = {"kubeconfig": [str(path.absolute()) for path in cluster.kubeconfig], "context": cluster.context}
    draft = folder / f".{name}.new"
    draft.write_text(json.dumps(data) + "\n")
    draft.replace(folder / f"{name}.json")


def _clusters(home: Path) -> Path:
    return home / "clusters"

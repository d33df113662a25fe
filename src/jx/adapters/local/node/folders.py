"""A pod's folder: volumes, ServiceAccount, logs and records of its processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jx.adapters.local.kubernetes.controllers import environment, objects
from jx.adapters.local.kubernetes.types.facts import Obj

LOG_BYTES = 10 * 1024 * 1024
_LOG_KEPT_BYTES = 1024 * 1024
_KEPT = frozenset({"name", "emptyDir", "ephemeral", "persistentVolumeClaim"})
_FILLED = frozenset({"projected", "configMap", "secret", "downwardAPI"})


@dataclass(frozen=True)
class Account:
    """What a process proves its ServiceAccount with, and the server that it talks to."""

    token: str
    authority: str
    namespace: str

    def files(self) -> dict[str, bytes]:
        texts = {"token": self.token, "ca.crt": self.authority, "namespace": self.namespace}
        return {name: text.encode() for name, text in texts.items()}


@dataclass(frozen=True)
class PodFolder:
    """The folder of one pod, below the node's; everything in it is its user's alone."""

    path: Path

    @staticmethod
    def of(pods: Path, pod: Obj) -> PodFolder:
        return PodFolder(pods / objects.uid_of(pod))

    @property
    def account(self) -> Path:
        return self.path / "serviceaccount"

    def root(self, container: str) -> Path:
        """Where the container's volumes are mounted below."""
        return self.path / "root" / container

    def log(self, container: str, *, previous: bool = False) -> Path:
        return self.path / "logs" / (f"{container}.previous.log" if previous else f"{container}.log")

    def record(self, container: str) -> Path:
        return self.path / "processes" / container

    def records(self) -> Iterable[Path]:
        with contextlib.suppress(FileNotFoundError):
            yield from (self.path / "processes").iterdir()

    def make(self) -> None:
        for folder in (self.path, *(self.path / name for name in ("logs", "processes", "root", "volumes"))):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove(self) -> None:
        remove_tree(self.path)

    def begin_log(self, container: str) -> Path:
        """The empty log of a new run; the run before it keeps its own until the next."""
        log = self.log(container)
        with contextlib.suppress(FileNotFoundError):
            log.replace(self.log(container, previous=True))
        log.touch(mode=0o600)
        return log

    def cap_log(self, container: str) -> None:
        """Drop the older part of a log that has grown too long. Its process appends, so it goes on at the new end."""
        log = self.log(container)
        with contextlib.suppress(FileNotFoundError), log.open("r+b") as file:
            if file.seek(0, os.SEEK_END) <= LOG_BYTES:
                return
            file.seek(-_LOG_KEPT_BYTES, os.SEEK_END)
            kept = file.read()
            file.seek(0)
            file.write(kept[kept.find(b"\n") + 1 :])
            file.truncate()

    def write_account(self, account: Account) -> None:
        write_files(self.account, account.files())

    def link_claims(self, pod: Obj, find: Callable[[str], Path]) -> None:
        """Make the volumes of claims lead to where what was claimed is kept: pods that name the same claim share it."""
        for volume in pod["spec"].get("volumes") or []:
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            link = self.path / "volumes" / volume["name"]
            if claim and not link.is_symlink():
                kept = find(claim)
                kept.mkdir(mode=0o700, parents=True, exist_ok=True)
                link.symlink_to(kept)

    def write_volumes(
        self, pod: Obj, find: environment.FindConfig, *, ip: str, account: Account | None
    ) -> None:
        """Bring the volumes of ConfigMaps, Secrets and the like to what they hold now; others are empty folders."""
        for volume in pod["spec"].get("volumes") or []:
            files = volume_files(volume, pod, find, ip=ip, account=account)
            folder = self.path / "volumes" / volume["name"]
            folder.mkdir(mode=0o700, exist_ok=True)
            if files is not None:
                write_files(folder, files)

    def mount(self, container: Obj) -> None:
        """Show the container its volumes at their mount paths."""
        root = self.root(container["name"])
        root.mkdir(mode=0o700, exist_ok=True)
        for mount in container.get("volumeMounts") or []:
            source = self.path / "volumes" / mount["name"] / mount.get("subPath", "").strip("/")
            target = inside(root, mount["mountPath"])
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not target.is_symlink() and not target.exists():
                target.symlink_to(source)


def inside(root: Path, path: str) -> Path:
    """A path of a container, below where its volumes are mounted; it never leads out of there."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return root.joinpath(*parts)


def remove_tree(path: Path) -> None:
    """Take a folder away; also where folders in it are shut, as caches of modules are, or lie deeper than Python goes."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(path, ignore_errors=True)
    if path.is_dir() and not path.is_symlink():
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, "--", str(path)], capture_output=True, check=False)


def make_within(path: Path, folders: Iterable[Path]) -> None:
    """Make a folder, unless links lead out of `folders` on the way to it: a step may have made them."""
    there = next(each for each in (path, *path.parents) if each.exists())
    real = there.resolve()
    if any(real == each or each in real.parents for each in (one.resolve() for one in folders)):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold exactly these files; each is replaced as a whole, and only where it differs."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        if str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, content in files.items():
        path = inside(folder, name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_file() and path.read_bytes() == content:
            continue
        fresh = path.with_name(f".{path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fresh.replace(path)


def is_filled(volume: Obj) -> bool:
    """Whether we write what is in a volume, and not the pod."""
    return bool(volume.keys() & _FILLED)


def unknown_volume(pod: Obj) -> str:
    """What a step would miss that finds an empty folder in its place; empty where all volumes are of kinds that are here."""
    for volume in pod["spec"].get("volumes") or []:
        for kind in sorted(volume.keys() - _FILLED - _KEPT):
            return f"volume {volume['name']} is a {kind}, and steps of this machine have none"
    return ""


def volume_files(
    volume: Obj, pod: Obj, find: environment.FindConfig, *, ip: str, account: Account | None
) -> dict[str, bytes] | None:
    """What a volume is filled with; None for one that the pod fills itself."""
    if "projected" in volume:
        files: dict[str, bytes] = {}
        for source in volume["projected"].get("sources") or []:
            files.update(_source_files(source, pod, find, ip=ip, account=account))
        return files
    if is_filled(volume):
        return _source_files(volume, pod, find, ip=ip, account=account)
    return None


def _source_files(
    source: Obj, pod: Obj, find: environment.FindConfig, *, ip: str, account: Account | None
) -> dict[str, bytes]:
    if "configMap" in source:
        return _config_files("configmap", source["configMap"]["name"], source["configMap"], find)
    if "secret" in source:
        secret = source["secret"]
        return _config_files("secret", secret.get("secretName") or secret["name"], secret, find)
    if "downwardAPI" in source:
        return {
            item["path"]: environment.field_of(pod, item["fieldRef"]["fieldPath"], ip=ip).encode()
            for item in source["downwardAPI"].get("items") or []
            if "fieldRef" in item
        }
    if "serviceAccountToken" in source and account is not None:
        return {source["serviceAccountToken"]["path"]: account.token.encode()}
    return {}


def _config_files(kind: str, name: str, source: Obj, find: environment.FindConfig) -> dict[str, bytes]:
    found = find(kind, name)
    if found is None:
        return {}
    data = {
        key: value.encode() if isinstance(value, str) else value
        for key, value in environment.data_of(kind, found).items()
    }
    items = source.get("items")
    if items is None:
        return data
    return {item["path"]: data[item["key"]] for item in items if item["key"] in data}

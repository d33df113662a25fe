"""ports.platforms: embedded platforms, each in a folder of its own below `$JX_HOME/platforms`, mode 0700."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jx.adapters.local import world
from jx.adapters.local.daemons import Daemon, free_ports, start_all, this_python
from jx.adapters.local.forge.client import Administration
from jx.adapters.local.vault.sealing import forget_key
from jx.domain.errors import Invalid, NotFound
from jx.domain.names import parse_environment_name
from jx.ports.platforms import Part, Platform

VAULT = "vault"
"""The file of the secret store's own token, beside those of the forge's users; nobody can have that login."""
AUDIT_LOG = "audit.log"
"""In the platform's folder `logs`, where it is kept."""
BOT = "jx-bot"
"""The platform's own user: the controllers act as it, and only it may push ledgers."""


@dataclass(frozen=True, slots=True)
class _Record:
    """`platform.json`: what does not change once the platform is made, and what was installed."""

    owner: str
    owner_name: str
    owner_email: str
    forge_port: int
    kubernetes_port: int
    ingress_port: int
    vault_port: int = 0
    """0 in platforms that were made before there was one."""
    dev_repo_url: str = ""
    prefix: str = ""
    has_audit_log: bool = False


class LocalPlatforms:
    """All embedded platforms of a home folder."""

    def __init__(self, home: Path, keys: Path, guarded: Path | None = None) -> None:
        """`keys` is where the keys of secret stores are kept, outside of all platforms. Steps of pipelines may not change what is
        in the folder `guarded`."""
        self._root = home / "platforms"
        self._keys = keys
        self._guarded = guarded

    def start(self, name: str, *, audit: bool | None = None) -> Platform:
        parse_environment_name(name)
        with self._locked(name) as folder:
            record = self._with_vault(folder, self._load(folder) or self._make(folder))
            if audit is not None and audit != record.has_audit_log:
                record = replace(record, has_audit_log=audit)
                _save(folder, record)
                _stop_kubernetes(self._daemons(name, folder, record))
            platform = self._describe(name, folder, record)
            if not platform.is_up:
                world.seed_files(folder)
                start_all(self._daemons(name, folder, record))
            _seed_users(folder, record)
            world.seed_version_stream(platform, (folder / "tokens" / record.owner).read_text().strip())
            return self._describe(name, folder, record)

    def stop(self, name: str) -> bool:
        folder, record = self._get(name)
        stopped = [daemon.stop() for daemon in reversed(self._daemons(name, folder, record))]
        return any(stopped)

    def find(self, name: str) -> Platform | None:
        folder = self._root / name
        record = self._load(folder)
        return self._describe(name, folder, record) if record else None

    def list_names(self) -> tuple[str, ...]:
        if not self._root.is_dir():
            return ()
        return tuple(sorted(path.name for path in self._root.iterdir() if (path / "platform.json").exists()))

    def remember(self, name: str, *, dev_repo_url: str, prefix: str) -> None:
        folder, record = self._get(name)
        _save(folder, replace(record, dev_repo_url=dev_repo_url, prefix=prefix))

    def remove(self, name: str) -> None:
        folder = self._root / name
        try:
            record = self._get(name)[1]
        except Invalid:  # damaged; its servers are found by their folder
            record = _Record("", "", "", 0, 0, 0)
        for daemon in reversed(self._daemons(name, folder, record)):
            daemon.stop()
        forget_key(folder / "vault")
        shutil.rmtree(folder)
        key_file(self._keys, folder.resolve()).unlink(missing_ok=True)

    def logs(self, name: str, *, part: str = "", follow: bool = False, lines: int = 100) -> Iterator[str]:
        folder, record = self._get(name)
        known = {daemon.name: daemon.log for daemon in self._daemons(name, folder, record)}
        pods = folder / "kubernetes" / "pods"
        known |= {f"{path.stem} {path.parts[-3][:8]}": path for path in sorted(pods.glob("*/logs/*.log"))}
        chosen = {key: path for key, path in known.items() if not part or key.startswith(part)}
        if not chosen:
            raise NotFound(f"platform {name} has no part {part!r}", hint=f"parts: {', '.join(known)}")
        if follow:
            yield from _follow(list(chosen.values()), lines)
            return
        for key, path in chosen.items():
            if path.exists():
                yield from (
                    f"{key}: {line}" for line in path.read_text(errors="replace").splitlines()[-lines:]
                )

    @contextmanager
    def _locked(self, name: str) -> Iterator[Path]:
        folder = self._root / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder

    def _make(self, folder: Path) -> _Record:
        login, name, email = _this_person()
        forge, kubernetes, ingress, vault = free_ports(4)
        record = _Record(login, name, email, forge, kubernetes, ingress, vault)
        _save(folder, record)
        return record

    def _with_vault(self, folder: Path, record: _Record) -> _Record:
        if record.vault_port:
            return record
        renewed = replace(record, vault_port=free_ports(1)[0])
        _save(folder, renewed)
        return renewed

    def _daemons(self, name: str, folder: Path, record: _Record) -> tuple[Daemon, ...]:
        return _daemons(name, folder, record, self._keys, self._guarded)

    def _load(self, folder: Path) -> _Record | None:
        path = folder / "platform.json"
        try:
            return _Record(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise Invalid(
                f"{path} is damaged: {error}", hint=f"jx local reset {folder.name} begins anew"
            ) from error

    def _get(self, name: str) -> tuple[Path, _Record]:
        folder = self._root / name
        record = self._load(folder)
        if record is None:
            known = ", ".join(self.list_names()) or "none yet"
            raise NotFound(
                f"there is no embedded platform {name!r}", hint=f"platforms: {known}; jx install makes one"
            )
        return folder, record

    def _describe(self, name: str, folder: Path, record: _Record) -> Platform:
        platform = Platform(
            name=name,
            folder=folder,
            owner=record.owner,
            forge_url=f"http://127.0.0.1:{record.forge_port}",
            kubernetes_url=f"https://127.0.0.1:{record.kubernetes_port}",
            ingress_url=f"http://127.0.0.1:{record.ingress_port}",
            vault_url=f"http://127.0.0.1:{record.vault_port}" if record.vault_port else "",
            kubeconfig=folder / "kubernetes" / "admin.kubeconfig",
            dev_repo_url=record.dev_repo_url,
            prefix=record.prefix,
        )
        addresses = {
            "forge": platform.forge_url,
            "kubernetes": platform.kubernetes_url,
            "vault": platform.vault_url,
        }
        parts = [
            Part(
                daemon.name,
                daemon.is_ready,
                addresses[daemon.name],
                daemon.pid,
            )
            for daemon in self._daemons(name, folder, record)
        ]
        return replace(platform, parts=tuple(parts))


class LocalUsers:
    """ports.platforms.Users: the forge's users; tokens lie below the platform's folder, readable by this machine's user only."""

    def __init__(self, platform: Platform) -> None:
        self._tokens = platform.folder / "tokens"
        self._admin = _administration(platform.folder, platform.forge_url)

    def add(self, login: str, *, name: str = "", email: str = "") -> bool:
        parse_environment_name(login)
        return _ensure_user(
            self._admin, self._tokens, login, name=name or login, email=email or f"{login}@localhost"
        )

    def list_logins(self) -> tuple[str, ...]:
        return tuple(sorted(path.name for path in self._tokens.iterdir() if path.name != VAULT))

    def token(self, login: str) -> str:
        path = self._tokens / login
        if login not in self.list_logins():
            known = ", ".join(self.list_logins())
            raise NotFound(
                f"this platform's forge has no user {login!r}",
                hint=f"users: {known}; jx local user add {login}",
            )
        return path.read_text().strip()


def key_file(keys: Path, folder: Path) -> Path:
    """Where the key of a platform's secret store is: named by the platform's place, so that two never share one."""
    return keys / f"{folder.name}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}.key"


def _daemons(
    name: str, folder: Path, record: _Record, keys: Path, guarded: Path | None
) -> tuple[Daemon, ...]:
    folder = folder.resolve()
    forge, kubernetes, logs = folder / "forge", folder / "kubernetes", folder / "logs"
    vault = folder / "vault"
    vault_command = this_python(
        "-m", "jx.adapters.local.vault", "--dir", str(vault), "--port", str(record.vault_port),
        "--key-file", str(key_file(keys, folder)), "--kubeconfig", str(kubernetes / "admin.kubeconfig"),
    )  # fmt: skip
    forge_command = this_python(
        "-m", "jx.adapters.local.forge", "--dir", str(forge), "--port", str(record.forge_port)
    )
    node_command = this_python(
        "-m", "jx.adapters.local.node", "--dir", str(kubernetes), "--port", str(record.kubernetes_port),
        "--ingress-port", str(record.ingress_port), "--name", f"jx-{name}",
        "--hide", str(folder.parents[1]), "--hide", str(keys),
        *(("--guard", str(guarded)) if guarded else ()),
        *(("--audit-log", str(logs / AUDIT_LOG)) if record.has_audit_log else ()),
    )  # fmt: skip
    return (
        Daemon("forge", forge_command, forge, (record.forge_port,), forge / "lock", logs / "forge.log"),
        Daemon(
            "kubernetes",
            node_command,
            kubernetes,
            (record.kubernetes_port, record.ingress_port),
            kubernetes / "daemon.lock",
            logs / "kubernetes.log",
        ),
        Daemon("vault", vault_command, vault, (record.vault_port,), vault / "lock", logs / "vault.log"),
    )


def _stop_kubernetes(daemons: tuple[Daemon, ...]) -> None:
    """So that its next start is as the record now says."""
    next(daemon for daemon in daemons if daemon.name == "kubernetes").stop()


def _save(folder: Path, record: _Record) -> None:
    draft = folder / "platform.json.new"
    draft.write_text(json.dumps(asdict(record), indent=2) + "\n")
    draft.replace(folder / "platform.json")


def _administration(folder: Path, forge_url: str) -> Administration:
    return Administration(forge_url, (folder / "forge" / "admin.token").read_text().strip())


def _seed_users(folder: Path, record: _Record) -> None:
    admin = _administration(folder, f"http://127.0.0.1:{record.forge_port}")
    tokens = folder / "tokens"
    _ensure_user(admin, tokens, record.owner, name=record.owner_name, email=record.owner_email)
    _ensure_user(admin, tokens, BOT, name="Jenkins X", email=f"{BOT}@localhost")


def _ensure_user(admin: Administration, tokens: Path, login: str, *, name: str, email: str) -> bool:
    tokens.mkdir(mode=0o700, exist_ok=True)
    if (tokens / login).exists():
        return False
    token = admin.create_user(login, name, email)
    draft = tokens.parent / f".token-{login}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token + "\n")
    draft.replace(tokens / login)
    return True


def _this_person() -> tuple[str, str, str]:
    """Login, name and email of who makes the platform: git's configuration, else the operating system's user."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "me"
    login = re.sub(r"[^a-z0-9-]+", "-", user.lower()).strip("-") or "me"
    return login, _git_config("user.name") or user, _git_config("user.email") or f"{login}@localhost"


def _git_config(key: str) -> str:
    try:
        done = subprocess.run(
            ["git", "config", "--get", key], capture_output=True, text=True, check=False, cwd="/"
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _follow(paths: list[Path], lines: int) -> Iterator[str]:
    command = ["tail", "-n", str(lines), "-F", *[str(path) for path in paths]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as tail:
        try:
            yield from (line.rstrip("\n") for line in tail.stdout or ())
        finally:
            tail.terminate()

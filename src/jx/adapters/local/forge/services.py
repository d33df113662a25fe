"""The forge without HTTP: its parts, put together over one folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jx.adapters.local.forge.charts import Charts
from jx.adapters.local.forge.following import Following
from jx.adapters.local.forge.merges import Merges
from jx.adapters.local.forge.protection import Protections
from jx.adapters.local.forge.pulls import Pulls
from jx.adapters.local.forge.pushes import Pushes
from jx.adapters.local.forge.repositories import Repositories
from jx.adapters.local.forge.store import Store
from jx.adapters.local.forge.users import Users
from jx.adapters.local.forge.webhooks import Webhooks

ADMIN = "admin"
ADMIN_TOKEN_FILE = "admin.token"


@dataclass(frozen=True, slots=True)
class Services:
    """All parts of one forge. `url` is where it is reached."""

    folder: Path
    url: str
    store: Store
    users: Users
    repositories: Repositories
    protections: Protections
    hooks: Webhooks
    pulls: Pulls
    pushes: Pushes
    following: Following
    merges: Merges
    charts: Charts


def open_services(folder: Path, *, url: str, now: Callable[[], datetime]) -> Services:
    """The forge that is kept in a folder, made where there is none, and brought up to what git holds."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    store = Store(folder / "forge.db")
    users = Users(store, now)
    repositories = Repositories(folder / "repositories", store, users)
    protections, hooks = Protections(store), Webhooks(store, now)
    pushes = Pushes(store)
    pulls = Pulls(store, users, hooks, url, now, protections, pushes)
    following = Following(store, repositories, pulls)
    merges = Merges(store, repositories, protections, pulls, following)
    charts = Charts(folder / "charts")
    _ensure_admin(users, folder / ADMIN_TOKEN_FILE)
    following.follow_all()
    return Services(
        folder, url, store, users, repositories, protections, hooks, pulls, pushes, following, merges, charts
    )


def _ensure_admin(users: Users, file: Path) -> None:
    """The first user, whose token is in a file; a lost or cut file is written anew, and old tokens end."""
    token = file.read_text().strip() if file.exists() else ""
    user = users.authenticate(token) if token else None
    if user is not None and user.login == ADMIN:
        return
    if users.find(ADMIN) is not None:
        users.revoke(ADMIN)
    token = users.create(ADMIN, "Administrator", "admin@localhost", is_admin=True)
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(token + "\n")
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)

"""Webhooks: signed, delivered to loopback only, by one thread, from rows that survive a kill."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from jx.adapters.local.forge.repositories import Repository
from jx.adapters.local.forge.store import Row, Store
from jx.domain.errors import Invalid, JxError, Problem
from jx.ports.forge import Webhook

log = logging.getLogger("jx.forge.webhooks")

EVENTS = ("push", "pull_request", "pull_request_review", "issue_comment", "status")

_TIMEOUT_SECONDS = 10.0
_KEPT_DELIVERIES = 1000
_PAUSE_AFTER_FAULT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook. `state` is `pending`, `delivered` or `failed`; `answer` what came back last."""

    guid: str
    url: str
    event: str
    state: str
    attempts: int
    answer: str
    created: str


class Webhooks:
    """The webhooks of all repositories, and what is to be delivered to them."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._wake = threading.Event()

    def ensure(self, repo: Repository, hook: Webhook, *, secret: str) -> bool:
        """A webhook to that URL with that secret and those events; whether that changed anything."""
        _check(hook, secret)
        with self._store.transaction() as db:
            changed = db.execute(
                "INSERT INTO hooks (repo, url, secret, events) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (repo, url) DO UPDATE SET secret = excluded.secret, events = excluded.events"
                " WHERE secret != excluded.secret OR events != excluded.events",
                (repo.id, hook.url, secret, " ".join(hook.events)),
            )
            return changed.rowcount > 0

    def list_all(self, repo: Repository) -> tuple[Webhook, ...]:
        """The webhooks of a repository, without their secrets."""
        rows = self._store.rows("SELECT url, events FROM hooks WHERE repo = ? ORDER BY id", repo.id)
        return tuple(Webhook(row["url"], tuple(row["events"].split())) for row in rows)

    def deliveries(self, repo: Repository, *, limit: int = 50) -> tuple[Delivery, ...]:
        """The newest deliveries of a repository, newest first."""
        rows = self._store.rows(
            "SELECT deliveries.*, hooks.url FROM deliveries JOIN hooks ON hooks.id = deliveries.hook"
            " WHERE hooks.repo = ? ORDER BY deliveries.id DESC LIMIT ?",
            repo.id, limit,
        )  # fmt: skip
        names = Delivery.__slots__
        return tuple(Delivery(**{name: row[name] for name in names}) for row in rows)

    def emit(self, repo: Repository, event: str, payload: Mapping[str, Any]) -> None:
        """Queue an event for every webhook that wants it, as part of the transaction that is under way."""
        body = json.dumps(payload, sort_keys=True).encode()
        now = self._now()
        with self._store.transaction() as db:
            for hook in db.execute("SELECT id, events FROM hooks WHERE repo = ?", (repo.id,)).fetchall():
                if event in hook["events"].split():
                    db.execute(
                        "INSERT INTO deliveries (hook, guid, event, payload, state, attempts, due, answer, created)"
                        " VALUES (?, ?, ?, ?, 'pending', 0, ?, '', ?)",
                        (hook["id"], str(uuid.uuid4()), event, body, now.timestamp(), now.isoformat()),
                    )
            db.execute(
                "DELETE FROM deliveries WHERE state != 'pending' AND id <= (SELECT max(id) FROM deliveries) - ?",
                (_KEPT_DELIVERIES,),
            )
        self._wake.set()

    def next_due(self) -> Row | None:
        """The pending delivery that is due first."""
        return self._store.row(
            "SELECT deliveries.*, hooks.url, hooks.secret FROM deliveries JOIN hooks ON hooks.id = deliveries.hook"
            " WHERE state = 'pending' ORDER BY due, deliveries.id LIMIT 1"
        )

    def settle(self, delivery: Row, *, state: str, answer: str, due: float) -> None:
        """Note how an attempt ended."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE deliveries SET state = ?, answer = ?, due = ?, attempts = attempts + 1 WHERE id = ?",
                (state, answer, due, delivery["id"]),
            )

    def wait(self, seconds: float | None) -> None:
        """Wait for an event, or for so many seconds."""
        self._wake.wait(seconds)
        self._wake.clear()

    def wake(self) -> None:
        """End a wait."""
        self._wake.set()


class Deliverer:
    """The thread that delivers. Each event is tried once and then again after each of `pauses` (in seconds)."""

    def __init__(
        self, hooks: Webhooks, now: Callable[[], datetime], *, pauses: tuple[float, ...] = (1.0, 5.0)
    ) -> None:
        self._hooks = hooks
        self._now = now
        self._pauses = pauses
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin, with what was left over from last time."""
        self._thread.start()

    def stop(self) -> None:
        """End after the attempt that is under way; what is pending waits for the next start."""
        self._ending.set()
        self._hooks.wake()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                pause = self._step()
            except JxError as error:
                log.warning("webhooks have to wait: %s", error)
                pause = _PAUSE_AFTER_FAULT_SECONDS
            if pause != 0:
                self._hooks.wait(pause)

    def _step(self) -> float | None:
        """Deliver what is due; how many seconds there is nothing to do then, None for as long as nothing happens."""
        delivery = self._hooks.next_due()
        if delivery is None:
            return None
        pause = float(delivery["due"]) - self._now().timestamp()
        if pause > 0:
            return pause
        self._attempt(delivery)
        return 0

    def _attempt(self, delivery: Row) -> None:
        is_done, answer = _post(delivery)
        state, due = "delivered" if is_done else "failed", 0.0
        if not is_done and delivery["attempts"] < len(self._pauses):
            state, due = "pending", self._now().timestamp() + self._pauses[delivery["attempts"]]
        self._hooks.settle(delivery, state=state, answer=answer, due=due)
        log.info("%s %s to %s: %s (%s)", delivery["event"], delivery["guid"], delivery["url"], answer, state)


def sign(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _post(delivery: Row) -> tuple[bool, str]:
    """Whether the target took it, and what it said. Redirects are not followed: a webhook goes where its owner said."""
    target = urlsplit(delivery["url"])
    body: bytes = delivery["payload"]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "jx-forge",
        "Host": target.netloc,
        "X-GitHub-Event": delivery["event"],
        "X-GitHub-Delivery": delivery["guid"],
        "X-Hub-Signature-256": sign(delivery["secret"], body),
    }
    connection = http.client.HTTPConnection(_address(target), target.port or 80, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(
            "POST", (target.path or "/") + (f"?{target.query}" if target.query else ""), body, headers
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return False, f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    return 200 <= status < 300, f"HTTP {status}"


def _address(target: SplitResult) -> str:
    """The loopback address to connect to. Names are not looked up: what they stand for could change after the check."""
    host = target.hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return host if address.is_loopback else ""


def _check(hook: Webhook, secret: str) -> None:
    problems = []
    try:
        target = urlsplit(hook.url)
        is_ours = target.scheme == "http" and bool(_address(target)) and (target.port or 80) > 0
    except ValueError:
        is_ours = False
    if not is_ours or "@" in hook.url or any(ord(c) <= 32 for c in hook.url):
        problems.append(Problem("url", "http:// and a loopback address, without a login"))
    if not secret:
        problems.append(Problem("secret", "not empty"))
    unknown = [event for event in hook.events if event not in EVENTS]
    if unknown or not hook.events:
        problems.append(Problem("events", f"one or more of {', '.join(EVENTS)}"))
    if problems:
        raise Invalid(f"{hook.url} cannot be a webhook", *problems)

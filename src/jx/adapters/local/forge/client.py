"""The forge's other end: jx.ports.forge over HTTP."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

from jx.adapters.local.forge import wire
from jx.domain.changes.changes import Check, PullRequest, PullState
from jx.domain.errors import NotFound, Unavailable
from jx.domain.names import Person, Repo, Revision
from jx.ports.forge import EVERY_ABILITY, MergeRequest, Offer, Protection, Webhook

_TIMEOUT_SECONDS = 60.0


class _Connection:
    """Calls of one user to one forge."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self.url = url.rstrip("/")
        self.port = parts.port or 80
        self._host = parts.hostname or ""
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer, or the error that it tells of. A body of bytes goes as it is."""
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(self._host, self.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"the forge at {self.url} does not answer: {str(error) or type(error).__name__}",
                hint="`jx local status` tells whether it runs, `jx local start` starts it",
            ) from error
        finally:
            connection.close()
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        if answer.status >= 300 or told is None:
            raise wire.error_from_json(answer.status, told)
        return told

    def repo_path(self, repo: Repo, *parts: str) -> str:
        """Where the API has a repository; NotFound where it is of another forge."""
        if urlsplit(repo.url).port != self.port:
            raise NotFound(f"{repo.url} is not a repository of the forge at {self.url}")
        return _path("repos", repo.owner, repo.name, *parts)


def _path(*parts: str) -> str:
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


class LocalForge:
    """ports.forge.Forge, ForgeReviews and ForgeAdmin of the embedded forge, as the user of a token."""

    abilities = EVERY_ABILITY

    def __init__(self, url: str, token: str) -> None:
        self._forge = _Connection(url, token)

    def whoami(self) -> Person:
        return wire.person_from_json(self._forge.call("GET", _path("user")))

    def propose(self, repo: Repo, offer: Offer) -> PullRequest:
        body = {
            "head": offer.head,
            "base": offer.base,
            "title": offer.title,
            "body": offer.body,
            "labels": list(offer.labels),
        }
        return wire.pull_from_json(self._forge.call("POST", self._forge.repo_path(repo, "pulls"), body))

    def observe(self, repo: Repo, number: int) -> PullRequest:
        return wire.pull_from_json(self._forge.call("GET", self._pull_path(repo, number)))

    def list_pulls(self, repo: Repo, *, state: PullState | None = PullState.OPEN) -> tuple[PullRequest, ...]:
        query = f"?state={state.value if state else 'all'}"
        found = self._forge.call("GET", self._forge.repo_path(repo, "pulls") + query)
        return tuple(wire.pull_from_json(one) for one in found)

    def set_status(self, repo: Repo, revision: Revision, check: Check) -> None:
        path = self._forge.repo_path(repo, "statuses", revision)
        self._forge.call("POST", path, wire.check_to_json(check))

    def comment(self, repo: Repo, number: int, body: str, *, key: str = "") -> None:
        self._forge.call("POST", self._pull_path(repo, number, "comments"), {"body": body, "key": key})

    def approve(self, repo: Repo, number: int, *, revision: Revision, body: str = "") -> None:
        path = self._pull_path(repo, number, "approvals")
        self._forge.call("POST", path, {"revision": revision, "body": body})

    def merge(self, repo: Repo, request: MergeRequest) -> Revision:
        path = self._pull_path(repo, request.number, "merge")
        body = {
            "method": request.method,
            "expected": request.expected,
            "base": request.base,
            "override": request.override,
        }
        answer = self._forge.call("POST", path, body)
        return Revision(answer["revision"])

    def close(self, repo: Repo, number: int) -> None:
        self._forge.call("POST", self._pull_path(repo, number, "close"))

    def ensure_repo(
        self, owner: str, name: str, *, private: bool = True, description: str = ""
    ) -> tuple[Repo, bool]:
        body = {"private": private, "description": description}
        answer = self._forge.call("PUT", _path("repos", owner, name), body)
        return Repo(answer["clone_url"]), bool(answer["changed"])

    def ensure_webhook(self, repo: Repo, hook: Webhook, *, secret: str) -> bool:
        body = {"url": hook.url, "events": list(hook.events), "secret": secret}
        return bool(self._forge.call("PUT", self._forge.repo_path(repo, "hooks"), body)["changed"])

    def list_webhooks(self, repo: Repo) -> tuple[Webhook, ...]:
        found = self._forge.call("GET", self._forge.repo_path(repo, "hooks"))
        return tuple(Webhook(one["url"], tuple(one["events"])) for one in found)

    def ensure_protection(self, repo: Repo, protection: Protection) -> bool:
        body = {
            "approvals": protection.approvals,
            "required_checks": list(protection.required_checks),
            "pushers": None if protection.pushers is None else list(protection.pushers),
            "reporters": None if protection.reporters is None else list(protection.reporters),
        }
        path = self._forge.repo_path(repo, "protections", protection.branch)
        return bool(self._forge.call("PUT", path, body)["changed"])

    def ensure_collaborator(self, repo: Repo, login: str, *, right: str) -> bool:
        path = self._forge.repo_path(repo, "collaborators", login)
        return bool(self._forge.call("PUT", path, {"right": right})["changed"])

    def delete_repo(self, repo: Repo) -> bool:
        try:
            self._forge.call("DELETE", self._forge.repo_path(repo))
        except NotFound:
            return False
        return True

    def _pull_path(self, repo: Repo, number: int, *parts: str) -> str:
        return self._forge.repo_path(repo, "pulls", str(number), *parts)


class Administration:
    """What looks after an embedded forge: its users and its charts. Made with the token of its administrator."""

    def __init__(self, url: str, token: str) -> None:
        self._forge = _Connection(url, token)

    def create_user(self, login: str, name: str, email: str) -> str:
        """Make a user, or renew one's name and email; a fresh token either way, which nobody tells again."""
        body = {"login": login, "name": name, "email": email}
        return str(self._forge.call("POST", _path("users"), body)["token"])

    def revoke_tokens(self, login: str) -> int:
        """Make all tokens of a user worthless; how many there were. NotFound."""
        return int(self._forge.call("DELETE", _path("users", login, "tokens"))["revoked"])

    def list_users(self) -> tuple[Person, ...]:
        """All users, by login."""
        return tuple(wire.person_from_json(one) for one in self._forge.call("GET", _path("users")))

    def put_chart(self, file: str, data: bytes) -> bool:
        """Publish a chart archive; False where it is there. Refused where that version has other content."""
        return bool(self._forge.call("PUT", f"/charts/{quote(file, safe='')}", data)["changed"])

    def deliveries(self, repo: Repo) -> tuple[dict[str, Any], ...]:
        """The newest webhook deliveries of a repository, for people who look for what went wrong."""
        return tuple(self._forge.call("GET", self._forge.repo_path(repo, "deliveries")))

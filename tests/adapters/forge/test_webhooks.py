from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.adapters.forge.conftest import Clone

from jx.domain.changes.changes import Check, CheckState
from jx.domain.errors import Invalid
from jx.ports.forge import MergeRequest, Offer, Webhook

SECRET = "s3cret of the hook"


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["x-github-event"]

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass
class Target:
    """Takes webhooks, and answers with the given statuses in turn, then with 200."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    seen: queue.Queue[Received] = field(default_factory=queue.Queue)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    def next(self) -> Received:
        return self.seen.get(timeout=20)


@contextmanager
def target(*statuses: int) -> Iterator[Target]:
    made = Target(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = made.statuses.pop(0) if made.statuses else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{made.port}/elsewhere")
            self.end_headers()
            made.seen.put(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def hook(clone: Clone, made: Target, events: Sequence[str] = ("push", "pull_request")) -> None:
    clone.users.forge("ann").ensure_webhook(clone.repo, Webhook(made.url, tuple(events)), secret=SECRET)


def test_a_push_is_told_and_signed(clone: Clone) -> None:
    with target() as made:
        hook(clone, made)
        before = clone.git("rev-parse", "HEAD")
        after = clone.commit("b", "2")
        clone.git("push", "-q", "origin", "HEAD:master")
        seen = made.next()
    assert seen.event == "push"
    assert seen.headers["host"] == f"127.0.0.1:{made.port}"
    assert len(seen.headers["x-github-delivery"]) == 36
    expected = "sha256=" + hmac.new(SECRET.encode(), seen.body, hashlib.sha256).hexdigest()
    assert seen.headers["x-hub-signature-256"] == expected
    told = seen.payload
    assert (told["ref"], told["before"], told["after"]) == ("refs/heads/master", before, after)
    assert told["repository"]["full_name"] == clone.repo.full_name
    assert told["repository"]["clone_url"] == clone.repo.url
    assert told["pusher"]["name"] == "ann"


def test_a_pull_request_is_told_from_its_opening_to_its_merge(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "topic")
    clone.commit("b", "2")
    clone.git("push", "-q", "origin", "topic")
    ann = clone.users.forge("ann")
    with target() as made:
        hook(clone, made)
        ann.propose(clone.repo, Offer("topic", "master", "Topic", ""))
        opened = made.next()
        head = clone.commit("b", "3")
        clone.git("push", "-q", "origin", "topic")
        pushed, renewed = made.next(), made.next()
        merged_as = ann.merge(clone.repo, MergeRequest(1))
        landed, closed = made.next(), made.next()
    assert (opened.event, opened.payload["action"]) == ("pull_request", "opened")
    assert pushed.payload["ref"] == "refs/heads/topic"
    assert (renewed.payload["action"], renewed.payload["pull_request"]["head"]["sha"]) == (
        "synchronize",
        head,
    )
    assert (landed.event, landed.payload["after"]) == ("push", merged_as)
    assert (closed.payload["action"], closed.payload["pull_request"]["merged"]) == ("closed", True)


def test_only_wanted_events_are_sent(clone: Clone) -> None:
    with target() as made:
        hook(clone, made, ["status"])
        clone.commit("b", "2")
        clone.git("push", "-q", "origin", "HEAD:master")
        head = clone.users.repos("ann", clone.path.parent / "cache").head(clone.repo, "master")
        assert head is not None
        clone.users.forge("ann").set_status(clone.repo, head, Check("jx/apply", CheckState.SUCCESS))
        assert made.next().event == "status"


def test_a_failed_delivery_is_repeated_with_the_same_name(clone: Clone) -> None:
    with target(500) as made:
        hook(clone, made)
        clone.commit("b", "2")
        clone.git("push", "-q", "origin", "HEAD:master")
        first, second = made.next(), made.next()
    assert first.headers["x-github-delivery"] == second.headers["x-github-delivery"]
    assert first.body == second.body


def test_a_redirect_is_not_followed(clone: Clone) -> None:
    with target(302) as made:
        hook(clone, made)
        clone.commit("b", "2")
        clone.git("push", "-q", "origin", "HEAD:master")
        assert [made.next().path, made.next().path] == ["/hook?a=b", "/hook?a=b"]


def test_deliveries_are_listed_without_their_secret(clone: Clone) -> None:
    with target() as made:
        hook(clone, made)
        clone.commit("b", "2")
        clone.git("push", "-q", "origin", "HEAD:master")
        made.next()
        found = _deliveries(clone)
    assert [one["event"] for one in found] == ["push"]
    assert SECRET not in json.dumps(found)


def _deliveries(clone: Clone) -> Any:
    from jx.adapters.local.forge.client import Administration

    return Administration(clone.users.daemon.url, clone.users.tokens["ann"]).deliveries(clone.repo)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "http://10.0.0.1/hook",
        "https://127.0.0.1/hook",
        "http://user:pass@127.0.0.1/hook",
        "http://127.0.0.1:99999/hook",
        "http://127.0.0.1:80/a b",
        "file:///etc/passwd",
        "http://0.0.0.0/",
    ],
)
def test_a_webhook_stays_on_this_machine(clone: Clone, url: str) -> None:
    with pytest.raises(Invalid) as refused:
        clone.users.forge("ann").ensure_webhook(clone.repo, Webhook(url), secret=SECRET)
    assert SECRET not in str(refused.value)


def test_a_webhook_has_a_secret_and_known_events(clone: Clone) -> None:
    ann = clone.users.forge("ann")
    with pytest.raises(Invalid):
        ann.ensure_webhook(clone.repo, Webhook("http://127.0.0.1:9/"), secret="")
    with pytest.raises(Invalid):
        ann.ensure_webhook(clone.repo, Webhook("http://127.0.0.1:9/", ("everything",)), secret=SECRET)

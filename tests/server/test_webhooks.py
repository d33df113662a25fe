"""The webhook receiver: only signed deliveries become keys, and a key is all that they become."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from jx.domain.errors import Unavailable
from jx.domain.events import Event
from jx.domain.platforms import verifying
from jx.server.webhooks import Delivery, Receiver

SECRET = "s3cret-of-the-hook"
BODY = json.dumps(
    {"repository": {"full_name": "acme/environment-jx-dev"}, "ref": "refs/heads/master"}
).encode()


class Heard:
    def __init__(self) -> None:
        self.keys: list[str] = []
        self.is_down = False

    def tell(self, key: str) -> None:
        if self.is_down:
            raise Unavailable("no API server")
        self.keys.append(key)

    def listen(self, *, within: timedelta) -> Iterator[str]:
        return iter(())


class Told:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def delivery(
    body: bytes = BODY, signature: str | None = None, event: str = "push", number: str = "1"
) -> Delivery:
    return Delivery(event, number, sign(body) if signature is None else signature, body)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def receiver(heard: Heard, secret: str = SECRET) -> Receiver:
    return Receiver(heard, Told(), secret=secret)


def test_a_signed_event_becomes_a_key(heard: Heard) -> None:
    assert receiver(heard).receive(delivery())[0] == 202
    assert heard.keys == ["repo:acme/environment-jx-dev"]


COMMIT = "1" * 40


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"ref": "refs/heads/main", "after": COMMIT}, f"push:acme/shop@{COMMIT} refs/heads/main"),
        ({"ref": "refs/tags/v1.2.3", "after": COMMIT}, f"push:acme/shop@{COMMIT} refs/tags/v1.2.3"),
        ({"ref": "refs/heads/main", "after": "0" * 40, "deleted": True}, ""),
        ({"ref": "refs/heads/ma in", "after": COMMIT}, ""),
        ({"ref": "refs/heads/main", "after": "HEAD"}, ""),
        ({"ref": "refs/notes/commits", "after": COMMIT}, ""),
        ({"ref": ["refs/heads/main"], "after": {}}, ""),
        ({"action": "synchronize", "after": COMMIT}, ""),
    ],
)
def test_what_was_pushed_is_told_before_its_repository(
    heard: Heard, event: dict[str, object], key: str
) -> None:
    body = json.dumps({"repository": {"full_name": "acme/shop"}, **event}).encode()
    assert receiver(heard).receive(delivery(body))[0] == 202
    assert heard.keys == [*([key] if key else []), "repo:acme/shop"]


def test_a_check_that_has_only_begun_is_nothing_to_look_at(heard: Heard) -> None:
    there = receiver(heard)
    for number, state in enumerate(("pending", "success", "failure", "error")):
        body = json.dumps({"repository": {"full_name": "acme/dev"}, "state": state}).encode()
        status, _ = there.receive(delivery(body, event="status", number=str(number)))
        assert status == (200 if state == "pending" else 202)
    assert heard.keys == ["repo:acme/dev"] * 3


@pytest.mark.parametrize(
    "signature",
    [
        *("", "sha256=", "sha256=00", sign(BODY, "another"), sign(b"other body")),
        *("sha256=\xe9", "sha256=\udce9", sign(BODY).upper(), sign(BODY) + " ", "sha1=" + sign(BODY)[7:]),
    ],
)
def test_an_unsigned_or_wrongly_signed_event_is_refused(heard: Heard, signature: str) -> None:
    assert receiver(heard).receive(delivery(signature=signature))[0] == 401
    assert heard.keys == []


def test_a_receiver_without_a_secret_trusts_nobody(heard: Heard) -> None:
    assert receiver(heard, secret="").receive(delivery(signature=sign(BODY, "")))[0] == 401
    assert heard.keys == []


def test_a_replayed_delivery_does_nothing(heard: Heard) -> None:
    one = receiver(heard)
    assert one.receive(delivery(number="7"))[0] == 202
    assert one.receive(delivery(number="7"))[0] == 200
    assert len(heard.keys) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        pytest.param(b"[" * 100_000, id="deep"),
        b'{"repository": {"full_name": 3}}',
    ],
)
def test_an_event_that_names_no_repository_is_a_bad_request(heard: Heard, body: bytes) -> None:
    assert receiver(heard).receive(delivery(body))[0] == 400
    assert heard.keys == []


def test_deliveries_without_a_number_are_no_replays_of_each_other(heard: Heard) -> None:
    one = receiver(heard)
    assert [one.receive(delivery(number=""))[0] for _ in range(2)] == [202, 202]


def test_where_the_controllers_cannot_be_told_the_forge_is_asked_to_try_again(heard: Heard) -> None:
    one = receiver(heard)
    heard.is_down = True
    assert one.receive(delivery(number="9"))[0] == 503
    heard.is_down = False
    assert one.receive(delivery(number="9"))[0] == 202


def test_no_message_holds_the_secret() -> None:
    told = Told()
    one = Receiver(Heard(), told, secret=SECRET)
    one.receive(delivery())
    one.receive(delivery(signature="sha256=00"))
    assert told.events
    assert all(SECRET not in event.message for event in told.events)


def test_an_event_of_verification_becomes_a_key_with_its_number_and_nothing_else(heard: Heard) -> None:
    number = "0123456789abcdef"
    good = delivery(verifying.body_of(number), event=verifying.EVENT)
    assert receiver(heard).receive(good)[0] == 202
    assert [verifying.number_of(key) for key in heard.keys] == [number]
    bad = delivery(b'{"verify": "../../etc"}', event=verifying.EVENT, number="2")
    assert receiver(heard).receive(bad)[0] == 400
    assert receiver(heard).receive(replace(good, signature="sha256=00"))[0] == 401
    assert len(heard.keys) == 1

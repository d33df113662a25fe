"""What can be wrong with a store: one clear message each, with what to do next, and never a value."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support import vaults
from tests.support.worlds import World, environment_tree

from jx.adapters.local.listening import listen
from jx.adapters.vault.access import Token, VaultAccess
from jx.adapters.vault.client import Client
from jx.adapters.vault.store import VaultSecrets
from jx.cli import exit_codes
from jx.domain.errors import Forbidden, Invalid, JxError, NotFound, Unavailable

VALUE = "hunter2-and-more"
SECRET = (
    "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: {{ .Values.password }}}\n"
)
NEEDS_VAULT = pytest.mark.skipif(vaults.real_access() is None, reason="JX_TEST_VAULT_ADDR names no Vault")


@pytest.fixture(params=["embedded", pytest.param("vault", marks=NEEDS_VAULT)])
def access(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VaultAccess]:
    if request.param == "embedded":
        with vaults.embedded_store(tmp_path / "vault") as access:
            yield access
        return
    real = vaults.real_access()
    assert real is not None
    yield real


class Platform:
    """An environment of a name of its own that refers to one secret, `NAME/db:password` on line 2 of its app's values."""

    def __init__(self, access: VaultAccess) -> None:
        self.name = f"t{secrets.token_hex(5)}"
        self.path = f"{self.name}/db"
        self.world = World(secrets=VaultSecrets(access))  # type: ignore[arg-type]
        self.world.offer("shop", "1.0.0", secret=SECRET)

    def fails(self, kind: type[JxError], *, path: str = "", key: str = "password") -> tuple[str, str, int]:
        """Message, hint and exit code of an apply."""
        tree = environment_tree({"shop": "1.0.0"}, name=self.name)
        values = f"# here is a secret\npassword: vault:{path or self.path}:{key}\n"
        self.world.commit(tree.put("env/shop/values.yaml", values))
        with pytest.raises(kind) as caught:
            self.world.apply_head()
        error = caught.value
        assert not [one for one in self.world.cluster.requests if one[0] == "send"]
        assert VALUE not in f"{error.message} {error.hint} {error!r} {self.world.reporter.text}"
        return error.message, error.hint, exit_codes.code_of(error)


def _place(platform: Platform, *, path: str = "") -> str:
    return f"env/shop/values.yaml:2: vault:{path or platform.path}:password"


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[VaultAccess]:
    """A server that answers everything in one way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield VaultAccess(f"http://127.0.0.1:{server.server_address[1]}", Token("t"), timeout_seconds=0.2)
    finally:
        server.shutdown()
        server.server_close()


def test_a_store_that_is_down() -> None:
    with listen(0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    platform = Platform(VaultAccess(url, Token("t")))
    message, hint, code = platform.fails(Unavailable)
    assert message == f"Vault at {url[7:]} cannot be reached\n{_place(platform)}"
    assert hint.startswith("check that it runs, and its address; what needs no secret")
    assert "--allow missing-secrets" in hint
    assert code == exit_codes.TRY_AGAIN


@pytest.mark.parametrize("body", [{"errors": ["Vault is sealed"]}, {"errors": []}])
def test_a_store_that_is_sealed(body: Any) -> None:
    def sealed(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(503)
        handler.end_headers()
        handler.wfile.write(json.dumps(body).encode())

    with answering(sealed) as access:
        platform = Platform(access)
        message, hint, code = platform.fails(Unavailable)
        assert message == f"Vault at {access.url[7:]} is sealed\n{_place(platform)}"
        assert hint.startswith("unseal it, or wait for its unsealer")
        assert code == exit_codes.TRY_AGAIN


def test_a_store_that_is_silent() -> None:
    over = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        over.wait(60)

    with answering(silent) as access:
        platform = Platform(access)
        message, hint, code = platform.fails(Unavailable)
        over.set()
        assert message == f"Vault at {access.url[7:]} did not answer within 0.2 s\n{_place(platform)}"
        assert hint.startswith("try again later")
        assert code == exit_codes.TRY_AGAIN


def test_a_store_that_answers_drop_by_drop() -> None:
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b" ")

    with answering(drip) as access:
        message, _, _ = Platform(access).fails(Unavailable)
        over.set()
        assert "did not answer within 0.2 s" in message


def test_a_path_that_the_login_may_not_read(access: VaultAccess) -> None:
    platform = Platform(access)
    VaultSecrets(access).write(platform.path, {"password": VALUE})
    platform.world.secrets = VaultSecrets(replace(access, login=_limited(access, platform.name)))  # type: ignore[assignment]
    message, hint, code = platform.fails(Forbidden)
    first, *rest = message.splitlines()
    assert first.startswith(f"Vault at {access.url[7:]} forbids GET secret/data/{platform.path}: ")
    assert rest == [_place(platform)]
    assert hint.startswith("its policies have to allow that")
    assert code == exit_codes.FAILED


def test_a_token_that_nobody_knows_any_more(access: VaultAccess) -> None:
    platform = Platform(access)
    platform.world.secrets = VaultSecrets(replace(access, login=Token("s.nobody-gave-this")))  # type: ignore[assignment]
    message, hint, code = platform.fails(Forbidden)
    assert message.splitlines() == [
        f"Vault at {access.url[7:]} does not know the token that is used, or it has ended",
        _place(platform),
    ]
    assert hint.startswith("get a new one (vault login), and set VAULT_TOKEN")
    assert code == exit_codes.FAILED


def test_a_path_that_is_a_folder(access: VaultAccess) -> None:
    platform = Platform(access)
    VaultSecrets(access).write(f"{platform.path}/primary", {"password": VALUE})
    message, hint, code = platform.fails(Invalid)
    assert message.splitlines() == [
        f"{platform.path} of Vault at {access.url} is a folder, not a secret",
        _place(platform),
    ]
    assert hint == "name a secret in it"
    assert code == exit_codes.INVALID


def test_a_key_that_is_missing(access: VaultAccess) -> None:
    platform = Platform(access)
    VaultSecrets(access).write(platform.path, {"pass": VALUE})
    message, hint, code = platform.fails(NotFound)
    assert message.splitlines() == [
        f"1 secret is missing in Vault at {access.url}:",
        f"env/shop/values.yaml:2: {platform.path} has no key password",
    ]
    assert hint == f"jx edit secret {platform.path} --key password"
    assert code == exit_codes.NOT_FOUND


def test_a_path_that_is_missing(access: VaultAccess) -> None:
    platform = Platform(access)
    message, _, code = platform.fails(NotFound)
    assert f"env/shop/values.yaml:2: there is nothing at {platform.path} (key password)" in message
    assert code == exit_codes.NOT_FOUND


def _limited(access: VaultAccess, name: str) -> Token:
    """A token that may do nothing."""
    owner = Client(access)
    owner.ask(
        "PUT",
        f"sys/policies/acl/{name}",
        {"policy": json.dumps({"path": {"secret/data/none": {"capabilities": ["read"]}}})},
    )
    made = owner.ask("POST", "auth/token/create", {"policies": [name], "ttl": "1h"})
    assert made is not None
    return Token(made["auth"]["client_token"])

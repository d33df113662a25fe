"""Requests over the wire: TLS, credentials, kept connections, repeats."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.support.kubernetes import Authority, QuickClock, Reply, ScriptedServer, Seen, status

from jx.adapters.kubernetes.access import BearerToken, ClientCertificate, ExecPlugin, TokenFile
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api
from jx.domain.errors import Forbidden, Invalid, Stale, Unavailable

Serve = Callable[..., tuple[ScriptedServer, Api]]
OBJECT: dict[str, Any] = {"kind": "ConfigMap", "metadata": {"name": "x", "resourceVersion": "1"}}


def ok(_: Seen) -> Reply:
    return Reply(body=OBJECT)


def in_turn(*replies: Reply) -> Callable[[Seen], Reply]:
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_one_connection_serves_many_requests(serve: Serve) -> None:
    server, api = serve(ok)
    for _ in range(5):
        api.get(CONFIG_MAPS, "jx", "x")
    assert len({seen.connection for seen in server.seen}) == 1


def test_a_token_is_sent_in_the_header_and_shown_nowhere(serve: Serve) -> None:
    server, api = serve(lambda _: status(403, "Forbidden", "no"), BearerToken("s3cr3t"))
    with pytest.raises(Exception) as caught:
        api.get(CONFIG_MAPS, "jx", "x")
    assert server.seen[0].headers["authorization"] == "Bearer s3cr3t"
    assert "s3cr3t" not in repr(caught.value) + repr(api.access)


def test_a_client_certificate_comes_from_memory_and_leaves_no_file(
    serve: Serve, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    server, api = serve(ok, ClientCertificate(*authority.issue("ann")))
    api.get(CONFIG_MAPS, "jx", "x")
    assert server.seen[0].peer == "ann"
    assert not list((tmp_path / "temporary").iterdir())


def test_a_renewed_token_file_is_read_again_when_the_old_token_is_refused(
    serve: Serve, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")

    def answer(seen: Seen) -> Reply:
        is_new = seen.headers["authorization"] == "Bearer new"
        return Reply(body=OBJECT) if is_new else status(401, "Unauthorized", "Unauthorized")

    _, api = serve(answer, TokenFile(str(token)))
    with pytest.raises(Forbidden, match="does not accept the credentials"):
        api.get(CONFIG_MAPS, "jx", "x")
    token.write_text("new\n")
    api.get(CONFIG_MAPS, "jx", "x")


def test_an_exec_plugin_is_asked_once_and_again_when_its_credential_runs_out(
    serve: Serve, tmp_path: Path, clock: QuickClock
) -> None:
    calls = tmp_path / "calls"
    script = tmp_path / "plugin.py"
    script.write_text(
        "import json, os, pathlib, sys\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        f"calls = pathlib.Path({str(calls)!r})\n"
        "calls.write_text((calls.read_text() if calls.exists() else '') + sys.argv[1] + os.environ['REGION'])\n"
        "assert sys.stdin.read() == '' and info['spec']['interactive'] is False\n"
        "status = {'token': 'from-plugin', 'expirationTimestamp': '2026-11-01T12:10:00Z'}\n"
        "print(json.dumps({'apiVersion': info['apiVersion'], 'kind': 'ExecCredential', 'status': status}))\n"
    )
    argv = (sys.executable, str(script), "a")
    plugin = ExecPlugin("client.authentication.k8s.io/v1", argv, {"REGION": "b"})
    server, api = serve(ok, plugin)
    api.get(CONFIG_MAPS, "jx", "x")
    api.get(CONFIG_MAPS, "jx", "x")
    assert server.seen[0].headers["authorization"] == "Bearer from-plugin"
    assert calls.read_text() == "ab"
    clock.time = clock.time.replace(minute=9, second=45)
    api.get(CONFIG_MAPS, "jx", "x")
    assert calls.read_text() == "abab"


def test_a_failing_exec_plugin_is_told_with_its_last_words(serve: Serve) -> None:
    argv = (sys.executable, "-c", "import sys; sys.exit('token has expired, log in')")
    plugin = ExecPlugin("client.authentication.k8s.io/v1", argv, install_hint="get it from your cloud")
    _, api = serve(ok, plugin)
    with pytest.raises(Forbidden, match="log in") as caught:
        api.get(CONFIG_MAPS, "jx", "x")
    assert caught.value.hint == "get it from your cloud"


def test_an_unknown_authority_is_refused_with_a_hint(authority: Authority, serve: Serve) -> None:
    _, api = serve(ok, ca=Authority.make().pem)
    with pytest.raises(Invalid, match="not to be trusted") as caught:
        api.get(CONFIG_MAPS, "jx", "x")
    assert "certificate-authority" in caught.value.hint


def test_another_name_of_the_server_is_accepted_only_when_the_kubeconfig_names_it(
    authority: Authority, serve: Serve
) -> None:
    _, named = serve(ok, tls_server_name="kubernetes")
    named.get(CONFIG_MAPS, "jx", "x")
    _, misnamed = serve(ok, tls_server_name="elsewhere")
    with pytest.raises(Invalid, match="not to be trusted"):
        misnamed.get(CONFIG_MAPS, "jx", "x")


def test_an_unchecked_certificate_is_taken_when_the_kubeconfig_says_so(serve: Serve) -> None:
    _, api = serve(ok, ca="", is_insecure=True)
    api.get(CONFIG_MAPS, "jx", "x")


def test_a_dropped_connection_is_repeated_for_a_read_and_told_for_a_create(
    serve: Serve, clock: QuickClock
) -> None:
    _, api = serve(in_turn(Reply(drop=True), Reply(body=OBJECT)))
    assert api.get(CONFIG_MAPS, "jx", "x") == OBJECT
    server, api = serve(lambda _: Reply(drop=True))
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
        api.create(CONFIG_MAPS, "jx", OBJECT)
    assert len(server.seen) == 1
    assert caught.value.hint


def test_a_server_that_is_not_there_is_told_with_its_host(serve: Serve) -> None:
    server, _ = serve(ok)
    gone = Api.connect(server.access(), QuickClock())
    server.__exit__()
    with pytest.raises(Unavailable, match=rf"127\.0\.0\.1:{server.port}.*context test.*refused"):
        gone.get(CONFIG_MAPS, "jx", "x")


def test_the_server_says_how_long_to_wait_but_not_for_ever(serve: Serve, clock: QuickClock) -> None:
    busy = Reply(429, {}, {"Retry-After": "3"})
    _, api = serve(in_turn(busy, Reply(503, {}, {"Retry-After": "86400"}), Reply(body=OBJECT)))
    api.get(CONFIG_MAPS, "jx", "x")
    assert clock.waited == [3.0, 10.0]


def test_a_create_is_repeated_after_429_since_nothing_was_done(serve: Serve) -> None:
    server, api = serve(in_turn(Reply(429, {}, {"Retry-After": "1"}), Reply(201, OBJECT)))
    api.create(CONFIG_MAPS, "jx", OBJECT)
    assert len(server.seen) == 2


def test_a_server_that_stays_busy_is_unavailable(serve: Serve) -> None:
    server, api = serve(lambda _: status(503, "ServiceUnavailable", "etcd is down"))
    with pytest.raises(Unavailable, match="etcd is down"):
        api.get(CONFIG_MAPS, "jx", "x")
    assert len(server.seen) == 5


def test_waiting_for_a_busy_server_ends_when_the_process_is_to_end(
    authority: Authority, serve: Serve
) -> None:
    class Ending(QuickClock):
        def wait(self, duration: object) -> bool:
            return True

    server, _ = serve(lambda _: Reply(429, {}))
    api = Api.connect(server.access(), Ending())
    with pytest.raises(Unavailable, match="is to end"):
        api.get(CONFIG_MAPS, "jx", "x")
    api.close()


def test_proxies_of_the_environment_are_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    _, api = serve(ok)
    api.get(CONFIG_MAPS, "jx", "x")


def test_impersonation_goes_with_each_request(serve: Serve) -> None:
    server, api = serve(ok, impersonation=(("Impersonate-User", "bob"),))
    api.get(CONFIG_MAPS, "jx", "x")
    assert server.seen[0].headers["impersonate-user"] == "bob"


def test_names_cannot_leave_their_place_in_the_path(serve: Serve) -> None:
    server, api = serve(ok)
    api.get(CONFIG_MAPS, "jx", "../secrets?x=1#")
    assert server.seen[0].path == "/api/v1/namespaces/jx/configmaps/..%2Fsecrets%3Fx%3D1%23"


def test_a_long_list_is_read_page_by_page_and_anew_when_it_took_too_long(serve: Serve) -> None:
    pages = {
        "limit=500": Reply(body={"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "n"}}),
        "limit=500&continue=n": status(410, "Expired", "too old"),
        "": Reply(
            body={"items": [{"metadata": {"name": n}} for n in "ab"], "metadata": {"resourceVersion": "7"}}
        ),
    }
    _, api = serve(lambda seen: pages[seen.path.partition("?")[2]])
    items, version = api.list_pages(CONFIG_MAPS, "jx")
    assert [item["metadata"]["name"] for item in items] == ["a", "b"]
    assert {item["kind"] for item in items} == {"ConfigMap"}
    assert version == "7"


def test_something_that_is_no_kubernetes_api_is_told(serve: Serve) -> None:
    _, api = serve(lambda _: Reply(body=b"<html>log in</html>"))
    with pytest.raises(Unavailable, match="something else"):
        api.get(CONFIG_MAPS, "jx", "x")


def test_a_watch_on_a_forgotten_version_is_stale(serve: Serve) -> None:
    _, api = serve(lambda _: status(410, "Expired", "too old resource version"))
    with pytest.raises(Stale):
        api.watch(CONFIG_MAPS, "jx", {"resourceVersion": "1"})


WITHIN = timedelta(seconds=10)


def send_within(api: Api) -> None:
    api.apply(CONFIG_MAPS, "jx", OBJECT, query={"fieldManager": "jx"}, within=WITHIN)


def test_the_server_is_told_how_long_a_request_may_take_and_each_attempt_has_what_is_left(
    serve: Serve,
) -> None:
    server, api = serve(in_turn(Reply(429, {}, {"Retry-After": "4"}), ok(None)))  # type: ignore[arg-type]
    send_within(api)
    limits = [dict(parse_qsl(urlsplit(seen.path).query))["timeout"] for seen in server.seen]
    assert limits == ["10.0s", "6.0s"]


def test_a_server_that_holds_back_is_obeyed_for_as_long_as_the_request_may_take(serve: Serve) -> None:
    server, api = serve(lambda _: Reply(429, {}, {"Retry-After": "1"}))
    with pytest.raises(Unavailable, match="left alone"):
        send_within(api)
    assert len(server.seen) == 10


def test_an_answer_that_comes_too_late_is_not_waited_for(serve: Serve) -> None:
    stuck = threading.Event()

    def answer(_: Seen) -> Reply:
        stuck.wait(10)
        return Reply(body=OBJECT)

    server, api = serve(answer)
    with pytest.raises(Unavailable, match="timed out"):
        api.apply(CONFIG_MAPS, "jx", OBJECT, query={}, within=timedelta(seconds=0.2))
    stuck.set()
    assert len(server.seen) == 1

"""Charts from the network: what is trusted, what is told to whom, and what works without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support.helm import Answer, Request, Server, basic, publish, push, serving, simple_chart

from jx.adapters.helm.archives import pack
from jx.adapters.helm.catalog import HelmCatalog
from jx.adapters.helm.download import Downloader
from jx.adapters.helm.index import index_url, parse_index, resolve_url
from jx.adapters.helm.index_sections import find_sections
from jx.adapters.local.memory_catalog import make_chart
from jx.domain.charts import logins
from jx.domain.charts.charts import ChartRef
from jx.domain.charts.logins import Login
from jx.domain.errors import Forbidden, Invalid, JxError, NotFound, Refused, Unavailable

REDIS = simple_chart("redis", "1.2.0")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def catalog(tmp_path: Path) -> HelmCatalog:
    return HelmCatalog(tmp_path / "cache", timeout=5)


def test_an_exact_version_that_was_fetched_before_needs_no_network(catalog: HelmCatalog) -> None:
    with serving() as server:
        ref = ChartRef("redis", publish(server, REDIS), "1.2.0")
        fetched = catalog.fetch(replace(ref, version="^1"))

    assert catalog.fetch(ref) == fetched
    assert catalog.resolve(ref).digest == fetched.digest


def test_a_range_needs_the_network_and_says_so(catalog: HelmCatalog) -> None:
    with serving() as server:
        ref = ChartRef("redis", publish(server, REDIS), "^1")
        catalog.fetch(ref)

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
        catalog.resolve(ref)

    assert "exact version" in caught.value.hint


def test_a_damaged_cache_counts_as_empty(catalog: HelmCatalog, server: Server, tmp_path: Path) -> None:
    ref = ChartRef("redis", publish(server, REDIS), "1.2.0")
    fetched = catalog.fetch(ref)
    for path in (tmp_path / "cache").rglob("*.*"):
        path.write_bytes(b"{")

    assert catalog.fetch(ref) == fetched


def test_an_index_that_has_not_changed_is_not_sent_again(catalog: HelmCatalog, server: Server) -> None:
    ref = ChartRef("redis", publish(server, REDIS))
    first = catalog.versions(ref)

    assert catalog.versions(ref) == first
    assert server.requests[-1].headers["If-None-Match"]


def test_a_republished_version_with_another_digest_is_seen_by_whoever_has_not_fetched_it(
    catalog: HelmCatalog, server: Server
) -> None:
    ref = ChartRef("redis", publish(server, REDIS), "1.2.0")
    old = catalog.fetch(ref)
    publish(server, simple_chart("redis", "1.2.0", other=True))

    assert catalog.fetch(ref) == old
    assert catalog.resolve(ref).digest != old.digest


def test_an_archive_that_is_not_what_the_index_says_is_refused(catalog: HelmCatalog, server: Server) -> None:
    ref = ChartRef("redis", publish(server, REDIS), "1.2.0")
    server.answers["/charts/archives/redis-1.2.0.tgz"] = Answer(
        pack("redis", simple_chart("redis", "1.2.0", x=1).files)
    )

    with pytest.raises(Invalid, match="not what the index"):
        catalog.fetch(ref)


def test_an_archive_of_another_chart_is_refused(catalog: HelmCatalog, server: Server) -> None:
    ref = ChartRef("redis", publish(server, REDIS, digests=False), "1.2.0")
    other = make_chart("evil", "1.2.0")
    server.answers["/charts/archives/redis-1.2.0.tgz"] = Answer(pack("redis", other.files))

    with pytest.raises(Invalid) as caught:
        catalog.fetch(ref)

    assert "evil" in str(caught.value.problems[0])


PASSWORD = "s3cr3t-canary"


def _private(tmp_path: Path, url: str) -> tuple[HelmCatalog, Login]:
    """A catalog with a store that has a login for that address."""
    login = Login(url, logins.place("dev", url))
    values = logins.stored(url, "ann", PASSWORD)
    return HelmCatalog(tmp_path / "cache", open_login=lambda one: logins.opened(one, values)), login


def _guarded(server: Server, *, challenge: str = "") -> None:
    """Let a server answer to whoever logs in."""
    for path, found in list(server.answers.items()):

        def check(request: Request, found: Answer | Callable[[Request], Answer] = found) -> Answer:
            if request.headers.get("Authorization") != basic("ann", PASSWORD):
                return Answer(status=401, headers={"WWW-Authenticate": challenge} if challenge else {})
            return found if isinstance(found, Answer) else found(request)

        server.answers[path] = check


def test_a_login_goes_to_its_own_host_and_no_further(tmp_path: Path, server: Server) -> None:
    with serving() as other:
        repository = publish(server, REDIS)
        moved = server.answers.pop("/charts/archives/redis-1.2.0.tgz")
        other.answers["/elsewhere.tgz"] = moved
        target = other.url.replace("127.0.0.1", "localhost") + "/elsewhere.tgz"
        server.answers["/charts/archives/redis-1.2.0.tgz"] = Answer(status=302, headers={"Location": target})
        catalog, login = _private(tmp_path, repository)

        catalog.fetch(ChartRef("redis", repository, "1.2.0", login))

        asked = {request.headers.get("Authorization") for request in server.requests}
        assert asked == {basic("ann", PASSWORD)}
        assert [request.headers.get("Authorization") for request in other.requests] == [None]


def test_a_private_repository_opens_to_its_login_and_no_file_of_the_cache_has_it(
    tmp_path: Path, server: Server
) -> None:
    repository = publish(server, REDIS)
    _guarded(server)
    catalog, login = _private(tmp_path, repository)
    with pytest.raises(Forbidden) as caught:
        catalog.fetch(ChartRef("redis", repository, "1.2.0"))
    assert "jx add login" in caught.value.hint
    assert catalog.fetch(ChartRef("redis", repository, "1.2.0", login)).version == "1.2.0"
    header = basic("ann", PASSWORD).removeprefix("Basic ").encode()
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [data for data in files if PASSWORD.encode() in data or header in data]


def test_a_login_that_is_refused_is_told_without_it(tmp_path: Path, server: Server) -> None:
    repository = publish(server, REDIS)
    server.answers["/charts/index.yaml"] = Answer(status=401)
    catalog, login = _private(tmp_path, repository)
    with pytest.raises(Forbidden) as caught:
        catalog.versions(ChartRef("redis", repository, "", login))
    assert PASSWORD not in f"{caught.value.message}{caught.value.hint}"
    assert caught.value.hint.startswith(
        "it was asked with the login that is kept for it; to keep another: jx add login"
    )


def test_a_login_for_a_registry_is_exchanged_for_a_token_there(tmp_path: Path, server: Server) -> None:
    repository = push(server, REDIS, token="bearer-token")
    token = server.answers.pop("/token")
    server.answers = {"/token": token} | server.answers
    guard = dict(server.answers)
    server.answers = {"/token": token}
    _guarded(server)
    server.answers = {**guard, "/token": server.answers["/token"]}
    with pytest.raises(Forbidden):
        HelmCatalog(tmp_path / "other").versions(ChartRef("redis", repository))
    catalog, login = _private(tmp_path, repository)
    assert catalog.fetch(ChartRef("redis", repository, "1.2.0", login)).version == "1.2.0"


def test_a_registry_that_sends_us_elsewhere_for_its_token_does_not_get_the_login_there(
    tmp_path: Path, server: Server
) -> None:
    with serving() as other:
        repository = push(server, REDIS)
        challenge = f'Bearer realm="{other.url}/token",service="x"'
        for path in list(server.answers):
            server.answers[path] = Answer(status=401, headers={"WWW-Authenticate": challenge})
        other.answers["/token"] = Answer(status=401)
        catalog, login = _private(tmp_path, repository)
        with pytest.raises(Forbidden):
            catalog.versions(ChartRef("redis", repository, "", login))
        assert [request.headers.get("Authorization") for request in other.requests] == [None]


def test_a_login_of_a_store_that_is_for_another_address_is_not_sent(tmp_path: Path, server: Server) -> None:
    repository = publish(server, REDIS)
    catalog, _ = _private(tmp_path, "https://charts.example.com")
    stolen = Login(repository, logins.place("dev", "https://charts.example.com"))
    with pytest.raises(Refused, match="not sent there"):
        catalog.fetch(ChartRef("redis", repository, "1.2.0", stolen))
    assert server.requests == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://localhost/x", "http://ann:pw@localhost/x"])
def test_a_redirect_leads_to_plain_http_addresses_only(server: Server, location: str) -> None:
    server.answers["/a"] = Answer(status=302, headers={"Location": location})

    with pytest.raises((Invalid, Unavailable)):
        Downloader().get(f"{server.url}/a", limit=100)


def test_endless_redirects_end(server: Server) -> None:
    server.answers["/a"] = Answer(status=302, headers={"Location": "/a"})

    with pytest.raises(Unavailable):
        Downloader().get(f"{server.url}/a", limit=100)


def test_more_bytes_than_allowed_are_not_read(server: Server) -> None:
    server.answers["/a"] = Answer(b"x" * 1000)

    with pytest.raises(Invalid, match="more than 999"):
        Downloader().get(f"{server.url}/a", limit=999)
    assert Downloader().get(f"{server.url}/a", limit=1000).body == b"x" * 1000


def test_an_answer_that_breaks_off_is_no_answer(server: Server) -> None:
    server.answers["/a"] = Answer(b"x" * 10, headers={"Content-Length": "20", "Connection": "close"})

    with pytest.raises(Unavailable):
        Downloader().get(f"{server.url}/a", limit=1000)


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Forbidden), (403, Forbidden), (404, NotFound), (429, Unavailable), (503, Unavailable)],
)
def test_a_refusal_becomes_one_of_our_errors(server: Server, status: int, error: type[JxError]) -> None:
    server.answers["/a"] = Answer(status=status)

    with pytest.raises(error):
        Downloader().get(f"{server.url}/a", limit=100)


def test_a_login_in_a_url_is_refused_and_never_shown(catalog: HelmCatalog) -> None:
    with pytest.raises(Invalid) as caught:
        catalog.versions(ChartRef("redis", "https://ann:hunter2@charts.example.com"))

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "repository", ["ftp://example.com/charts", "s3://bucket/charts", "https://", "http://a b/"]
)
def test_a_place_of_another_kind_is_refused(catalog: HelmCatalog, repository: str) -> None:
    with pytest.raises(Invalid):
        catalog.versions(ChartRef("redis", repository))


def test_a_page_that_is_no_index_is_refused_with_its_line(catalog: HelmCatalog, server: Server) -> None:
    server.answers["/charts/index.yaml"] = Answer(b"entries:\n  redis: [\n")

    with pytest.raises(Invalid) as caught:
        catalog.versions(ChartRef("redis", f"{server.url}/charts"))

    assert caught.value.problems[0].line == 3


def test_an_index_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(Invalid):
        parse_index(b"- " * 200_000, "index.yaml")


def test_versions_in_an_index_stay_texts() -> None:
    index = b"entries:\n  a:\n  - {version: 1.10, appVersion: 2024-01-01, urls: [a.tgz], digest: ~}\n  - {version: '2'}\n"

    assert parse_index(index, "") == {"a": [["1.10", "", "", "2024-01-01", "", "", "a.tgz"]]}


def test_an_index_tells_what_charts_say_of_themselves(catalog: HelmCatalog, server: Server) -> None:
    said = (
        '{"version": "1.0.0", "urls": ["a.tgz"], "home": "https://example.com", "sources": ["https://git.example.com"],'
        ' "annotations": {"artifacthub.io/changes": "- fixed a leak\\n"}}'
    )
    server.answers["/charts/index.yaml"] = Answer(f"entries:\n  redis:\n  - {said}\n".encode())
    found = catalog.versions(ChartRef("redis", f"{server.url}/charts"))[0]
    assert (found.home, found.sources) == ("https://example.com", ("https://git.example.com",))
    assert found.changes == "- fixed a leak\n"


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("a-1.tgz", "https://h/charts/a-1.tgz?k=1"),
        ("/top/a-1.tgz", "https://h/top/a-1.tgz?k=1"),
        ("https://other/a-1.tgz", "https://other/a-1.tgz"),
    ],
)
def test_urls_of_an_index_are_relative_to_it(url: str, full: str) -> None:
    assert resolve_url("https://h/charts?k=1", url) == full
    assert index_url("https://h/charts/") == "https://h/charts/index.yaml"


def test_an_index_may_point_into_a_registry(catalog: HelmCatalog, server: Server) -> None:
    repository = push(server, REDIS)
    server.answers["/charts/index.yaml"] = Answer(
        f"entries:\n  redis:\n  - version: 1.2.0\n    urls: ['{repository}/redis:1.2.0']\n".encode()
    )

    assert catalog.fetch(ChartRef("redis", f"{server.url}/charts")).version == "1.2.0"


def test_a_version_with_build_metadata_is_a_tag_with_an_underscore(
    catalog: HelmCatalog, server: Server
) -> None:
    repository = push(server, simple_chart("redis", "1.2.0+build.5"))

    assert catalog.fetch(ChartRef("redis", repository, "1.2.0+build.5")).version == "1.2.0+build.5"
    assert catalog.versions(ChartRef("redis", repository))[0].version == "1.2.0+build.5"


def test_a_blob_that_is_not_what_its_manifest_says_is_refused(catalog: HelmCatalog, server: Server) -> None:
    repository = push(server, REDIS)
    path = next(path for path in server.answers if "/blobs/" in path)
    server.answers[path] = Answer(b"something else")

    with pytest.raises(Invalid, match="not what its manifest"):
        catalog.fetch(ChartRef("redis", repository, "1.2.0"))


def test_an_image_is_not_a_chart(catalog: HelmCatalog, server: Server) -> None:
    repository = push(server, REDIS)
    server.answers["/v2/team/redis/manifests/1.2.0"] = Answer(b'{"layers": [{"mediaType": "application/x"}]}')

    with pytest.raises(Invalid, match="not a Helm chart"):
        catalog.fetch(ChartRef("redis", repository, "1.2.0"))


def test_a_registry_that_wants_a_login_is_forbidden(catalog: HelmCatalog, server: Server) -> None:
    repository = push(server, REDIS, token="right")
    server.answers["/token"] = Answer(b'{"token": "wrong"}')

    with pytest.raises(Forbidden):
        catalog.fetch(ChartRef("redis", repository, "1.2.0"))


def test_tokens_of_a_registry_are_told_to_nobody_else(catalog: HelmCatalog, server: Server) -> None:
    with serving() as other:
        repository = push(server, REDIS, token="right")
        path = next(path for path in server.answers if "/blobs/" in path)
        other.answers["/blob"] = Answer(pack("redis", REDIS.files))
        server.answers[path] = Answer(status=307, headers={"Location": f"{other.url}/blob"})

        assert catalog.fetch(ChartRef("redis", repository, "1.2.0")).version == "1.2.0"
        assert urlsplit(other.url).port != urlsplit(server.url).port
        assert "Authorization" not in other.requests[0].headers


def test_an_unknown_chart_brings_the_nearest_names(catalog: HelmCatalog, server: Server) -> None:
    repository = publish(server, REDIS, simple_chart("shop", "1.0.0"))

    with pytest.raises(NotFound) as caught:
        catalog.versions(ChartRef("reddis", repository))

    assert caught.value.hint == "did you mean redis?"
    assert repository in caught.value.message


def test_the_cache_is_only_for_its_owner(catalog: HelmCatalog, server: Server, tmp_path: Path) -> None:
    catalog.fetch(ChartRef("redis", publish(server, REDIS), "1.2.0"))

    made = list((tmp_path / "cache").rglob("*"))
    assert {path.stat().st_mode & 0o077 for path in made} == {0}


PLAIN = """\
apiVersion: v1
entries:
  redis:
  - version: 1.2.0
    description: |-
      told
        redis: in two lines
    urls: [redis-1.2.0.tgz]
  - version: 1.10
    urls:
    - redis-1.10.tgz
    home: https://example.com # here
  "my.shop":
    - {version: 0.1.0, urls: [shop.tgz]}
  # none any more
  gone: []
  last:
  - version: 3.0.0
    urls: ['https://example.com/last.tgz']
generated: "2026-01-01T00:00:00Z"
"""
ODD = {
    "as Helm writes it": PLAIN,
    "with other line ends": PLAIN.replace("\n", "\r\n"),
    "with more indent": "\n".join(
        line if line[:1] not in {" "} else f"  {line}" for line in PLAIN.split("\n")
    ),
    "without what follows": PLAIN.partition("generated")[0],
    "with what follows first": 'generated: "x"\n' + PLAIN.partition("generated")[0],
    "in braces": "entries: {redis: [{version: 1.2.0, urls: [redis.tgz]}]}\n",
    "with a text over several lines": PLAIN.replace(
        "    home: https://example.com # here\n", '    home: "https://example.com\n  tail:\n  end"\n'
    ),
    "with one key that is no name": PLAIN.replace("  gone: []\n", "  ? odd\n  : []\n"),
    "with an anchor": PLAIN.replace("  last:\n", "  last: &l\n"),
    "with a key twice": PLAIN + "x: y\n",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_an_index_that_is_read_chart_by_chart_says_what_the_whole_of_it_says(
    catalog: HelmCatalog, server: Server, text: str
) -> None:
    whole = parse_index(text.encode(), "index.yaml")
    etag = {"ETag": '"1"'}

    def answer(request: Request) -> Answer:
        known = request.headers.get("If-None-Match") == '"1"'
        return Answer(status=304, headers=etag) if known else Answer(text.encode(), headers=etag)

    server.answers["/charts/index.yaml"] = answer
    for _ in range(2):
        for name in (*whole, "gone", "nobody"):
            ref = ChartRef(name, f"{server.url}/charts")
            if name not in whole:
                with pytest.raises(NotFound):
                    catalog.versions(ref)
                continue
            found = {one.version: (one.description, one.home) for one in catalog.versions(ref)}
            assert found == {row[0]: (row[2], row[4]) for row in whole[name]}


def test_of_a_large_index_only_the_chart_that_is_asked_for_is_parsed(
    catalog: HelmCatalog, server: Server
) -> None:
    """What is broken in another one's entries is no matter then."""
    broken = PLAIN.replace("  - version: 3.0.0\n", "  - version: [3.0.0\n").encode()
    assert find_sections(broken) is not None
    server.answers["/charts/index.yaml"] = Answer(broken)
    repository = f"{server.url}/charts"
    assert [one.version for one in catalog.versions(ChartRef("redis", repository))] == ["1.10", "1.2.0"]
    with pytest.raises(Invalid) as caught:
        catalog.versions(ChartRef("last", repository))
    assert caught.value.problems[0].line == 19


def test_an_index_that_was_lost_from_the_cache_is_fetched_again(
    catalog: HelmCatalog, server: Server, tmp_path: Path
) -> None:
    repository = f"{server.url}/charts"
    headers = {"ETag": '"1"'}

    def answer(request: Request) -> Answer:
        known = "If-None-Match" in request.headers
        return Answer(status=304, headers=headers) if known else Answer(PLAIN.encode(), headers=headers)

    server.answers["/charts/index.yaml"] = answer
    catalog.versions(ChartRef("redis", repository))
    for path in (tmp_path / "cache" / "archives").iterdir():
        path.unlink()
    assert [one.version for one in catalog.versions(ChartRef("last", repository))] == ["3.0.0"]

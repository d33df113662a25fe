"""What a change would write into git as text and must not: found by form, by chance, and by the Secrets that it renders to."""

from __future__ import annotations

import base64
import random
import string

import pytest
from tests.support.worlds import secret, tree_of

from jx.domain.environments.environments import PlainField
from jx.domain.errors import Invalid
from jx.domain.objects.manifests import Manifest, ref_of
from jx.domain.secrets import plain_finds
from jx.domain.secrets.plain_finds import Find
from jx.domain.trees import Tree

DRAWN = "kX7pQz2LmV9rTb4NwY6sHd8JfG3cAe5U"
PEM = "-----BEGIN {} KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB\n-----END {} KEY-----\n"


def found(text: str, *, before: str = "", path: str = "env/values.yaml") -> tuple[Find, ...]:
    old = tree_of({path: before}) if before else Tree()
    return plain_finds.find_in_files(old, tree_of({path: text}))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "line",
    [
        f"  adminPassword: {DRAWN[:18]}",
        f'  "api_key": "{DRAWN[:20]}",',
        f"  - {{name: x, clientSecret: '{DRAWN[:16]}'}}",
        f"DB_PASS={DRAWN[:16]}",
        f"  anything: {DRAWN}",
        "  sessionToken: 3f1b0c9ad27e4f5586b1c0d9e8f7a6b5",
        "  webhookSecret: 5f0c8a1e-7b3d-4c2f-9a6e-1d4b7c0f2e93",
        f"  x: {encoded(PEM.format('PRIVATE', 'PRIVATE'))}",
        "  dsn: postgres://shop:s3cretword@db.example/shop",
        "-----BEGIN RSA PRIVATE KEY-----",
        "aws: AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_a_secret_is_found_wherever_it_is_written(line: str) -> None:
    (find,) = found(f"a: b\n{line}\n")
    assert (find.file, find.line) == ("env/values.yaml", 2)
    for word in line.split():
        assert len(word) < 16 or word.strip("\"',}") not in str(find.problem)


@pytest.mark.parametrize(
    "line",
    [
        "digest: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit: 8966141a3bb0c7d659a2feaa0c55ad015a3bf4f1",
        "image: ghcr.io/acme/Some-Long-Name/With3/And4Parts5:v1.2.3-rc.1-20240131T101112Z",
        "existingSecret: my-redis-credentials-2024-blue",
        "passwordSecret: shop-database-login-v2-primary",
        "password: vault:dev/redis:password",
        "password: <generated:password,length=40>",
        "password: '{{ .Values.auth.password.of.the.shop9 }}'",
        "password: ${SHOP_PASSWORD_OF_DATABASE1}",
        "password: changeme",
        "tokenTTL: 3600000000000000000",
        "featureGate: TopologyAwareHintsForServicesV1Beta2",
        "url: http://user:$PASSWORD@db.example/",
        "url: https://charts.example.com:8443/stable@v1",
        "uid: 5f0c8a1e-7b3d-4c2f-9a6e-1d4b7c0f2e93",
        f"caBundle: {encoded(PEM.format('PUBLIC', 'PUBLIC'))}",
        f"key: {encoded(PEM.format('PUBLIC', 'PUBLIC'))}",
        "path: Some/Path1/To2/A3/File4/Of/Some5/Depth6/Or/Other7",
        "class: io.jenkins.plugins.casc.ConfigurationAsCode2Bootstrap3Loader4",
    ],
)
def test_what_only_looks_like_one_is_left_alone(line: str) -> None:
    assert found(f"{line}\n") == ()


def test_nearly_every_drawn_value_is_found_below_any_name() -> None:
    draw = random.Random(1)
    letters = string.ascii_letters + string.digits
    values = ["".join(draw.choices(letters, k=40)) for _ in range(500)]
    hits = [value for value in values if found(f"anything: {value}\n")]
    assert len(hits) > 450


def test_what_the_base_has_is_no_news_even_when_it_moves() -> None:
    line = f"password: {DRAWN}\n"
    assert found(f"a: b\n{line}", before=line) == ()
    before = tree_of({"env/values.yaml": line})
    assert plain_finds.find_in_files(before, tree_of({"env/shop/values.yaml": line})) == ()
    assert len(found(f"{line}token: {DRAWN[::-1]}\n", before=line)) == 1


def test_an_archive_is_not_read() -> None:
    tree = Tree().put("env/charts/x.tgz", b"\x1f\x8b\xff" + DRAWN.encode())
    assert plain_finds.find_in_files(Tree(), tree) == ()


def in_objects(text: str, **data: str) -> list[str]:
    body = secret("db", data)
    manifest = Manifest(ref_of(body), "v1", body)
    tree = tree_of({"env/values.yaml": text})
    return [str(one.problem) for one in plain_finds.find_in_objects(Tree(), tree, [manifest])]


def test_the_data_of_a_secret_is_found_where_it_stands_plain_or_in_base64() -> None:
    where = "env/values.yaml:2: word: the value of license of Secret/db stands here"
    assert in_objects("a: b\nword: hunter22\n", license="hunter22") == [where]
    assert in_objects(f"a: b\nword: {encoded('hunter22')}\n", license="hunter22") == [where]


def test_what_stands_beside_a_secret_is_none() -> None:
    text = "user: administrator\nhost: db.example\nmode: production\nflag: true\n"
    assert (
        in_objects(text, username="administrator", DB_HOST="db.example", mode="production", flag="true") == []
    )


def test_all_are_told_at_once_and_names_are_allowed_one_by_one() -> None:
    finds = found(f"a:\n  password: {DRAWN}\n  token: {DRAWN[::-1]}\n")
    with pytest.raises(Invalid) as refused:
        plain_finds.refuse(finds, ())
    assert [problem.line for problem in refused.value.problems] == [2, 3]
    assert "secrets.plain: [{file: env/values.yaml, name: password}]" in refused.value.hint
    with pytest.raises(Invalid) as refused:
        plain_finds.refuse(finds, [PlainField("env/*", "token")])
    assert [problem.line for problem in refused.value.problems] == [2]
    plain_finds.refuse(finds, [PlainField("env/*", "token"), PlainField("env/values.yaml", "*")])


@pytest.mark.parametrize("piece", ["a", "a.", "eyJ-", "a://:", "a: ", "a=b,", "sk_live_", "A/+="])
def test_no_long_line_keeps_the_check_busy(piece: str) -> None:
    """Where a pattern took the square of a line's length, these would take minutes."""
    assert len(found(((piece * 9_000)[:9_000] + "\n") * 20)) < 2

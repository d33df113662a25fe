"""What an environment's files need of secret stores, and what is rendered in its place."""

from __future__ import annotations

import base64

import pytest

from jx.domain.errors import Invalid
from jx.domain.objects import markers
from jx.domain.objects.manifests import Manifest, ref_of
from jx.domain.objects.references import Reach, parse_reference
from jx.domain.secrets import secret_needs
from jx.domain.secrets.secret_needs import Needs, read_needs
from jx.domain.trees import Blob, Tree

VALUES = """\
redis:
  auth:
    password: vault:staging/redis:password
    user: ann
  sentinels:
  - name: a
    token: <generated:hmac>
  - name: b
shop:
  secretKey: <generated>
"""
PASSWORD = parse_reference("vault:staging/redis:password")
TOKEN = parse_reference("vault:generated/staging/redis:sentinels.0.token")
KEY = parse_reference("vault:generated/staging/shop:secretKey")


def _chart(values: str, **more: str) -> Tree:
    files = {"values.yaml": values, **more}
    return Tree({path: Blob(text.encode()) for path, text in files.items()})


@pytest.fixture
def needs() -> Needs:
    return read_needs(_chart(VALUES), "staging")


def test_references_and_recipes_are_needs(needs: Needs) -> None:
    assert needs.references == (PASSWORD, TOKEN, KEY)
    assert set(needs.recipes) == {TOKEN, KEY}
    assert needs.paths == ("staging/redis", "generated/staging/redis", "generated/staging/shop")


def test_only_what_holds_a_secret_is_laid_over_the_values(needs: Needs) -> None:
    given = {PASSWORD: "p", TOKEN: "t", KEY: "k"}
    assert secret_needs.overlay(needs, given) == {
        "redis": {"auth": {"password": "p"}, "sentinels": [{"name": "a", "token": "t"}, {"name": "b"}]},
        "shop": {"secretKey": "k"},
    }


def test_values_without_secrets_need_nothing() -> None:
    needs = read_needs(_chart("a: {b: [1, 2]}\n"), "staging")
    assert needs.references == ()
    assert secret_needs.overlay(needs, {}) == {}
    assert read_needs(Tree({}), "staging").references == ()


def test_all_mistakes_are_told_at_once() -> None:
    text = f"a: vault:oops\nb: <generated:nothing>\nc: x{markers.marker(PASSWORD)}\n"
    with pytest.raises(Invalid) as error:
        read_needs(_chart(text), "staging")
    assert [str(problem).partition(";")[0] for problem in error.value.problems] == [
        "values.yaml: a is no reference",
        "values.yaml: c is written like what stands for a secret",
        "values.yaml: b: <generated:nothing> asks for 'nothing', which cannot be made",
    ]


def test_two_recipes_for_one_place_contradict() -> None:
    text = "a: <generated:password,at=x:y>\nb: <generated:hmac,at=x:y>\n"
    with pytest.raises(Invalid, match="referred to") as error:
        read_needs(_chart(text), "staging")
    assert "b: vault:x:y is made by another recipe elsewhere" in str(error.value.problems[0])


def test_references_in_templates_are_filled_and_encoded_where_a_secret_wants_that() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db"},
        "data": {"password": str(PASSWORD), "user": "YW5u"},
        "stringData": {"again": str(PASSWORD)},
    }
    manifest = Manifest(ref_of(body), "v1", body)
    assert [one.reference for _, one in secret_needs.list_in_manifests([manifest])] == [PASSWORD, PASSWORD]
    filled = secret_needs.filled(manifest, {PASSWORD: "hunter2"}).body
    assert filled["data"] == {"password": base64.b64encode(b"hunter2").decode(), "user": "YW5u"}
    assert filled["stringData"] == {"again": "hunter2"}


def test_a_path_of_another_environment_is_refused_with_its_place() -> None:
    tree = _chart("a: 1\n", **{"env/redis/values.yaml": "auth:\n  password: vault:prod/db:password\n"})
    needs = read_needs(_chart("redis: {auth: {password: 'vault:prod/db:password'}}"), "staging")
    with pytest.raises(Invalid, match="somewhere else") as error:
        secret_needs.check_reach(needs, (), Reach(("staging/**",)), tree=tree, environment="staging")
    assert [str(problem) for problem in error.value.problems] == [
        "env/redis/values.yaml:2: vault:prod/db:password is not for environment staging; it may read staging/**"
    ]


def test_what_was_generated_is_an_environments_own(needs: Needs) -> None:
    secret_needs.check_reach(needs, (), Reach(("staging/**",)), tree=_chart(VALUES), environment="staging")
    with pytest.raises(Invalid):
        secret_needs.check_reach(
            needs, (), Reach(("staging/**",)), tree=_chart(VALUES), environment="production"
        )


def test_missing_secrets_are_told_with_file_line_path_and_key(needs: Needs) -> None:
    tree = _chart("", **{"env/values.yaml": VALUES})
    there = {"vault:staging/redis"}
    given = {TOKEN: "t", KEY: "k"}
    error = secret_needs.missing(needs.references, given, there=there, tree=tree, store="Vault at x")
    assert error is not None
    assert (
        error.message
        == "1 secret is missing in Vault at x:\nenv/values.yaml:3: staging/redis has no key password"
    )
    assert error.hint == "jx edit secret staging/redis --key password"
    assert secret_needs.missing((), {}, there=(), tree=tree, store="x") is None

"""From references to values."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.support.worlds import recording

from jx.adapters.local.counting_generator import CountingGenerator
from jx.adapters.local.memory_records import MemoryReporter
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.errors import Invalid, Stale, Unavailable
from jx.domain.objects.recipes import Kind, Recipe
from jx.domain.objects.references import Scheme, parse_reference
from jx.ports.secrets import Secret
from jx.usecases.planning.resolve_secrets import ResolveSecrets

PASSWORD = parse_reference("vault:prod/db:password")
USER = parse_reference("vault:prod/db:user")
TOKEN = parse_reference("vault:generated/prod/shop:token")


def _resolve(store: MemorySecrets) -> ResolveSecrets:
    return ResolveSecrets({Scheme.VAULT: store}, CountingGenerator(), MemoryReporter(), recording())


def test_one_request_per_path_gives_all_its_keys() -> None:
    store = MemorySecrets({"prod/db": {"password": "p", "user": "u"}})
    resolved = _resolve(store)((PASSWORD, USER, PASSWORD), {})
    assert resolved.values == {PASSWORD: "p", USER: "u"}
    assert resolved.versions == {"vault:prod/db": "1"}
    assert store.requests == ["prod/db"]


def test_what_no_store_has_is_left_out() -> None:
    resolved = _resolve(MemorySecrets({"prod/db": {"user": "u"}}))((PASSWORD, USER, TOKEN), {})
    assert resolved.values == {USER: "u"}


def test_what_a_recipe_makes_is_made_once_and_kept() -> None:
    store = MemorySecrets()
    recipes = {TOKEN: Recipe(Kind.RSA)}
    first = _resolve(store)((TOKEN,), recipes)
    again = _resolve(store)((TOKEN,), recipes)
    assert (first.values, first.versions) == (again.values, again.versions)
    assert set(store.read(("generated/prod/shop",))["generated/prod/shop"].values) == {"token", "token.pub"}


def test_what_is_made_leaves_the_other_keys_of_its_path() -> None:
    store = MemorySecrets({"generated/prod/shop": {"old": "o"}})
    _resolve(store)((TOKEN,), {TOKEN: Recipe()})
    values = store.read(("generated/prod/shop",))["generated/prod/shop"].values
    assert set(values) == {"old", "token"}
    assert values["old"] == "o"


class _Overtaken(MemorySecrets):
    """Somebody else is faster at the first write."""

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        super().write(path, {"token": "theirs"}, version=version)
        raise Stale("somebody else was faster")


def test_two_who_make_the_same_end_with_that_of_the_faster_one() -> None:
    assert _resolve(_Overtaken())((TOKEN,), {TOKEN: Recipe()}).values == {TOKEN: "theirs"}


def test_a_store_that_is_not_used_here_is_told_of() -> None:
    with pytest.raises(Invalid, match=r"does not use \(it uses vault:\)"):
        _resolve(MemorySecrets())((parse_reference("aws:prod/db:password"),), {})


def test_a_store_that_is_down_is_told_of() -> None:
    store = MemorySecrets()
    store.fault = Unavailable("the store is sealed")
    with pytest.raises(Unavailable, match="sealed"):
        _resolve(store)((PASSWORD,), {})


def test_values_do_not_show_in_the_result() -> None:
    resolved = _resolve(MemorySecrets({"prod/db": {"password": "not-to-be-seen"}}))((PASSWORD,), {})
    assert "not-to-be-seen" not in repr(resolved)

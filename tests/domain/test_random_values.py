from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from jx.domain import random_values
from jx.domain.manifests import Body, Manifest, ref_of
from jx.domain.random_values import Settled
from jx.domain.trees import Blob, Tree


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(**data: str) -> dict[str, Any]:
    texts = {key: encode(text) for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "data": texts}


def config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": dict(data)}


def webhook(bundle: str) -> dict[str, Any]:
    hooks = [{"name": "a.example.com"}, {"name": "b.example.com", "clientConfig": {"caBundle": bundle}}]
    return {"apiVersion": "x/v1", "kind": "Hook", "metadata": {"name": "hook"}, "webhooks": hooks}


def deployment(checksum: str) -> dict[str, Any]:
    annotations = {"checksum/secret": checksum}
    template = {"metadata": {"annotations": annotations}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": template},
    }


def manifests(*bodies: Body) -> tuple[Manifest, ...]:
    return tuple(Manifest(ref_of(body), str(body["apiVersion"]), body) for body in bodies)


def settle(first: Sequence[Body], second: Sequence[Body], live: Sequence[Body]) -> Settled:
    return random_values.settle(manifests(*first), manifests(*second), {ref_of(body): body for body in live})


def data_of(settled: Settled, at: int = 0) -> dict[str, str]:
    data = settled.manifests[at].body["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


FIRST, SECOND, OLD = "Aaaaaaaaaaaa", "Bbbbbbbbbbbb", "Zzzzzzzzzzzz"


def test_a_drawn_value_is_kept_from_the_live_object() -> None:
    settled = settle(
        [secret(p=FIRST, user="ann")], [secret(p=SECOND, user="ann")], [secret(p=OLD, user="bob")]
    )
    assert data_of(settled) == {"p": OLD, "user": "ann"}
    assert not settled.drawn


def test_without_a_live_object_the_first_draw_stands_and_is_known_as_drawn() -> None:
    settled = settle([secret(p=FIRST)], [secret(p=SECOND)], [])
    assert data_of(settled) == {"p": FIRST}
    assert list(settled.drawn.values()) == [frozenset({("data", "p")})]


def test_letters_that_two_draws_share_by_chance_are_no_surroundings() -> None:
    settled = settle([secret(p="xyAAAAAAend")], [secret(p="xyBBBBBBend")], [secret(p="qrZZZZZZ123")])
    assert data_of(settled) == {"p": "qrZZZZZZ123"}


def test_what_changed_beside_a_drawn_value_is_applied_and_the_value_is_carried_over() -> None:
    def url(password: str, host: str) -> str:
        return f"postgres://user:{password}@{host}"

    settled = settle(
        [secret(p=FIRST, url=url(FIRST, "new"))],
        [secret(p=SECOND, url=url(SECOND, "new"))],
        [secret(p=OLD, url=url(OLD, "old"))],
    )
    assert data_of(settled) == {"p": OLD, "url": url(OLD, "new")}


def test_a_new_object_gets_the_kept_value_that_another_one_holds() -> None:
    settled = settle(
        [secret(ca=FIRST), webhook(encode(FIRST))],
        [secret(ca=SECOND), webhook(encode(SECOND))],
        [secret(ca=OLD)],
    )
    assert data_of(settled) == {"ca": OLD}
    assert settled.manifests[1].body == webhook(encode(OLD))


def test_items_of_lists_are_found_by_their_names() -> None:
    live = webhook(encode(OLD))
    live["webhooks"].reverse()
    settled = settle([webhook(encode(FIRST))], [webhook(encode(SECOND))], [live])
    assert settled.manifests[0].body["webhooks"][1]["clientConfig"]["caBundle"] == encode(OLD)


def test_checksums_of_drawn_values_stay_while_nothing_else_changes() -> None:
    live = [secret(p=OLD, user="ann"), deployment("old")]
    same = settle(
        [secret(p=FIRST, user="ann"), deployment("one")],
        [secret(p=SECOND, user="ann"), deployment("two")],
        live,
    )
    assert same.manifests[1].body == deployment("old")
    moved = settle(
        [secret(p=FIRST, user="eve"), deployment("one")],
        [secret(p=SECOND, user="eve"), deployment("two")],
        live,
    )
    assert moved.manifests[1].body == deployment("one")
    assert data_of(moved) == {"p": OLD, "user": "eve"}


def test_equal_draws_are_left_alone() -> None:
    first = manifests(config(a="b"))
    assert random_values.settle(first, first, {}).manifests is first


def test_bytes_that_are_no_text_survive() -> None:
    def raw(data: bytes) -> dict[str, Any]:
        return secret() | {"data": {"k": base64.b64encode(data).decode()}}

    settled = settle([raw(b"\xff\xfe123456")], [raw(b"\x00\xfe654321")], [raw(b"\xfd\xfe999999")])
    assert settled.manifests[0].body == raw(b"\xfd\xfe999999")


def test_only_templates_that_call_such_a_function_are_rendered_twice() -> None:
    def chart(text: str) -> Tree:
        return Tree({"templates/a.yaml": Blob(text.encode())})

    assert random_values.mentions_random([chart("p: {{ randAlphaNum 8 | quote }}")])
    assert random_values.mentions_random([chart('{{- $ca := genCA "x" 365 }}')])
    assert not random_values.mentions_random([chart("# as it is now: {{ .Values.randomness }}")])
    assert random_values.mentions_random([Tree({"charts/common-1.0.0.tgz": Blob(b"packed")})])

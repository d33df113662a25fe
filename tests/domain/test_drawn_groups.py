from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import pytest

from jx.domain.applying import drawn_groups
from jx.domain.applying.drawn_groups import DrawnGroup, Known, Settled
from jx.domain.errors import Invalid
from jx.domain.objects.drawn_places import DRAWN
from jx.domain.objects.manifests import Body, Manifest, ref_of
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


def manifests(*bodies: Body, app: str = "web") -> tuple[Manifest, ...]:
    return tuple(
        Manifest(ref_of(body), str(body["apiVersion"]), body, f"{app}/templates/all.yaml") for body in bodies
    )


def settle(
    draws: Sequence[Sequence[Body]], live: Sequence[Body] = (), kept: Sequence[DrawnGroup] = ()
) -> Settled:
    known = Known(tuple(kept), {ref_of(body): body for body in live}, frozenset({"web"}))
    return drawn_groups.settle([manifests(*draw) for draw in draws], known)


def data_of(settled: Settled, at: int = 0) -> dict[str, str]:
    data = settled.manifests[at].body["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


FIRST, SECOND, THIRD, OLD = "Aaaaaaaaaaaa", "Bbbbbbbbbbbb", "Cccccccccccc", "Zzzzzzzzzzzz"
DRAWS = (FIRST, SECOND, THIRD)
LATER = ("Kkkkkkkkkkkk", "Llllllllllll", "Mmmmmmmmmmmm")


def test_what_is_drawn_first_is_kept_and_put_back() -> None:
    first = settle([[secret(p=p, user="ann")] for p in DRAWS])
    assert data_of(first) == {"p": FIRST, "user": "ann"}
    later = settle([[secret(p=p, user="bob")] for p in LATER], kept=first.groups)
    assert data_of(later) == {"p": FIRST, "user": "bob"}
    assert later.groups == first.groups
    assert not later.news


def test_what_is_live_is_taken_over_where_nothing_is_kept() -> None:
    settled = settle([[secret(p=p, user="ann")] for p in DRAWS], [secret(p=OLD, user="bob")])
    assert data_of(settled) == {"p": OLD, "user": "ann"}


def test_what_is_kept_wins_over_what_is_live() -> None:
    first = settle([[secret(p=p)] for p in DRAWS])
    assert data_of(settle([[secret(p=p)] for p in LATER], [secret(p=OLD)], first.groups)) == {"p": FIRST}


def test_what_is_drawn_is_masked_and_left_to_the_second_manager() -> None:
    only = settle([[config(token=p, host="a")] for p in DRAWS]).manifests[0]
    assert only.public["data"] == {"token": DRAWN, "host": "a"}
    assert only.derived == {("data", "token")}


def test_letters_that_draws_share_by_chance_are_no_text_around_them() -> None:
    first = settle([[secret(p=f"xy{p}end")] for p in DRAWS])
    later = settle([[secret(p=f"q{p}")] for p in LATER], kept=first.groups)
    assert data_of(later) == {"p": f"xy{FIRST}end"}


def test_text_around_a_draw_follows_git() -> None:
    def text(password: str, host: str) -> str:
        return f"postgres://user:{password}@{host}\nmode={host}\ntoken={password}\n"

    first = settle([[secret(url=text(p, "old"))] for p in DRAWS])
    later = settle([[secret(url=text(p, "new"))] for p in LATER], kept=first.groups)
    assert data_of(later) == {"url": text(FIRST, "new")}


def test_what_is_live_is_carried_into_text_that_has_changed() -> None:
    def url(password: str, host: str) -> str:
        return f"postgres://user:{password}@{host}"

    settled = settle([[secret(p=p, url=url(p, "new"))] for p in DRAWS], [secret(p=OLD, url=url(OLD, "old"))])
    assert data_of(settled) == {"p": OLD, "url": url(OLD, "new")}


def test_a_copy_of_what_is_kept_is_no_new_draw() -> None:
    first = settle([[secret(ca=p)] for p in DRAWS])
    later = settle([[secret(ca=p), webhook(encode(p))] for p in LATER], kept=first.groups)
    assert not later.news
    assert later.manifests[1].body == webhook(encode(FIRST))


def test_a_draw_in_a_new_place_draws_all_of_the_chart_anew_and_says_so() -> None:
    first = settle([[secret(p=p)] for p in DRAWS])
    pairs = zip(LATER, DRAWS, strict=True)
    later = settle([[secret(p=p, key=other[::-1])] for p, other in pairs], kept=first.groups)
    assert data_of(later) == {"p": LATER[0], "key": FIRST[::-1]}
    assert later.news == (
        "web: what its chart draws at random is drawn anew: it now draws Secret/web data.key",
    )
    again = settle([[secret(p=p, key=p[::-1] + "1")] for p in DRAWS], kept=later.groups)
    assert data_of(again) == data_of(later)


def test_what_is_not_drawn_for_a_while_comes_back_as_it_was() -> None:
    first = settle([[secret(p=p, key=p[::-1])] for p in DRAWS])
    without = settle([[secret(p=p)] for p in LATER], kept=first.groups)
    again = settle([[secret(p=p, key=p[::-1])] for p in LATER], kept=without.groups)
    assert data_of(again) == data_of(first)
    assert not again.news


def test_items_of_lists_are_found_by_their_names() -> None:
    live = webhook(encode(OLD))
    live["webhooks"].reverse()
    settled = settle([[webhook(encode(p))] for p in DRAWS], [live])
    assert settled.manifests[0].body["webhooks"][1]["clientConfig"]["caBundle"] == encode(OLD)
    turned = [[webhook(encode(p))] for p in LATER]
    for (body,) in turned:
        body["webhooks"].reverse()
    later = settle(turned, kept=settled.groups)
    assert later.manifests[0].body["webhooks"][0]["clientConfig"]["caBundle"] == encode(OLD)


def test_a_checksum_of_draws_becomes_one_of_the_final_secrets_and_config_maps() -> None:
    def draws(user: str, passwords: Sequence[str]) -> list[list[Body]]:
        hashes = [hashlib.sha256(p.encode()).hexdigest() for p in passwords]
        return [
            [secret(p=p, user=user), deployment(found)] for p, found in zip(passwords, hashes, strict=True)
        ]

    def checksum(settled: Settled) -> str:
        annotations = settled.manifests[1].body["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/secret"])

    first = settle(draws("ann", DRAWS))
    same = settle(draws("ann", LATER), kept=first.groups)
    moved = settle(draws("eve", LATER), kept=first.groups)
    assert checksum(first) == checksum(same) != checksum(moved)
    assert len(checksum(first)) == 64


def test_equal_renders_are_left_alone() -> None:
    only = manifests(config(a="b"))
    assert drawn_groups.settle([only], Known()).manifests is only


def test_bytes_that_are_no_text_survive() -> None:
    def raw(data: bytes) -> dict[str, Any]:
        return secret() | {"data": {"k": base64.b64encode(data).decode()}}

    first = settle([[raw(b"\xff\xfe123456")], [raw(b"\x00\xfe654321")], [raw(b"\xfd\xfe999999")]])
    later = settle([[raw(b"\xfa\xfe12")], [raw(b"\x01\xfe65")], [raw(b"\xfb\xfe99")]], kept=first.groups)
    assert later.manifests[0].body == raw(b"\xff\xfe123456")


def test_an_object_whose_name_is_drawn_is_refused() -> None:
    with pytest.raises(Invalid, match="what it is called, is drawn at random") as error:
        settle([[config() | {"metadata": {"name": p.lower()}}] for p in DRAWS])
    assert [str(one) for one in error.value.problems] == [
        "web/templates/all.yaml: a ConfigMap is another one in each render"
    ]


def test_draws_that_cannot_be_told_from_the_text_around_them_are_refused() -> None:
    texts = [f"[{'!' * number}] listen on port {'?' * number}" for number in (1, 2, 3)]
    with pytest.raises(Invalid, match="cannot be told from the text") as error:
        settle([[config(text=text)] for text in texts])
    assert (
        str(error.value.problems[0])
        == "web/templates/all.yaml: ConfigMap/conf data.text draws within other text"
    )
    assert "set the value" in error.value.hint


def test_a_refusal_names_the_value_to_set() -> None:
    chart = Tree(
        {"templates/all.yaml": Blob(b"  text: [{{ .Values.auth.key | default (randAscii 5) }}] listen\n")}
    )
    texts = [f"[{'!' * number}] listen on port {'?' * number}" for number in (1, 2, 3)]
    known = Known(apps=frozenset({"web"}), charts={"web": chart})
    with pytest.raises(Invalid) as error:
        drawn_groups.settle([manifests(config(text=text)) for text in texts], known)
    assert str(error.value.problems[0]).endswith("draws within other text; set web.auth.key")


def test_a_group_of_an_app_that_is_gone_is_forgotten() -> None:
    first = settle([[secret(p=p)] for p in DRAWS])
    left = drawn_groups.settle([manifests(config(a="b"))], Known(first.groups, {}, frozenset({"other"})))
    assert left.groups == ()


def test_places_that_are_no_text_are_kept_whole() -> None:
    def service(port: int) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"ports": [{"name": "http", "nodePort": port}]},
        }

    first = settle([[service(port)] for port in (30001, 30002, 30003)])
    later = settle([[service(port)] for port in (30011, 30012, 30013)], kept=first.groups)
    assert later.manifests[0].body == service(30001)

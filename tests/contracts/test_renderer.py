"""The contract of `ports.renderer.Renderer`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.support.helm import CONFIG_MAP, simple_chart

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_catalog import make_chart
from jx.domain.charts.charts import Chart
from jx.domain.errors import Invalid
from jx.domain.names import AppKey
from jx.domain.objects.manifests import Capabilities, ChartPin, KindInfo, ObjectRef, Rendered
from jx.domain.trees import Blob, Tree
from jx.ports.renderer import Renderer, RenderRequest


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    helm = HelmRenderer()
    yield helm
    helm.close()


def umbrella(*dependencies: Mapping[str, Any], **files: str) -> Tree:
    chart = {"apiVersion": "v2", "name": "env", "version": "0.0.1", "dependencies": dependencies}
    texts = {"Chart.yaml": json.dumps(chart), **files}
    return Tree({path: Blob(text.encode()) for path, text in texts.items()})


def needs(chart: Chart, **more: Any) -> dict[str, Any]:
    return {
        "name": chart.ref.name,
        "version": chart.version,
        "repository": "https://charts.example.com",
        **more,
    }


def request(chart: Tree, dependencies: Mapping[str, Chart] | None = None, **more: Any) -> RenderRequest:
    charts = {AppKey(key): one for key, one in (dependencies or {}).items()}
    return RenderRequest(
        "jx", "prod", chart, charts, more.pop("capabilities", Capabilities()), more.pop("values", {}), **more
    )


def names(rendered: Rendered) -> list[str]:
    return [str(manifest.ref) for manifest in rendered.objects]


def test_an_environment_renders_its_own_templates_and_those_of_its_apps(renderer: Renderer) -> None:
    redis = simple_chart("redis", "1.2.0")
    rendered = renderer.render(
        request(umbrella(needs(redis), **{"templates/a.yaml": CONFIG_MAP}), {"redis": redis})
    )

    assert names(rendered) == ["ConfigMap/jx-redis (namespace prod)", "ConfigMap/jx-env (namespace prod)"]
    assert [manifest.source for manifest in rendered.objects] == [
        "env/charts/redis/templates/config.yaml",
        "env/templates/a.yaml",
    ]
    assert rendered.charts == (
        ChartPin("redis", "redis", "1.2.0", "https://charts.example.com", redis.digest),
    )


def test_values_of_the_request_come_over_those_of_the_chart(renderer: Renderer) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {{ .Values.data | toJson }}\n"
    chart = umbrella(**{"values.yaml": "data: {a: one, b: two}\n", "templates/a.yaml": text})

    rendered = renderer.render(request(chart, values={"data": {"b": "three"}}))

    assert rendered.objects[0].body["data"] == {"a": "one", "b": "three"}


def test_two_aliases_of_one_chart_in_two_versions_each_get_their_own(renderer: Renderer) -> None:
    old, new = simple_chart("redis", "1.2.0"), simple_chart("redis", "2.0.0")
    chart = umbrella(needs(old, alias="cache"), needs(new, alias="queue"))

    rendered = renderer.render(request(chart, {"cache": old, "queue": new}))

    found = {manifest.ref.name: manifest.body["data"]["version"] for manifest in rendered.objects}
    assert found == {"jx-cache": "1.2.0", "jx-queue": "2.0.0"}
    assert [(pin.key, pin.version) for pin in rendered.charts] == [("cache", "1.2.0"), ("queue", "2.0.0")]


def test_ranges_that_fit_both_versions_do_not_mix_them_up(renderer: Renderer) -> None:
    old, new = simple_chart("redis", "1.2.0"), simple_chart("redis", "1.9.0")
    chart = umbrella(needs(old, alias="cache", version="^1"), needs(new, alias="queue", version=""))

    for draw in range(4):
        rendered = renderer.render(request(chart, {"cache": old, "queue": new}, draw=draw))
        found = {manifest.ref.name: manifest.body["data"]["version"] for manifest in rendered.objects}
        assert found == {"jx-cache": "1.2.0", "jx-queue": "1.9.0"}


def test_two_aliases_of_the_same_version_both_work(renderer: Renderer) -> None:
    redis = simple_chart("redis", "1.2.0")
    chart = umbrella(needs(redis, alias="cache"), needs(redis, alias="queue"))

    rendered = renderer.render(request(chart, {"cache": redis, "queue": redis}))

    assert sorted(manifest.ref.name for manifest in rendered.objects) == ["jx-cache", "jx-queue"]


def test_requirements_of_helm_2_are_dependencies(renderer: Renderer) -> None:
    redis = simple_chart("redis", "1.2.0")
    chart = Tree(
        {
            "Chart.yaml": Blob(b"name: env\nversion: 0.0.1\n"),
            "requirements.yaml": Blob(json.dumps({"dependencies": [needs(redis, alias="cache")]}).encode()),
        }
    )

    assert names(renderer.render(request(chart, {"cache": redis}))) == ["ConfigMap/jx-cache (namespace prod)"]


def test_a_vendored_chart_is_a_dependency_in_hand(renderer: Renderer) -> None:
    redis = simple_chart("redis", "1.2.0")
    chart = umbrella({"name": "redis", "version": "^1"}).graft("charts/redis", redis.files)

    assert names(renderer.render(request(chart))) == ["ConfigMap/jx-redis (namespace prod)"]


def test_an_older_copy_below_charts_does_not_win(renderer: Renderer) -> None:
    old, new = simple_chart("redis", "1.2.0"), simple_chart("redis", "1.3.0")
    chart = umbrella(needs(new, version="^1")).graft("charts/redis-old", old.files)

    rendered = renderer.render(request(chart, {"redis": new}))

    assert [manifest.body["data"]["version"] for manifest in rendered.objects] == ["1.3.0"]


def test_a_missing_dependency_is_invalid_unless_it_is_turned_off(renderer: Renderer) -> None:
    redis = simple_chart("redis", "1.2.0")
    wanted = needs(redis, condition="redis.enabled")

    with pytest.raises(Invalid) as caught:
        renderer.render(request(umbrella(wanted)))
    assert "redis 1.2.0 from https://charts.example.com" in str(caught.value.problems[0])

    off = umbrella(wanted, **{"values.yaml": "redis: {enabled: false}\n"})
    assert renderer.render(request(off)).objects == ()


def test_a_dependency_that_a_chart_itself_lacks_is_invalid_unless_it_is_turned_off(
    renderer: Renderer,
) -> None:
    """Helm installs such a chart without it, and says nothing."""
    redis = simple_chart("redis", "1.2.0")
    shop = make_chart(
        "shop",
        "1.0.0",
        {
            "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n"
            "- {name: redis, version: 1.2.0, repository: 'file://../redis', condition: redis.enabled}\n",
            "values.yaml": "redis: {enabled: true}\n",
        },
    )
    with pytest.raises(Invalid) as caught:
        renderer.render(request(umbrella(needs(shop)), {"shop": shop}))
    assert str(caught.value.problems[0]) == (
        "charts/shop/Chart.yaml: dependency redis (redis 1.2.0 from file://../redis) is missing"
    )

    off = umbrella(needs(shop), **{"values.yaml": "shop: {redis: {enabled: false}}\n"})
    assert renderer.render(request(off, {"shop": shop})).objects == ()
    whole = make_chart("shop", "1.0.0", {path: shop.files.text(path) for path in shop.files})
    whole = replace(whole, files=whole.files.graft("charts/redis", redis.files))
    assert renderer.render(request(umbrella(needs(shop)), {"shop": whole})).objects


def test_a_chart_that_needs_itself_is_invalid(renderer: Renderer) -> None:
    needy = "apiVersion: v2\nname: {}\nversion: 1.0.0\ndependencies:\n- {{name: {}, version: 1.0.0}}\n"
    shop = make_chart(
        "shop",
        "1.0.0",
        {
            "Chart.yaml": needy.format("shop", "cart"),
            "charts/cart/Chart.yaml": needy.format("cart", "shop"),
        },
    )
    with pytest.raises(Invalid) as caught:
        renderer.render(request(umbrella(needs(shop)), {"shop": shop}))
    assert [str(one) for one in caught.value.problems] == [
        "charts/shop/charts/cart/Chart.yaml: shop needs cart needs shop: it would contain itself without end"
    ]


def test_another_version_than_the_chart_names_is_invalid(renderer: Renderer) -> None:
    redis = simple_chart("redis", "1.2.0")

    with pytest.raises(Invalid) as caught:
        renderer.render(request(umbrella(needs(redis, version="^2")), {"redis": redis}))

    assert "wants version ^2, but 1.2.0 is in hand" in str(caught.value.problems[0])


def test_a_chart_that_is_turned_off_takes_no_part(renderer: Renderer) -> None:
    redis = simple_chart("redis", "1.2.0")
    chart = umbrella(needs(redis, condition="redis.enabled"), **{"values.yaml": "redis: {enabled: false}\n"})

    for _ in range(2):
        rendered = renderer.render(request(chart, {"redis": redis}))
        assert (rendered.objects, rendered.charts) == ((), ())

    on = renderer.render(request(chart, {"redis": redis}, values={"redis": {"enabled": True}}))
    assert [pin.key for pin in on.charts] == ["redis"]


def test_charts_see_the_cluster_they_are_rendered_for(renderer: Renderer) -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n"
        "  version: {{ .Capabilities.KubeVersion.Version }}\n"
        '  has: {{ .Capabilities.APIVersions.Has "example.com/v1" | quote }}\n'
    )
    capabilities = Capabilities(version="v1.31.2", api_versions=("example.com/v1",))

    rendered = renderer.render(request(umbrella(**{"templates/a.yaml": text}), capabilities=capabilities))

    assert rendered.objects[0].body["data"] == {"version": "v1.31.2", "has": "true"}


def test_a_chart_for_another_kubernetes_is_invalid(renderer: Renderer) -> None:
    chart = umbrella().put("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\nkubeVersion: '>=1.40'\n")

    with pytest.raises(Invalid, match=r"v1\.36\.0"):
        renderer.render(request(chart))


def test_hooks_are_kept_apart_with_phases_weights_and_policies(renderer: Renderer) -> None:
    def hook(name: str, **annotations: str) -> str:
        noted = {f"helm.sh/{key.replace('_', '-')}": value for key, value in annotations.items()}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "annotations": noted}}
        return json.dumps(body)

    chart = umbrella(
        **{
            "templates/late.yaml": hook("late", hook="post-install, Post-Upgrade", hook_weight="5"),
            "templates/early.yaml": hook(
                "early",
                hook="pre-install",
                hook_weight="-5",
                hook_delete_policy="hook-succeeded,before-hook-creation",
            ),
            "templates/test.yaml": hook("test", hook="test-success"),
            "templates/odd.yaml": hook("odd", hook="crd-install"),
        }
    )

    rendered = renderer.render(request(chart))

    assert rendered.objects == ()
    assert [(one.manifest.ref.name, one.phases, one.weight) for one in rendered.hooks] == [
        ("early", ("pre-install",), -5),
        ("test", ("test",), 0),
        ("late", ("post-install", "post-upgrade"), 5),
    ]
    assert rendered.hooks[0].delete_policies == ("hook-succeeded", "before-hook-creation")


def test_custom_resource_definitions_of_crds_come_first_and_tell_what_is_cluster_scoped(
    renderer: Renderer,
) -> None:
    crd = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n"
        "spec: {group: example.com, scope: Cluster, names: {kind: Thing, plural: things}}\n"
    )
    thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"
    chart = umbrella(**{"crds/thing.yaml": crd, "templates/a.yaml": thing, "templates/b.yaml": space})

    assert names(renderer.render(request(chart))) == [
        "CustomResourceDefinition.apiextensions.k8s.io/things.example.com",
        "Namespace/a",
        "Thing.example.com/a",
    ]


def test_the_cluster_tells_which_kinds_have_no_namespace(renderer: Renderer) -> None:
    thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a, namespace: left-over}\n"
    kinds = {
        ("example.com", "Thing"): KindInfo(
            "example.com", "Thing", "things", namespaced=False, versions=("v1",)
        )
    }

    rendered = renderer.render(
        request(umbrella(**{"templates/a.yaml": thing}), capabilities=Capabilities(kinds=kinds))
    )

    assert rendered.objects[0].ref == ObjectRef("example.com", "Thing", "", "a")


def test_lists_are_flattened_and_empty_documents_dropped(renderer: Renderer) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    other = {"metadata": {"name": "b"}}
    text = "\n".join(
        [
            "# nothing",
            "---",
            json.dumps({"apiVersion": "v1", "kind": "List", "items": [item]}),
            "---",
            "---",
            json.dumps({"apiVersion": "v1", "kind": "ConfigMapList", "items": [other]}),
        ]
    )

    rendered = renderer.render(
        request(umbrella(**{"templates/a.yaml": text, "templates/blank.yaml": " \n\t\n"}))
    )

    # ConfigMapList is no kind that Helm knows, so it comes last.
    assert names(rendered) == ["ConfigMap/b (namespace prod)", "ConfigMap/a (namespace prod)"]


def test_scalars_are_read_as_go_reads_them(renderer: Renderer) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 0644, b: 22:22, c: yes, d: 1e3, e: =, 1: x}\n"

    data = renderer.render(request(umbrella(**{"templates/a.yaml": text}))).objects[0].body["data"]

    assert data == {"a": 420, "b": "22:22", "c": True, "d": 1000, "e": "=", "1": "x"}
    assert isinstance(data["d"], int)


def test_the_same_object_twice_is_invalid_and_both_templates_are_named(renderer: Renderer) -> None:
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    two = one.replace("{name: a}", "{name: a, namespace: prod}")

    with pytest.raises(Invalid) as caught:
        renderer.render(request(umbrella(**{"templates/one.yaml": one, "templates/two.yaml": two})))

    assert "env/templates/one.yaml" in str(caught.value.problems[0])
    assert "env/templates/two.yaml" in str(caught.value.problems[0])


def test_notes_are_those_of_the_chart_itself(renderer: Renderer) -> None:
    redis = make_chart("redis", "1.0.0", {"templates/NOTES.txt": "of redis"})
    chart = umbrella(needs(redis), **{"templates/NOTES.txt": "of {{ .Release.Name }}\n"})

    rendered = renderer.render(request(chart, {"redis": redis}))

    assert (rendered.notes, rendered.objects) == ("of jx", ())


def test_the_same_request_gives_the_same_answer_even_where_a_chart_draws(renderer: Renderer) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: {{ randAlphaNum 30 }}}\n"
    chart = umbrella(**{"templates/a.yaml": text})

    first = renderer.render(request(chart))

    assert renderer.render(request(chart)) == first
    assert renderer.render(request(chart, draw=1)) != first


def test_assembling_gives_a_folder_with_its_dependencies_in_it(renderer: Renderer) -> None:
    redis = simple_chart("redis", "1.2.0")
    chart = umbrella(needs(redis, alias="cache"))

    folder = renderer.assemble(request(chart, {"cache": redis}))

    assert folder.under("charts/cache") == redis.files
    assert folder.text("Chart.yaml") == chart.text("Chart.yaml")
    assert names(renderer.render(request(folder))) == ["ConfigMap/jx-cache (namespace prod)"]

"""The charts that the project ships, and what an embedded platform begins with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from jx.adapters.helm.archives import unpack
from jx.adapters.helm.folders import read_folder
from jx.adapters.helm.renderer import HelmRenderer, write_tree
from jx.adapters.local import seed
from jx.domain.charts.chart_folders import read_metadata
from jx.domain.errors import Invalid, NotFound
from jx.domain.objects.manifests import Capabilities, Rendered
from jx.domain.trees import Tree
from jx.ports.renderer import RenderRequest

ROOT = Path(__file__).parents[3]
CHARTS = seed.build_charts()
VERSIONS = sorted(CHARTS)


@pytest.fixture(scope="module")
def renderer() -> Iterator[HelmRenderer]:
    helm = HelmRenderer()
    yield helm
    helm.close()


def render(renderer: HelmRenderer, chart: Tree, values: Mapping[str, Any] | None = None) -> Rendered:
    return renderer.render(RenderRequest("jenkins-x", "jx", chart, {}, Capabilities(), values or {}))


def bodies(rendered: Rendered, kind: str) -> dict[str, Any]:
    return {one.ref.name: one.body for one in rendered.objects if one.ref.kind == kind}


def test_the_conveyors_objects_equal_helms_own_for_every_version(tmp_path: Path) -> None:
    folders = []
    for name, version in VERSIONS:
        folder = tmp_path / f"{name}-{version}"
        folder.mkdir()
        write_tree(folder, CHARTS[name, version])
        folders.append(str(folder))

    script = ROOT / "scripts" / "compare_charts.py"
    done = subprocess.run(
        [sys.executable, str(script), *folders], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.count("| yes |")) == (0, len(VERSIONS)), done.stdout


def test_every_chart_has_two_versions_at_least_and_the_platform_three() -> None:
    count = {name: sum(one == name for one, _ in VERSIONS) for name, _ in VERSIONS}

    assert min(count.values()) >= 2
    assert [version for name, version in VERSIONS if name == "jx-platform"] == ["1.0.0", "1.1.0", "1.2.0"]


def test_archives_are_the_same_each_time_and_hold_the_charts() -> None:
    archives = seed.build_archives()

    assert archives == seed.build_archives()
    assert {file: unpack(data, file) for file, data in archives.items()} == {
        f"{name}-{version}.tgz": tree for (name, version), tree in CHARTS.items()
    }


def test_the_folder_of_a_chart_is_one_of_its_versions() -> None:
    for name in {name for name, _ in VERSIONS}:
        metadata = read_metadata(
            Tree({"Chart.yaml": read_folder(seed.charts_folder() / name).files["Chart.yaml"]})
        )
        assert (metadata.name, metadata.version) in CHARTS


def test_the_platforms_pods_are_what_the_node_starts(renderer: HelmRenderer) -> None:
    values = {
        "devRepository": {"url": "http://127.0.0.1:1/git/a/b.git"},
        "forge": {"url": "http://127.0.0.1:1"},
    }
    deployments = bodies(render(renderer, CHARTS["jx-platform", "1.0.0"], values), "Deployment")
    containers = {
        name: body["spec"]["template"]["spec"]["containers"][0] for name, body in deployments.items()
    }
    environment = {entry["name"]: entry for entry in containers["jx-controllers"]["env"]}

    assert containers["jx-webhooks"]["args"] == [
        "webhooks", "serve", "--bind", "$(POD_IP):8080", "--namespace", "$(POD_NAMESPACE)",
    ]  # fmt: skip
    assert containers["jx-controllers"]["args"] == [
        "controllers", "run", "--bind", "$(POD_IP):8081", "--namespace", "$(POD_NAMESPACE)", "--poll-seconds", "8",
    ]  # fmt: skip
    assert {container["image"] for container in containers.values()} == {"jx/platform:1.0.0"}
    assert environment["JX_DEV_REPO_URL"]["value"] == "http://127.0.0.1:1/git/a/b.git"
    assert deployments["jx-controllers"]["spec"]["strategy"] == {"type": "Recreate"}
    assert deployments["jx-controllers"]["spec"]["replicas"] == 1


def test_the_controllers_are_told_all_of_a_vault_that_was_there(renderer: HelmRenderer) -> None:
    authority = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
    vault = {
        "url": "https://vault.example",
        "mount": "kv",
        "authPath": "jwt",
        "namespace": "team",
        "ca": authority,
    }
    rendered = render(renderer, CHARTS["jx-platform", "1.1.0"], {"vault": vault})
    pod = bodies(rendered, "Deployment")["jx-controllers"]["spec"]["template"]["spec"]
    environment = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
    told = (
        "VAULT_ADDR",
        "JX_VAULT_ROLE",
        "JX_VAULT_AUTH_PATH",
        "JX_VAULT_MOUNT",
        "VAULT_NAMESPACE",
        "VAULT_CACERT",
    )
    assert [environment[name] for name in told] == [
        "https://vault.example", "jx", "jwt", "kv", "team", "/etc/jx/vault/ca.pem",
    ]  # fmt: skip
    assert bodies(rendered, "ConfigMap")["jx-vault-ca"]["data"] == {"ca.pem": authority}
    assert {"name": "vault-ca", "configMap": {"name": "jx-vault-ca"}} in pod["volumes"]


def test_the_receiver_may_patch_the_signals_and_nothing_else(renderer: HelmRenderer) -> None:
    rendered = render(renderer, CHARTS["jx-platform", "1.1.0"])

    assert [role["rules"] for role in bodies(rendered, "Role").values()] == [
        [
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "resourceNames": ["jx-signals"],
                "verbs": ["patch"],
            }
        ]
    ]
    assert "data" not in bodies(rendered, "ConfigMap")["jx-signals"]


def test_the_kinds_of_the_platform_outlive_it(renderer: HelmRenderer) -> None:
    definitions = bodies(render(renderer, CHARTS["jx-platform", "1.1.0"]), "CustomResourceDefinition")

    assert set(definitions) == {
        f"{plural}.jenkins.io"
        for plural in ("apps", "environments", "pipelineactivities", "releases", "sourcerepositories")
    }
    assert {body["metadata"]["annotations"]["helm.sh/resource-policy"] for body in definitions.values()} == {
        "keep"
    }


def test_the_broken_platform_differs_in_one_argument_and_its_version_only(renderer: HelmRenderer) -> None:
    good = render(renderer, CHARTS["jx-platform", "1.1.0"])
    broken = render(renderer, CHARTS["jx-platform", "1.2.0"])

    def text(rendered: Rendered) -> str:
        return str([dict(one.body) for one in rendered.objects])

    assert text(broken).replace("1.2.0", "1.1.0").replace("--poll-intervall", "--poll-seconds") == text(good)


def test_a_setting_that_does_not_exist_is_refused(renderer: HelmRenderer) -> None:
    with pytest.raises(Invalid) as caught:
        render(renderer, CHARTS["jx-platform", "1.0.0"], {"controllers": {"pollSecond": 1}})

    assert "pollSecond" in str(caught.value.problems[0])


def test_a_password_is_drawn_where_none_is_given(renderer: HelmRenderer) -> None:
    chart = CHARTS["redis", "1.0.0"]
    drawn = bodies(render(renderer, chart), "Secret")["jenkins-x-redis"]["data"]["password"]
    given = bodies(render(renderer, chart, {"auth": {"password": "abc"}}), "Secret")["jenkins-x-redis"]

    assert len(drawn) == 32
    assert given["data"]["password"] == "YWJj"
    assert bodies(render(renderer, chart, {"auth": {"existingSecret": "mine"}}), "Secret") == {}


def test_the_version_stream_recommends_versions_that_are_there() -> None:
    stream = seed.version_stream("http://127.0.0.1:1/charts", "1.1.0")

    assert stream.text("charts/repositories.yml").endswith(
        "prefix: jx\n  urls:\n  - http://127.0.0.1:1/charts\n"
    )
    assert stream.text("charts/jx/jx-platform.yml") == "version: 1.1.0\n"
    for path in stream.under("charts/jx"):
        version = stream.text(f"charts/jx/{path}").removeprefix("version: ").strip()
        assert (path.removesuffix(".yml"), version) in CHARTS
    with pytest.raises(NotFound):
        seed.version_stream("http://127.0.0.1:1/charts", "9.9.9")


def test_the_node_knows_the_image_of_every_version_of_the_platform() -> None:
    [image] = seed.known_images()["images"]

    assert (image["name"], image["tags"]) == ("jx/platform", ["1.0.0", "1.1.0", "1.2.0"])
    assert image["command"] == ["{python}", "-m", "jx"]


def test_an_edit_that_does_not_fit_its_chart_any_more_is_told(tmp_path: Path) -> None:
    write_tree(tmp_path, read_folder(seed.charts_folder()))
    target = tmp_path / "jx-platform" / "templates" / "controllers.yaml"
    target.write_text(target.read_text().replace("--poll-seconds", "--every"))

    with pytest.raises(Invalid) as caught:
        seed.build_archives(tmp_path)

    assert caught.value.problems[0].where == "charts/jx-platform/templates/controllers.yaml"

"""Reading environments as they are written down."""

from __future__ import annotations

import pytest
from tests.support.environments import CHART, CHARTS, OLD_REQUIREMENTS, make_environment, make_tree

from jx.domain.environments.environments import Kind, Strategy
from jx.domain.errors import Invalid, NotFound
from jx.domain.layouts import umbrella
from jx.domain.names import EnvironmentName, Repo
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree


def problems_of(tree: Tree) -> list[str]:
    with pytest.raises(Invalid) as caught:
        umbrella.read(tree)
    return [str(problem) for problem in caught.value.problems]


def values_of(tree: Tree) -> dict[str, object]:
    return read_mapping(umbrella.read(tree).chart.text("values.yaml"))


def test_apps_are_the_dependencies_of_the_chart() -> None:
    spec = umbrella.read(make_environment())
    redis, web = spec.apps
    assert (redis.key, redis.chart.name, redis.chart.version, redis.chart.repository) == (
        "redis",
        "redis",
        "1.2.3",
        CHARTS,
    )
    assert (web.key, web.alias, web.chart.name, web.condition, web.tags) == (
        "web",
        "web",
        "shop",
        "web.enabled",
        ("front",),
    )
    assert (spec.name, spec.namespace, spec.release, spec.chart_dir) == ("staging", "jx-staging", "jx", "env")


def test_repositories_of_jenkins_x_2_are_read_as_they_are() -> None:
    tree = make_tree(
        {
            "env/Chart.yaml": "name: env\nversion: 0.0.1\n",
            "env/requirements.yaml": OLD_REQUIREMENTS,
            "env/values.yaml": "expose:\n  config: {}\n",
            "Jenkinsfile": 'environment {\n  DEPLOY_NAMESPACE = "jx-production"\n}\n',
            "Makefile": 'NAMESPACE := "other"\n',
        }
    )
    spec = umbrella.read(tree)
    assert [app.key for app in spec.apps] == ["expose", "cleanup"]
    assert (spec.name, spec.namespace, spec.release) == ("production", "jx-production", "jx")
    assert spec.chart.text("requirements.yaml") == OLD_REQUIREMENTS


def test_a_repository_may_be_the_chart() -> None:
    spec = umbrella.read(make_environment().under("env").put("Makefile", "NAMESPACE := jx-x\n"))
    assert (spec.chart_dir, spec.name) == ("", "x")


def test_what_is_no_environment_is_said_so() -> None:
    with pytest.raises(NotFound, match=r"env/Chart\.yaml"):
        umbrella.read(make_tree({"README.md": ""}))


def test_all_mistakes_are_found_at_once_each_with_its_place() -> None:
    chart = (
        CHART.replace('"1.2.3"', "1.2").replace("alias: web", "alias: redis")
        + "  - version: 1\n  - name: UPPER\n"
    )
    found = problems_of(
        make_environment(
            {
                "env/Chart.yaml": chart,
                "env/values.yaml": "redis:\n  a: 1\nredis: 2\n",
                "env/redis/values.yaml": "a: [\n",
                "env/secrets.yaml": "x: y\n",
                "env/web/values.yaml": "",
                "env/web/values.tmpl.yaml": "",
                "jx-requirements.yml": "apply:\n  maxDeletionShare: 2\n  namespaces: x\nversionStream:\n  url: -x\n",
            }
        )
    )
    assert len(found) == 11
    assert any(one.startswith("env/Chart.yaml:7: version 1.2 is a number") for one in found)
    assert any(one.startswith("env/Chart.yaml:9: redis is there already (line 6)") for one in found)
    assert any(one.startswith("env/Chart.yaml:15: a dependency needs a name") for one in found)
    assert any("'UPPER' is not a valid name" in one for one in found)
    assert any(one.startswith("env/values.yaml:3: the key 'redis'") for one in found)
    assert any(one.startswith("env/redis/values.yaml:2") for one in found)
    assert any(one.startswith("env/secrets.yaml: ") for one in found)
    assert any(one.startswith("env/web/values.tmpl.yaml: ") for one in found)
    assert any(one.startswith("jx-requirements.yml:2: maxDeletionShare") for one in found)
    assert any("namespaces is not known here; did you mean namespace?" in one for one in found)
    assert any(one.startswith("jx-requirements.yml:5: '-x' is not the URL") for one in found)


def test_an_app_without_a_version_is_a_mistake_unless_it_lies_in_the_repository() -> None:
    head = "apiVersion: v2\nname: env\nversion: 0.0.1\ndependencies:\n"
    remote = make_environment({"env/Chart.yaml": head + f"- name: a\n  repository: {CHARTS}\n"})
    assert "a has no version" in problems_of(remote)[0]
    local = make_environment({"env/Chart.yaml": head + "- name: a\n- name: b\n  repository: file://../b\n"})
    assert len(umbrella.read(local).apps) == 2


def test_values_of_folders_are_merged_below_their_key() -> None:
    values = values_of(
        make_environment(
            {
                "env/values.yaml": "global: {x: 1}\nredis:\nweb:\n  image: {tag: a}\n",
                "env/redis/values.yaml": "replicas: 2\n",
                "env/web/values.yaml": "image: {repo: b}\n",
                "env/web/deep/er/values.yaml": "on: yes\n",
                "env/jenkins/values.yaml": "enabled: false\n",
            }
        )
    )
    assert values == {
        "global": {"x": 1},
        "redis": {"replicas": 2},
        "web": {"image": {"tag": "a", "repo": "b"}, "deep": {"er": {"true": True}}},
        "jenkins": {"enabled": False},
    }


def test_values_without_folders_stay_byte_for_byte() -> None:
    assert umbrella.read(make_environment()).chart.text("values.yaml") == "# root\nredis:\n  replicas: 1\n"


def test_two_values_for_one_place_are_a_mistake_that_names_both() -> None:
    files = {"env/redis/values.yaml": "# c\nreplicas: 2\n", "env/values.yaml": "redis:\n  replicas: 1\n"}
    assert problems_of(make_environment(files)) == [
        "env/redis/values.yaml:2: redis.replicas has another value in env/values.yaml:2; keep one of them"
    ]
    nested = {
        "env/values.yaml": "",
        "env/a/values.yaml": "b: text\n",
        "env/a/b/values.yaml": "c: 1\n",
    }
    assert "a.b has another value in env/a/values.yaml:1" in problems_of(make_environment(nested))[0]


def test_the_same_value_twice_is_no_mistake() -> None:
    files = {
        "env/redis/values.yaml": "replicas: 1\nlist: [1, {a: b}]\n",
        "env/values.yaml": "redis: {replicas: 1}\n",
    }
    assert values_of(make_environment(files)) == {"redis": {"replicas": 1, "list": [1, {"a": "b"}]}}
    other = {"env/redis/values.yaml": "replicas: true\n", "env/values.yaml": "redis: {replicas: 1}\n"}
    assert problems_of(make_environment(other))


def test_an_empty_value_named_like_a_file_beside_it_is_that_file() -> None:
    files = {
        "env/web/values.yaml": "files:\n  - nginx.conf: \n  - other.conf:\nnginx.conf: ''\nkept: x\n",
        "env/web/nginx.conf": "server {}\n",
    }
    web = values_of(make_environment(files))["web"]
    assert web == {
        "files": [{"nginx.conf": "server {}\n"}, {"other.conf": None}],
        "nginx.conf": "server {}\n",
        "kept": "x",
    }


def test_templates_beside_an_app_are_moved_and_keep_meaning_its_values() -> None:
    files = {
        "env/redis/templates/app.yaml": "kind: App\n",
        "env/redis/templates/cm.yaml": "a: {{ .Values.x }}",
        "env/redis/README.MD": "for people",
        "env/redis/release.yaml": "kind: Release",
        "env/gone/templates/app.yaml": "kind: App\n",
        "env/gone/values.yaml": "x: 1\n",
        "env/files/dashboard.json": "{}",
        "env/templates/own.yaml": "kind: ConfigMap\n",
        "env/charts/local/Chart.yaml": "name: local\n",
    }
    chart = umbrella.read(make_environment(files)).chart
    assert sorted(chart) == [
        "Chart.yaml",
        "charts/local/Chart.yaml",
        "files/dashboard.json",
        "templates/own.yaml",
        "templates/redis/app.yaml",
        "templates/redis/cm.yaml",
        "values.yaml",
    ]
    assert chart.text("templates/redis/app.yaml") == "kind: App\n"
    moved = chart.text("templates/redis/cm.yaml")
    assert '"Values" (index .Values "redis"' in moved
    assert moved.splitlines()[0].endswith("a: {{ .Values.x }}")


def test_a_template_beside_an_app_cannot_define_or_hide_another() -> None:
    files = {
        "env/redis/templates/a.yaml": 'x: 1\n{{- define "x" }}{{ end }}\n',
        "env/redis/templates/b.yaml": "",
        "env/templates/redis/b.yaml": "",
    }
    found = problems_of(make_environment(files))
    assert found[0].startswith("env/redis/templates/a.yaml:2: `define`")
    assert found[1].startswith("env/redis/templates/b.yaml: env/templates/redis/b.yaml is there too")


DEV_ENV = """\
apiVersion: jenkins.io/v1
kind: Environment
metadata: {name: dev}
spec:
  kind: Development
  namespace: jx
  label: Development
  promotionStrategy: Never
  teamSettings: {appsRepository: https://charts.example.com, appPrefixes: [x-]}
  source: {url: https://git.example.com/team/environment-x-dev.git, ref: main}
"""


def test_environments_are_read_with_all_that_they_say() -> None:
    staging = DEV_ENV.replace("name: dev", "name: staging").replace(
        "kind: Development\n", "kind: Permanent\n"
    )
    staging = staging.replace("Never", "Auto").replace(
        "namespace: jx", "namespace: s\n  order: 7\n  remoteCluster: true"
    )
    files = {"env/templates/dev-env.yaml": DEV_ENV, "env/templates/staging-env.yaml": staging}
    spec = umbrella.read(make_environment(files))
    assert (spec.name, spec.namespace, spec.release) == ("dev", "jx", "jenkins-x")
    dev, other = spec.environments
    assert dev.team_settings["appPrefixes"] == ["x-"]
    assert dev.repo == Repo("https://git.example.com/team/environment-x-dev.git")
    assert dev.branch == "main"
    assert (other.strategy, other.kind, other.order, other.is_remote, other.namespace) == (
        Strategy.AUTO,
        Kind.PERMANENT,
        7,
        True,
        "s",
    )


def test_an_environment_that_cannot_be_is_a_mistake() -> None:
    wrong = (
        DEV_ENV.replace("Never", "Sometimes")
        .replace("namespace: jx", "namespace: No!")
        .replace("https://git", "x://git")
    )
    found = problems_of(make_environment({"env/templates/dev-env.yaml": wrong}))
    assert any("promotionStrategy is Sometimes; it may be Auto, Manual, Never" in one for one in found)
    assert any("'No!' is not a valid name of a namespace" in one for one in found)
    assert any("'x' is not a transport" in one for one in found)


def test_the_block_apply_says_what_a_repository_is() -> None:
    apply = (
        "apply: {environment: qa, namespace: team-qa, release: r, maxDeletions: 3, maxDeletionShare: 0.1}\n"
    )
    spec = umbrella.read(make_environment({"jx-requirements.yml": "cluster: {provider: gke}\n" + apply}))
    assert (spec.name, spec.namespace, spec.release) == ("qa", "team-qa", "r")
    assert (spec.requirements.max_deletions, spec.requirements.max_deletion_share) == (3, 0.1)
    assert spec.requirements.provider == "gke"
    assert umbrella.read(make_environment(), name=EnvironmentName("mine")).name == "mine"


def test_a_namespace_has_to_be_said_by_somebody() -> None:
    assert "set apply.namespace" in problems_of(make_environment({"jenkins-x.yml": ""}))[0]
    change_me = 'NAMESPACE := "change-me"\n'
    assert problems_of(make_environment({"jenkins-x.yml": "", "Makefile": change_me})) == [
        "Makefile:1: the namespace is still change-me: write there the one that the apps run in"
    ]

"""Charts as files: metadata, ignored files, charts in an environment's own repository."""

from __future__ import annotations

import pytest

from jx.domain.charts.chart_folders import Dependency, drop_ignored, find_in_tree, read_metadata
from jx.domain.charts.charts import ChartRef
from jx.domain.errors import Invalid, NotFound
from jx.domain.trees import Blob, Tree


def tree(**files: str) -> Tree:
    return Tree({path: Blob(text.encode()) for path, text in files.items()})


def test_metadata_is_texts_as_they_are_written() -> None:
    chart = tree(
        **{
            "Chart.yaml": "name: a\nversion: 1.10\nappVersion: ~\nkubeVersion: '>=1.27'\ndependencies:\n"
            "- {name: redis, version: 1.0, alias: cache, condition: cache.enabled, tags: [db]}\n"
        }
    )

    metadata = read_metadata(chart)

    assert (metadata.version, metadata.app_version, metadata.kube_version) == ("1.10", "", ">=1.27")
    assert metadata.dependencies == (Dependency("redis", "1.0", "", "cache", "cache.enabled", ("db",)),)
    assert metadata.dependencies[0].key == "cache"


def test_dependencies_of_helm_2_stand_in_a_file_of_their_own() -> None:
    chart = tree(
        **{
            "Chart.yaml": "name: env\nversion: 1\n",
            "requirements.yaml": "dependencies:\n- name: redis\n  version: 1.0.0\n",
        }
    )

    metadata = read_metadata(chart)

    assert metadata.dependencies_file == "requirements.yaml"
    assert [dependency.name for dependency in metadata.dependencies] == ["redis"]


def test_a_mistake_in_chart_yaml_has_its_line() -> None:
    with pytest.raises(Invalid) as caught:
        read_metadata(tree(**{"Chart.yaml": "name: a\n  version: 1\n"}), "charts/a")

    assert (caught.value.problems[0].where, caught.value.problems[0].line) == ("charts/a/Chart.yaml", 2)


@pytest.mark.parametrize("text", ["", "- a\n", "just text"])
def test_a_chart_yaml_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_metadata(tree(**{"Chart.yaml": text}))


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        ("*.md", {"README.md", "docs/a.md"}),
        ("/README.md", {"README.md"}),
        ("docs/", {"docs/a.md", "docs/deep/b.txt"}),
        ("docs", {"docs/a.md", "docs/deep/b.txt"}),
        ("docs/*.md", {"docs/a.md"}),
        ("values.yaml/", set()),
        ("?alues.yaml", {"values.yaml"}),
        ("[uv]alues.yaml", {"values.yaml"}),
        ("# values.yaml", set()),
        ("", set()),
    ],
)
def test_helmignore_is_read_as_helm_reads_it(rule: str, gone: set[str]) -> None:
    chart = tree(
        **{
            ".helmignore": rule,
            "README.md": "",
            "docs/a.md": "",
            "docs/deep/b.txt": "",
            "values.yaml": "",
            "Chart.yaml": "",
        }
    )

    assert set(chart) - set(drop_ignored(chart)) == gone


def test_hidden_files_of_templates_are_left_out_by_themselves() -> None:
    assert set(drop_ignored(tree(**{"templates/.x.swp": "", "templates/x.yaml": ""}))) == {"templates/x.yaml"}


def test_a_chart_of_the_same_repository_is_found_beside_the_environment() -> None:
    repository = tree(
        **{"env/Chart.yaml": "name: env", "apps/shop/Chart.yaml": "name: shop\nversion: 1.2.0\n"}
    )

    chart = find_in_tree(ChartRef("shop", "file://../apps/shop", "^1"), repository, "env")

    assert chart is not None
    assert (chart.version, list(chart.files)) == ("1.2.0", ["Chart.yaml"])
    with pytest.raises(NotFound):
        find_in_tree(ChartRef("shop", "file://../apps/shop", "^2"), repository, "env")
    with pytest.raises(NotFound):
        find_in_tree(ChartRef("shop", "file://../shop"), repository, "env")


def test_a_vendored_chart_needs_no_repository() -> None:
    repository = tree(
        **{"env/Chart.yaml": "name: env", "env/charts/x/Chart.yaml": "name: shop\nversion: 1.2.0\n"}
    )

    chart = find_in_tree(ChartRef("shop", "", "1.2.0"), repository, "env")

    assert chart is not None
    assert find_in_tree(ChartRef("other", "", "1.2.0"), repository, "env") is None


@pytest.mark.parametrize(
    "repository", ["https://charts.example.com", "oci://h/x", "file:///abs", "file://../../out"]
)
def test_a_chart_from_elsewhere_is_not_looked_for(repository: str) -> None:
    assert find_in_tree(ChartRef("shop", repository), tree(**{"env/Chart.yaml": ""}), "env") is None


@pytest.mark.parametrize(
    ("chart_dir", "repository"), [("env", "file://."), ("env", "file://../env"), ("", "file://./")]
)
def test_an_environment_that_depends_on_itself_is_refused(chart_dir: str, repository: str) -> None:
    with pytest.raises(Invalid, match="contain itself without end"):
        find_in_tree(
            ChartRef("env", repository), tree(**{f"{chart_dir}/Chart.yaml".lstrip("/"): ""}), chart_dir
        )

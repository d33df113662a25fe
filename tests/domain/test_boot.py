"""Repositories of Jenkins X 2 as they are: read, and changed in the lines that a change means."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from tests.support import boot_repositories
from tests.support.boot_repositories import CHARTS

from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.edits import Edit, PutApp, SetRequirements, SetVersion
from jx.domain.errors import Invalid
from jx.domain.layouts import boot, umbrella
from jx.domain.layouts.sections import Mistakes
from jx.domain.names import AppKey
from jx.domain.platforms import settling
from jx.domain.trees import Tree
from jx.domain.version_stream import read_pins


def changed(before: Tree, edit: Edit) -> list[str]:
    """The lines that an edit takes and gives, with the file before them."""
    after = umbrella.apply_edit(before, edit)
    found = []
    for path in sorted({*before, *after}):
        old, new = (tree.find_text(path) or "" for tree in (before, after))
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
        found += [f"{path} {line}" for line in lines if line[:1] in "+-" and line[:3] not in {"---", "+++"}]
    return found


def test_an_environment_is_read_with_both_aliases_of_its_chart() -> None:
    spec = umbrella.read(boot_repositories.environment())
    assert [(str(app.key), app.chart.version) for app in spec.apps] == [
        ("expose", "2.3.118"),
        ("cleanup", "2.3.118"),
    ]
    assert (spec.name, spec.namespace, spec.release) == ("staging", "jx-staging", "jx")
    assert spec.unsettled == ()


def test_a_namespace_that_nobody_has_set_is_told_with_its_line() -> None:
    with pytest.raises(Invalid) as error:
        umbrella.read(boot_repositories.environment("change-me"))
    assert [str(problem) for problem in error.value.problems] == [
        "Jenkinsfile:3: the namespace is still change-me: write there the one that the apps run in"
    ]


def test_a_promotion_into_an_environment_adds_the_lines_of_its_app_and_no_other() -> None:
    app = App(AppKey("shop"), ChartRef("shop", CHARTS, "1.0.0"))
    before = boot_repositories.environment()
    assert changed(before, PutApp(app, {})) == [
        "env/requirements.yaml +- name: shop",
        "env/requirements.yaml +  version: 1.0.0",
        f"env/requirements.yaml +  repository: {CHARTS}",
    ]
    after = umbrella.apply_edit(before, PutApp(app, {}))
    assert changed(after, SetVersion(app.key, "1.1.0")) == [
        "env/requirements.yaml -  version: 1.0.0",
        "env/requirements.yaml +  version: 1.1.0",
    ]


def test_what_a_boot_repository_leaves_open_is_told_and_no_mistake() -> None:
    spec = umbrella.read(boot_repositories.boot())
    assert [str(app.key) for app in spec.apps] == ["jenkins-x-platform", "hooks"]
    assert spec.requirements.provider == "gke"
    assert (spec.name, spec.namespace, spec.release) == ("dev", "jx", "jenkins-x")
    assert [str(problem) for problem in spec.unsettled] == [
        "env/requirements.yaml: jenkins-x-platform has no version: the version stream names it",
        "env/requirements.yaml: hooks has no version: the version stream names it",
        "env/jenkins-x-platform/values.tmpl.yaml: is a template of values",
        "env/values.tmpl.yaml: is a template of values",
    ]


def test_an_upgrade_of_the_stream_changes_its_ref_and_no_other_line() -> None:
    edit = SetRequirements({"versionStream.ref": "a" * 40})
    assert changed(boot_repositories.boot(), edit) == [
        "jx-requirements.yml -  ref: master",
        f"jx-requirements.yml +  ref: {'a' * 40}",
    ]


def test_without_a_stream_a_version_is_missing() -> None:
    tree = boot_repositories.boot().put("jx-requirements.yml", "cluster: {provider: gke}\n")
    with pytest.raises(Invalid) as error:
        umbrella.read(tree)
    assert "jenkins-x-platform has no version; pin one" in str(error.value.problems[0])


def test_a_folder_with_both_forms_of_values_is_a_mistake() -> None:
    tree = boot_repositories.boot(more={"env/values.yaml": "hooks: {}\n"})
    with pytest.raises(Invalid) as error:
        umbrella.read(tree)
    said = "env/values.tmpl.yaml: env/values.yaml holds the same values; keep one of them"
    assert said in [str(problem) for problem in error.value.problems]


def filled(tree: Tree, stream: Tree) -> tuple[Tree, Mistakes]:
    mistakes, spec = Mistakes(), umbrella.read(tree)
    return settling.fill_versions(tree, spec.chart_dir, spec.apps, stream, mistakes), mistakes


def test_missing_versions_are_those_of_the_stream() -> None:
    tree, mistakes = filled(boot_repositories.boot(), boot_repositories.stream())
    mistakes.check("none")
    assert [app.chart.version for app in umbrella.read(tree).apps] == ["2.0.1", "0.0.9"]


def test_a_version_that_stands_there_stays() -> None:
    text = f"dependencies:\n- name: lighthouse\n  version: 0.0.1\n  repository: {CHARTS}\n"
    tree, _ = filled(boot_repositories.boot(more={"env/requirements.yaml": text}), boot_repositories.stream())
    assert [app.chart.version for app in umbrella.read(tree).apps] == ["0.0.1"]


def test_a_chart_that_the_stream_does_not_know_is_a_mistake_with_its_repository() -> None:
    _, mistakes = filled(
        boot_repositories.boot(), boot_repositories.stream().remove("charts/acme/lighthouse.yml")
    )
    with pytest.raises(Invalid, match="open") as error:
        mistakes.check("open")
    (problem,) = error.value.problems
    assert str(problem) == (
        f"env/requirements.yaml: hooks has no version, and the version stream names none for lighthouse of {CHARTS}"
    )


def test_a_chart_of_systems_is_an_environment_with_the_same_settings() -> None:
    tree = boot.as_environment(boot_repositories.boot(), "systems/ingress")
    assert tree is not None
    assert "env/templates/route.yaml" in tree
    assert "env/requirements.yaml" not in tree
    assert tree.text("env/parameters.yaml").startswith("adminUser:")
    assert umbrella.read(tree).namespace == "jx"


@pytest.mark.parametrize("folder", ["", "env", "env/hooks", "systems", "docs"])
def test_other_folders_are_no_chart_of_their_own(folder: str) -> None:
    assert boot.as_environment(boot_repositories.boot(), folder) is None


def test_a_stream_is_read_with_charts_packages_images_and_repositories() -> None:
    names = [str(pin) for pin in read_pins(boot_repositories.stream())]
    assert names == [
        "charts/acme/jenkins-x-platform", "charts/acme/lighthouse", "docker/example/builder",
        "git/git.example.com/acme/boot", "packages/jx",
    ]  # fmt: skip


def values_of(tree: Tree) -> dict[str, Any]:
    return boot.data_of(tree, "env")


def test_templates_see_settings_environments_by_key_and_parameters() -> None:
    about = values_of(boot_repositories.boot())
    assert about["Requirements"]["unheardOf"] == {"of": "us"}
    assert about["Requirements"]["storage"]["backup"] == {}
    assert about["Environments"]["staging"] == {"key": "staging", "ingress": {"tls": {}}}
    assert about["Parameters"]["adminUser"]["password"] == "vault:fox/adminUser:password"

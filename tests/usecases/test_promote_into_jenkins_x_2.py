"""Repositories as Jenkins X 2 made them take releases with the fewest lines."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime

import pytest
from tests.support.environments import OLD_REQUIREMENTS, make_tree

from jx.domain.changes.promotions import Leg, Promotion
from jx.domain.charts.charts import ChartRef
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey, EnvironmentName, Person
from jx.domain.trees import Tree
from jx.usecases.promoting.advance_promotion import edit_for

MUSEUM = "http://jenkins-x-chartmuseum:8080"


def environment(requirements: str) -> Tree:
    return make_tree(
        {
            "Makefile": 'NAMESPACE := "jx-staging"\n',
            "Jenkinsfile": 'environment { DEPLOY_NAMESPACE = "jx-staging" }\n',
            "env/Chart.yaml": "name: env\nversion: 0.0.1\n",
            "env/requirements.yaml": requirements,
            "env/values.yaml": "expose:\n  Annotations:\n    helm.sh/hook: post-install\n",
        }
    )


def changed(tree: Tree, version: str, *, repository: str = MUSEUM, alias: str = "") -> tuple[Tree, list[str]]:
    chart = ChartRef("shop", repository, version)
    legs = (Leg(EnvironmentName("staging")),)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    promotion = Promotion(1, AppKey(alias or "shop"), chart, Person("Ann"), at, legs, alias=alias)
    app = next((one for one in umbrella.read(tree).apps if one.key == promotion.app), None)
    after = umbrella.apply_edit(tree, edit_for(promotion, app))
    assert {path for path in after if after.find_text(path) != tree.find_text(path)} <= {
        "env/requirements.yaml"
    }
    before, now = (one.text("env/requirements.yaml").splitlines() for one in (tree, after))
    return after, [line for line in difflib.ndiff(before, now) if line[0] in "+-"]


@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_new_app_is_one_entry_and_an_upgrade_is_one_line(ending: str) -> None:
    tree = environment(f"# ours\n{OLD_REQUIREMENTS.rstrip()}{ending}")
    first, lines = changed(tree, "1.0.0")
    assert lines == ["+ - name: shop", "+   version: 1.0.0", f"+   repository: {MUSEUM}"]
    _, lines = changed(first, "2.0.0")
    assert lines == ["-   version: 1.0.0", "+   version: 2.0.0"]


def test_a_chart_that_is_somewhere_else_by_now_moves_and_keeps_its_alias() -> None:
    tree, _ = changed(environment(OLD_REQUIREMENTS), "1.0.0", alias="store")
    after, lines = changed(tree, "2.0.0", repository="https://charts.example.com", alias="store")
    assert sorted(line.replace("'", "") for line in lines) == [
        "+   repository: https://charts.example.com",
        "+   version: 2.0.0",
        f"-   repository: {MUSEUM}",
        "-   version: 1.0.0",
    ]
    assert [app.key for app in umbrella.read(after).apps] == ["expose", "cleanup", "store"]

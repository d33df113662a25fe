"""Boot: what repositories of `jx boot` leave open, and how it is settled before anything is rendered.

    requirements.yaml   dependencies without a version: the version stream names it
    values.tmpl.yaml    in place of values.yaml, in any folder of values: a template over .Requirements (jx-requirements.yml),
                        .Environments (its list, by key) and .Parameters (parameters.yaml beside Chart.yaml)
    systems/<name>/     further charts of the same form, each applied by itself

Nothing is written back: the repository stays as it is, and edits change it like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jx.domain.charts.apps import App
from jx.domain.errors import Problem
from jx.domain.layouts import dependencies
from jx.domain.layouts.sections import Mistakes
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree

TEMPLATE = "values.tmpl.yaml"
PARAMETERS = "parameters.yaml"
REQUIREMENTS = "jx-requirements.yml"

_SECTIONS = (
    "cluster",
    "ingress.tls",
    "storage.logs",
    "storage.reports",
    "storage.repository",
    "storage.backup",
    "vault",
    "versionStream",
)
"""What Jenkins X 2 always had, be it empty: templates look into it without asking."""
_SECTIONS_OF_ONE = ("ingress.tls",)
"""The same of each environment."""
_SECRETIVE = re.compile(r"{{[^}]*\bhashPassword\b")


def list_templates(tree: Tree, chart_dir: str) -> list[str]:
    """Templates of values, by their path in the repository."""
    place = f"{chart_dir}/" if chart_dir else ""
    return [
        path
        for path in tree
        if path.startswith(place)
        and path.rpartition("/")[2] == TEMPLATE
        and path.removeprefix(place).split("/")[0] not in dependencies.RESERVED
        and (bool(chart_dir) or path.count("/") <= 1)
    ]


def find_open(tree: Tree, chart_dir: str, apps: tuple[App, ...], mistakes: Mistakes) -> tuple[Problem, ...]:
    """What has to be settled before this can be rendered. A folder with both forms of values is a mistake."""
    place = f"{chart_dir}/" if chart_dir else ""
    holder = place + dependencies.holder_of(tree.under(chart_dir) if chart_dir else tree)
    open_ones = [
        Problem(holder, f"{app.key} has no version: the version stream names it")
        for app in apps
        if needs_version(app)
    ]
    for path in list_templates(tree, chart_dir):
        plain = path.removesuffix(TEMPLATE) + "values.yaml"
        if plain in tree:
            mistakes.add(path, f"{plain} holds the same values; keep one of them")
        open_ones.append(Problem(path, "is a template of values"))
    return tuple(open_ones)


def needs_version(app: App) -> bool:
    """Whether nothing says which version of its chart is meant."""
    return (
        not app.chart.version and bool(app.chart.repository) and not app.chart.repository.startswith("file:")
    )


def data_of(tree: Tree, chart_dir: str) -> dict[str, Any]:
    """What templates of values are about."""
    place = f"{chart_dir}/" if chart_dir else ""
    requirements: dict[str, Any] = dict(read_mapping(tree.find_text(REQUIREMENTS) or "", REQUIREMENTS))
    _complete(requirements, _SECTIONS)
    listed = requirements.get("environments")
    named = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    for one in named:
        _complete(one, _SECTIONS_OF_ONE)
    parameters = read_mapping(tree.find_text(place + PARAMETERS) or "", place + PARAMETERS)
    return {
        "Requirements": requirements,
        "Environments": {str(one.get("key")): one for one in named},
        "Parameters": dict(parameters),
    }


def _complete(settings: dict[str, Any], sections: tuple[str, ...]) -> None:
    for path in sections:
        at = settings
        for key in path.split("."):
            if not isinstance(at.get(key), dict):
                at[key] = {}
            at = at[key]


def why_closed(text: str) -> str:
    """Why a template cannot be evaluated at all; empty where it may be."""
    if _SECRETIVE.search(text):
        return (
            "hashPassword needs the password itself, which is not in git; write this value into a values.yaml"
        )
    return ""


def settled(tree: Tree, texts: Mapping[str, str]) -> Tree:
    """With what came of templates in their place."""
    for path, text in texts.items():
        tree = tree.remove(path).put(path.removesuffix(TEMPLATE) + "values.yaml", text)
    return tree


def as_environment(tree: Tree, folder: str, chart_dir: str = "env") -> Tree | None:
    """A further chart of the repository (`systems/<name>`), as if it were all that the repository holds; None where the folder is
    part of the environment's own chart, or holds none."""
    is_own = not folder or folder == chart_dir or folder.startswith(f"{chart_dir}/")
    if is_own or f"{folder}/Chart.yaml" not in tree:
        return None
    top = Tree({path: blob for path, blob in tree.files.items() if "/" not in path})
    parameters = tree.find_text(f"{chart_dir}/{PARAMETERS}")
    chart = tree.under(folder)
    if parameters and PARAMETERS not in chart:
        chart = chart.put(PARAMETERS, parameters)
    return top.graft(chart_dir, chart)

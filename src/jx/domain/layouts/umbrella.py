"""The umbrella layout: an environment is a Helm chart in `env/` whose dependencies are its apps, as in Jenkins X 2.

    env/Chart.yaml            the apps, as dependencies (Helm 2: env/requirements.yaml)
    env/values.yaml           values of all apps, each below its key
    env/<key>/values.yaml     more values of one app (values_folders says how they are merged)
    env/<key>/templates/      templates beside an app (app_templates); other files of the folder are for people
    env/templates/*-env.yaml  the environments, in the dev repository
    env/templates/*-sr.yaml   the repositories of applications, there, too
    jx-requirements.yml       settings

`read` finds all mistakes at once. `apply_edit` changes the lines that an edit means, and no other byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any, assert_never

from jx.domain.charts.apps import App
from jx.domain.charts.logins import find_login
from jx.domain.environments.edits import (
    ChartEdit,
    Edit,
    PatchFiles,
    PutApp,
    PutEnvironment,
    PutLogin,
    PutPlace,
    RemoveApp,
    RemoveEnvironment,
    SetRequirements,
    SetValues,
    SetVersion,
    Several,
)
from jx.domain.environments.environments import EnvironmentSpec, Requirements
from jx.domain.errors import NotFound
from jx.domain.layouts import boot, dependencies
from jx.domain.layouts.app_templates import move_templates
from jx.domain.layouts.environments_yaml import (
    DEV_FILE,
    put_environment,
    read_environments,
    remove_environment,
)
from jx.domain.layouts.naming import read_naming
from jx.domain.layouts.requirements import (
    put_login,
    put_place,
    read_requirements,
    remove_place,
    set_requirements,
)
from jx.domain.layouts.sections import Mistakes
from jx.domain.layouts.source_repositories_yaml import read_source_repositories
from jx.domain.layouts.values_folders import list_folders, merge_values
from jx.domain.names import AppKey, EnvironmentName
from jx.domain.texts import values
from jx.domain.texts.patches import apply_patch
from jx.domain.texts.yaml_edit import remove, set_value
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree

CHART_DIR = "env"
_SECRET_FILES = frozenset({"secrets.yaml", "mysecrets.yaml", "myvalues.yaml"})
_VERSION_LABEL = ("metadata", "labels", "jenkins.io/app-version")


def read(tree: Tree, *, name: EnvironmentName | None = None) -> EnvironmentSpec:
    """What a repository says of its environment. A name that the caller knows wins over what the files let guess.

    Raises NotFound where there is no chart, and Invalid with every mistake in every file.
    """
    chart_dir = find_chart_dir(tree)
    place = f"{chart_dir}/" if chart_dir else ""
    mistakes = Mistakes()
    _check_files(tree, place, mistakes)
    requirements, settings = read_requirements(tree, mistakes)
    has_stream = requirements.version_stream is not None
    apps = dependencies.read_dependencies(tree, chart_dir, mistakes, has_stream=has_stream)
    unsettled = boot.find_open(tree, chart_dir, apps, mistakes)
    environments = read_environments(tree, place, mistakes)
    source_repositories = read_source_repositories(tree, place, mistakes)
    dev = next((one for one in environments if one.is_dev), None) if place + DEV_FILE in tree else None
    is_dev = dev is not None or any(app.is_platform for app in apps)
    naming = read_naming(tree, settings=settings, dev=dev, is_dev=is_dev, name=name, mistakes=mistakes)
    chart = _read_chart(
        tree.under(chart_dir) if chart_dir else tree, tuple(app.key for app in apps), place, mistakes
    )
    mistakes.check("the environment's repository has mistakes")
    return EnvironmentSpec(
        name=naming.name,
        namespace=naming.namespace,
        release=naming.release,
        apps=tuple(_with_login(app, requirements) for app in apps),
        chart_dir=chart_dir,
        chart=chart,
        environments=environments,
        source_repositories=source_repositories,
        requirements=requirements,
        unsettled=unsettled,
    )


def _with_login(app: App, requirements: Requirements) -> App:
    login = find_login(requirements.logins, app.chart.repository)
    return replace(app, chart=replace(app.chart, login=login)) if login else app


def find_chart_dir(tree: Tree) -> str:
    """`env`, or empty where the repository itself is the chart; NotFound where there is neither."""
    if f"{CHART_DIR}/Chart.yaml" in tree:
        return CHART_DIR
    if "Chart.yaml" in tree:
        return ""
    raise NotFound(
        f"there is no environment chart: neither {CHART_DIR}/Chart.yaml nor Chart.yaml",
        hint="is this the repository of an environment? name its folder with --dir",
    )


def _check_files(tree: Tree, place: str, mistakes: Mistakes) -> None:
    for path in tree:
        folder, _, file = path.rpartition("/")
        is_top = not folder
        inside = f"{folder}/".removeprefix(place) if f"{folder}/".startswith(place) else None
        is_values = inside is not None and inside.split("/")[0] not in dependencies.RESERVED
        if file in _SECRET_FILES and (is_top or is_values):
            mistakes.add(
                path, "values of this file never belong into git: remove it and change the secrets in it"
            )


def _read_chart(chart: Tree, keys: tuple[AppKey, ...], place: str, mistakes: Mistakes) -> Tree:
    tops = {*keys, *(folder.split("/")[0] for folder in list_folders(chart))} - dependencies.RESERVED
    merged = merge_values(chart, place, mistakes)
    moved = move_templates(merged, keys, place, mistakes)
    return Tree(
        {
            path: blob
            for path, blob in moved.files.items()
            if path.split("/")[0] not in tops or "/" not in path
        }
    )


def apply_edit(tree: Tree, edit: Edit) -> Tree:
    """The tree with an edit applied; applying it again changes nothing.

    NotFound, with the nearest names, where an edit is about an app that is not installed; Invalid, with the place, where a file
    is written in a way that cannot be edited.
    """
    match edit:
        case Several(edits):
            for one in edits:
                tree = apply_edit(tree, one)
            return tree
        case SetRequirements(settings):
            return set_requirements(tree, settings)
        case PutLogin(login):
            return put_login(tree, login)
        case PutPlace(place):
            return put_place(tree, place)
        case RemoveApp(key):
            tree = remove_place(tree, key)
        case PatchFiles(patches):
            for patch in patches:
                tree = apply_patch(tree, patch)
            return tree
    chart_dir = find_chart_dir(tree)
    chart = _edit_chart(tree.under(chart_dir) if chart_dir else tree, edit)
    if not chart_dir:
        return chart
    outside = {path: blob for path, blob in tree.files.items() if not path.startswith(f"{chart_dir}/")}
    return Tree(outside).graft(chart_dir, chart)


def _edit_chart(chart: Tree, edit: ChartEdit) -> Tree:
    match edit:
        case PutApp(app, files):
            chart = dependencies.put_dependency(chart, app)
            for path, text in files.items():
                chart = chart.put(f"{app.key}/{path}", text)
            return chart
        case SetVersion(key, version):
            return _label_version(dependencies.set_version(chart, key, version), key, version)
        case RemoveApp(key):
            return _remove_app(chart, key)
        case SetValues(key, settings):
            return _set_values(chart, key, settings)
        case PutEnvironment(name, spec):
            return put_environment(chart, name, spec)
        case RemoveEnvironment(name):
            return remove_environment(chart, name)
    assert_never(edit)


def _label_version(chart: Tree, key: AppKey, version: str) -> Tree:
    """The App object beside an app names its version in a label, as Jenkins X 2 has it."""
    path = f"{key}/templates/app.yaml"
    text = chart.find_text(path)
    if text is None or "{{" in text:
        return chart
    if not values.find(read_mapping(text, path), _VERSION_LABEL)[0]:
        return chart
    return chart.put(path, set_value(text, _VERSION_LABEL, label_of(version), path))


def label_of(version: str) -> str:
    """A version as the value of a Kubernetes label, which knows no `+`."""
    return version.replace("+", "_")[:63]


def _remove_app(chart: Tree, key: AppKey) -> Tree:
    chart = dependencies.remove_dependency(chart, key)
    if key not in dependencies.RESERVED:
        chart = chart.remove(*(path for path in chart if path.startswith(f"{key}/")))
    text = chart.find_text("values.yaml")
    return chart if text is None else chart.put("values.yaml", remove(text, (key,), "values.yaml"))


def _set_values(chart: Tree, key: AppKey, settings: Mapping[str, Any]) -> Tree:
    """Where a value stands already it is changed there; a new one goes into the app's folder."""
    if not dependencies.has_dependency(chart, key):
        raise dependencies.not_installed(key, dependencies.list_keys(chart))
    for text, value in settings.items():
        path = values.parse_path(text)
        file, at = f"{key}/values.yaml", path
        own = chart.find_text("values.yaml") or ""
        # A list is in one file as a whole, so an item that is new goes where the others are.
        whole = tuple(takewhile(lambda part: isinstance(part, str), path))
        if values.find(read_mapping(own, "values.yaml"), (key, *whole))[0]:
            file, at = "values.yaml", (key, *path)
        chart = chart.put(file, set_value(chart.find_text(file) or "", at, value, file))
    return chart

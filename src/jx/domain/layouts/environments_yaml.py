"""Environments as Kubernetes objects: `env/templates/*-env.yaml`, `jenkins.io/v1` Environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jx.domain.environments.environments import Environment, Kind, Strategy
from jx.domain.layouts.sections import Mistakes, Section, open_section
from jx.domain.names import (
    EnvironmentName,
    parse_branch,
    parse_environment_name,
    parse_namespace,
    parse_repo,
)
from jx.domain.texts.values import put
from jx.domain.texts.yaml_edit import set_value
from jx.domain.texts.yaml_text import write_yaml
from jx.domain.trees import Tree

SUFFIX = "-env.yaml"
_COMMENT = "# Read by jx, and kept in the cluster as an object.\n"
DEV_FILE = f"templates/dev{SUFFIX}"


def read_environments(tree: Tree, place: str, mistakes: Mistakes) -> tuple[Environment, ...]:
    """All environments that a chart declares; `place` is the folder of the chart, with a slash, or empty."""
    folder = f"{place}templates/"
    paths = [
        p for p in tree if p.startswith(folder) and p.endswith(SUFFIX) and "/" not in p.removeprefix(folder)
    ]
    found: dict[str, Environment] = {}
    for path in paths:
        if "{{" in (tree.find_text(path) or ""):
            mistakes.add(path, "an Environment is read without Helm: it cannot hold `{{ }}`")
            continue
        environment = _read(open_section(tree, path, mistakes))
        if environment is None:
            continue
        if environment.name in found:
            mistakes.add(path, f"environment {environment.name} is declared twice")
        found[environment.name] = environment
    return tuple(found.values())


def _read(section: Section) -> Environment | None:
    if section.text("kind") != "Environment" or not section.text("apiVersion").startswith("jenkins.io/"):
        return None
    spec, source = section.section("spec"), section.section("spec").section("source")
    metadata = section.section("metadata")
    attempt, where = section.mistakes.attempt, section.where
    name = attempt(
        lambda: parse_environment_name(metadata.text("name")), None, where=where, line=metadata.line
    )
    namespace = attempt(lambda: parse_namespace(spec.text("namespace")), "", where=where, line=spec.line)
    url = source.text("url")
    repo = attempt(lambda: parse_repo(url), None, where=where, line=source.line) if url else None
    branch = attempt(lambda: parse_branch(source.text("ref", "master")), "", where=where, line=source.line)
    if name is None:
        return None
    return Environment(
        name=name,
        namespace=namespace,
        repo=repo,
        branch=branch,
        label=spec.text("label"),
        kind=spec.choice("kind", Kind, Kind.PERMANENT),
        strategy=spec.choice("promotionStrategy", Strategy, Strategy.NEVER),
        order=spec.integer("order", 100),
        is_remote=spec.boolean("remoteCluster")
        or spec.boolean("remote"),  # charts of Jenkins X 2 wrote `remote`
        cluster=spec.text("cluster"),
        pull_request_url=spec.text("pullRequestURL"),
        webhook_engine=spec.text("webHookEngine"),
        team_settings=spec.mapping("teamSettings"),
        preview=spec.mapping("previewGitInfo"),
    )


def put_environment(chart: Tree, name: EnvironmentName, spec: Mapping[str, Any]) -> Tree:
    """With an environment declared, or its declaration changed where it differs: paths below `spec` -> value."""
    path = _find_file(chart, name)
    if path is not None:
        text = chart.text(path)
        for at, value in spec.items():
            text = set_value(text, ("spec", *at.split(".")), value, path)
        return chart.put(path, text)
    nested: dict[str, Any] = {}
    for at, value in spec.items():
        nested = put(nested, tuple(at.split(".")), value)
    return chart.put(f"templates/{name}{SUFFIX}", _COMMENT + write_yaml(_object(name, nested)))


def remove_environment(chart: Tree, name: EnvironmentName) -> Tree:
    """Without an environment's declaration; not there is no error."""
    path = _find_file(chart, name)
    return chart if path is None else chart.remove(path)


def spec_of(environment: Environment) -> dict[str, Any]:
    """What its declaration says, by the paths below `spec`: what is empty or usual is left out."""
    spec: dict[str, Any] = {"label": environment.label, "namespace": environment.namespace}
    if environment.cluster:
        spec["cluster"] = environment.cluster
    spec |= {
        "kind": environment.kind.value,
        "promotionStrategy": environment.strategy.value,
        "order": environment.order,
    }
    if environment.repo is not None:
        spec |= {
            "source.kind": "git",
            "source.url": environment.repo.url,
            "source.ref": environment.branch,
        }
    if environment.is_remote:
        spec["remoteCluster"] = True
    return spec


def _find_file(chart: Tree, name: EnvironmentName) -> str | None:
    """Where an environment is declared: by the name in the file, whatever the file is called."""
    usual = f"templates/{name}{SUFFIX}"
    paths = [p for p in chart if p.startswith("templates/") and p.endswith(SUFFIX) and p.count("/") == 1]
    named = [p for p in paths if open_section(chart, p, Mistakes()).section("metadata").text("name") == name]
    return named[0] if named else usual if usual in chart else None


def write_environment(environment: Environment) -> str:
    """The file for an environment that is declared anew; `read_environments` reads it as the same."""
    spec: dict[str, object] = {"label": environment.label, "namespace": environment.namespace}
    if environment.cluster:
        spec["cluster"] = environment.cluster
    spec["kind"] = environment.kind.value
    spec["promotionStrategy"] = environment.strategy.value
    spec["order"] = environment.order
    if environment.repo is not None:
        spec["source"] = {"kind": "git", "url": environment.repo.url, "ref": environment.branch}
    optional = {
        "remoteCluster": environment.is_remote,
        "pullRequestURL": environment.pull_request_url,
        "webHookEngine": environment.webhook_engine,
        "teamSettings": dict(environment.team_settings),
        "previewGitInfo": dict(environment.preview),
    }
    spec |= {key: value for key, value in optional.items() if value}
    return write_yaml(_object(environment.name, spec))


def _object(name: EnvironmentName, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "jenkins.io/v1",
        "kind": "Environment",
        "metadata": {"name": name, "labels": {"env": name}},
        "spec": dict(spec),
    }

"""Which environment a repository is, and under which namespace and release it is installed.

The first of these that says it: the block `apply:` of jx-requirements.yml; `templates/dev-env.yaml`, or a dependency on the
platform's chart (then it is dev, release `jenkins-x`); `DEPLOY_NAMESPACE` of jenkins-x.yml or Jenkinsfile, `NAMESPACE` of the
Makefile (release `jx`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jx.domain.environments.environments import Environment
from jx.domain.layouts.requirements import ApplySettings
from jx.domain.layouts.sections import Mistakes, Section, open_section
from jx.domain.names import DEV, EnvironmentName, parse_environment_name, parse_namespace
from jx.domain.trees import Tree

DEV_RELEASE = "jenkins-x"
RELEASE = "jx"
PLACEHOLDER = "change-me"
"""What templates of Jenkins X 2 say before a namespace is set."""

_JENKINSFILE = re.compile(r"""^\s*DEPLOY_NAMESPACE\s*=\s*["']([^"'\n]+)["']""", re.MULTILINE)
_MAKEFILE = re.compile(r"""^NAMESPACE\s*[:?]?=\s*["']?([^"'\s]+)["']?\s*$""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Naming:
    """Name, namespace and Helm release of an environment."""

    name: EnvironmentName
    namespace: str
    release: str


def read_naming(
    tree: Tree,
    *,
    settings: ApplySettings,
    dev: Environment | None,
    is_dev: bool,
    name: EnvironmentName | None,
    mistakes: Mistakes,
) -> Naming:
    """The names; a name that the caller knows wins. Mistakes where no namespace can be found or a name is none."""
    said = settings.namespace or (dev.namespace if dev else "") or _find_namespace(tree, mistakes)
    if not said:
        mistakes.add(
            "jx-requirements.yml", "nothing says into which namespace this is applied; set apply.namespace"
        )
    namespace = (
        mistakes.attempt(lambda: parse_namespace(said), "", where="jx-requirements.yml") if said else ""
    )
    fallback = DEV if is_dev else namespace.removeprefix("jx-") or RELEASE
    text = name or settings.environment or fallback
    found = mistakes.attempt(lambda: parse_environment_name(text), DEV, where="jx-requirements.yml")
    return Naming(found, namespace, settings.release or (DEV_RELEASE if is_dev else RELEASE))


def _find_namespace(tree: Tree, mistakes: Mistakes) -> str:
    pipeline = open_section(tree, "jenkins-x.yml", mistakes)
    for entry in _variables(pipeline):
        if entry.text("name") == "DEPLOY_NAMESPACE" and entry.text("value"):
            return _checked(entry.text("value"), "jenkins-x.yml", entry.line, mistakes)
    for path, pattern in (("Jenkinsfile", _JENKINSFILE), ("Makefile", _MAKEFILE)):
        text = tree.find_text(path) or ""
        match = pattern.search(text)
        if match is not None:
            return _checked(match[1], path, text.count("\n", 0, match.start(1)) + 1, mistakes)
    return ""


def _variables(pipeline: Section) -> Iterator[Section]:
    config = pipeline.section("pipelineConfig")
    yield from config.items("env")
    yield from pipeline.items("env")
    yield from config.section("pipelines").section("release").section("pipeline").items("environment")


def _checked(namespace: str, where: str, line: int | None, mistakes: Mistakes) -> str:
    if namespace == PLACEHOLDER:
        mistakes.add(
            where, f"the namespace is still {PLACEHOLDER}: write there the one that the apps run in", line
        )
        return "default"
    return namespace

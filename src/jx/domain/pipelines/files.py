"""Files: jenkins-x.yml and its like, read whole or refused with every mistake and its line."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from jx.domain.errors import Invalid, NotFound, Problem
from jx.domain.layouts.sections import Mistakes
from jx.domain.pipelines.checking import check_config, check_project
from jx.domain.pipelines.parts_checking import NO_VOLUME
from jx.domain.pipelines.shapes import Place, read_shape
from jx.domain.pipelines.step_checking import NO_IMAGE
from jx.domain.pipelines.syntax import PackImports, PipelineConfig, ProjectFile
from jx.domain.pipelines.triggering import check_triggers
from jx.domain.texts.yaml_text import parse_node
from jx.domain.trees import Tree

_T = TypeVar("_T")

PROJECT_FILE = "jenkins-x.yml"
PACK_FILE = "pipeline.yaml"
IMPORTS_FILE = "imports.yaml"

_CONTEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def name_file(context: str = "") -> str:
    """The name of the file of a context; Invalid for what could be a path."""
    if context and not _CONTEXT.fullmatch(context):
        what = "a context has letters, digits, '-', '_' and '.', and begins with a letter or digit"
        raise Invalid(f"{context!r} is not a valid name of a context", Problem("", what))
    return f"jenkins-x-{context}.yml" if context else PROJECT_FILE


def find_file(tree: Tree, context: str = "") -> str:
    """The file of a context as it is in a tree: its own, else jenkins-x.yml; NotFound without both."""
    for name in dict.fromkeys((name_file(context), PROJECT_FILE)):
        if name in tree.files:
            return name
    raise NotFound(
        f"there is no {' and no '.join(dict.fromkeys((name_file(context), PROJECT_FILE)))}",
        hint="run it in the folder of a project, or name that by --dir",
    )


def parse_project(text: str, where: str = PROJECT_FILE) -> ProjectFile:
    """A project's file, or Invalid with all its mistakes."""
    mistakes = Mistakes()
    spoiled: set[int] = set()
    file = _read(ProjectFile, text, where, mistakes, spoiled)
    _add_meanings(mistakes, spoiled, functools.partial(_check_whole, file))
    mistakes.check(f"{where} has mistakes")
    return file


def parse_pack(text: str, where: str = PACK_FILE) -> PipelineConfig:
    """A build pack's pipeline.yaml, or Invalid with all its mistakes."""
    mistakes = Mistakes()
    spoiled: set[int] = set()
    config = _read(PipelineConfig, text, where, mistakes, spoiled)
    _add_meanings(mistakes, spoiled, lambda found: check_config(config, found))
    mistakes.check(f"{where} has mistakes")
    return config


def parse_imports(text: str, where: str = IMPORTS_FILE) -> PackImports:
    """The other repositories that build packs add to, or Invalid with all mistakes."""
    mistakes = Mistakes()
    imports = _read(PackImports, text, where, mistakes)
    mistakes.check(f"{where} has mistakes")
    return imports


def _check_whole(file: ProjectFile, mistakes: Mistakes) -> None:
    check_project(file, mistakes)
    check_triggers(file, PROJECT_FILE, mistakes)


def _add_meanings(mistakes: Mistakes, spoiled: set[int], check: Callable[[Mistakes], None]) -> None:
    """What is wrong with what was read, but for what may only follow from what could not be read."""
    found = Mistakes()
    check(found)
    mistakes.problems += [
        problem
        for problem in found.problems
        if not mistakes.problems
        or not (problem.line in spoiled or problem.what.startswith((NO_IMAGE, NO_VOLUME)))
    ]


def _read(kind: type[_T], text: str, where: str, mistakes: Mistakes, spoiled: set[int] | None = None) -> _T:
    node = parse_node(text, where)
    if node is None or node.real.tag == "null":
        return cast("_T", cast("Any", kind)(place=Place(where)))
    if node.real.tag != "map":
        mistakes.add(where, "expected `key: value`", node.line)
        return kind()
    return read_shape(kind, node, where, mistakes, spoiled)

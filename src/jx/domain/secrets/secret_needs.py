"""Secret needs: which secrets an environment's files refer to, where, and what is rendered in their place."""

from __future__ import annotations

import base64
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jx.domain.errors import Invalid, NotFound, Problem
from jx.domain.objects import markers, references
from jx.domain.objects.manifests import Body, Manifest
from jx.domain.objects.markers import Shape
from jx.domain.objects.recipes import Recipe, find_recipe, place_of
from jx.domain.objects.references import Path, Placed, Reach, Reference
from jx.domain.objects.secrets import is_secret
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree

VALUES = "values.yaml"


@dataclass(frozen=True, slots=True)
class Needs:
    """What the values of an environment's chart need of secret stores."""

    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The values, with a reference in place of each recipe."""
    placed: tuple[Placed, ...] = ()
    recipes: Mapping[Reference, Recipe] = field(default_factory=dict, hash=False)
    """How those are made that may be made where they are missing."""

    @property
    def references(self) -> tuple[Reference, ...]:
        """Each reference once, in order."""
        return tuple(dict.fromkeys(one.reference for one in self.placed))

    @property
    def paths(self) -> tuple[str, ...]:
        """What has to be read: each path once."""
        return tuple(dict.fromkeys(one.path for one in self.references))


def read_needs(chart: Tree, environment: str) -> Needs:
    """The needs of a chart's values. Invalid with all mistakes: what can only be meant as a reference and is none, recipes that
    cannot be followed, and markers that somebody wrote."""
    text = chart.find_text(VALUES)
    document = read_mapping(text, VALUES) if text else {}
    problems = [
        Problem(VALUES, f"{references.shown(at)} is no reference; the form is vault:PATH:KEY")
        for at in references.list_misspelt(document)
    ]
    problems += [
        Problem(
            VALUES, f"{references.shown(at)} is written like what stands for a secret; write the reference"
        )
        for at in markers.list_written(document)
    ]
    recipes: dict[Reference, Recipe] = {}
    values = _with_places(document, (), environment, recipes, problems)
    if problems:
        raise Invalid("secrets are not referred to as they should be", *problems)
    return Needs(values, references.list_references(values), recipes)


def _with_places(
    value: Any, at: Path, environment: str, recipes: dict[Reference, Recipe], problems: list[Problem]
) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _with_places(child, (*at, str(key)), environment, recipes, problems)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [
            _with_places(child, (*at, index), environment, recipes, problems)
            for index, child in enumerate(value)
        ]
    try:
        recipe = find_recipe(value)
    except Invalid as error:
        problems.append(Problem(VALUES, f"{references.shown(at)}: {error.message}"))
        return value
    if recipe is None:
        return value
    place = place_of(recipe, at, environment)
    known = recipes.setdefault(place, recipe)
    if known != recipe:
        problems.append(
            Problem(VALUES, f"{references.shown(at)}: {place} is made by another recipe elsewhere")
        )
    return str(place)


def overlay(needs: Needs, given: Mapping[Reference, str]) -> dict[str, Any]:
    """What to lay over a chart's values: these in place of references, and nothing that holds none. Lists are whole, since Helm
    replaces them whole."""
    found = _overlay(needs.values, given)
    return found if isinstance(found, dict) else {}


def _overlay(value: Any, given: Mapping[Reference, str]) -> Any:
    if isinstance(value, Mapping):
        children = {key: _overlay(child, given) for key, child in value.items()}
        return {key: child for key, child in children.items() if child is not None} or None
    if isinstance(value, list):
        return references.replaced(value, given) if references.list_references(value) else None
    reference = references.find_reference(value)
    return None if reference is None else given[reference]


def marked(
    wanted: Iterable[Reference], *, draw: int = 0, shapes: Mapping[Reference, Shape] | None = None
) -> dict[Reference, str]:
    """A marker for each reference."""
    known = shapes or {}
    return {one: markers.marker(one, known.get(one, Shape.TEXT), draw=draw) for one in wanted}


def list_in_templates(chart: Tree) -> tuple[tuple[str, Reference], ...]:
    """References that are written into a chart's own templates, with the file of each."""
    return tuple(
        (path, reference)
        for path in chart
        if path.startswith("templates/")
        for reference in references.list_in_text(chart.find_text(path) or "")
    )


def list_in_manifests(manifests: Iterable[Manifest]) -> tuple[tuple[Manifest, Placed], ...]:
    """References that stand in what was rendered: written into templates."""
    return tuple(
        (manifest, placed) for manifest in manifests for placed in references.list_references(manifest.body)
    )


def filled(manifest: Manifest, given: Mapping[Reference, str]) -> Manifest:
    """A manifest with values in place of references; in base64 where a Secret wants that."""
    body = manifest.body
    if not references.list_references(body):
        return manifest
    made = references.replaced(body, given)
    if is_secret(body) and isinstance(body.get("data"), Mapping):
        made["data"] = _encoded(body["data"], given)
    return replace(manifest, body=made)


def _encoded(data: Body, given: Mapping[Reference, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        reference = references.find_reference(value)
        found[key] = value if reference is None else base64.b64encode(given[reference].encode()).decode()
    return found


def check_reach(
    needs: Needs, extra: Iterable[Reference], reach: Reach, *, tree: Tree, environment: str
) -> None:
    """Invalid where a reference is to a path that the environment may not read. What is generated for it is its own."""
    wanted = dict.fromkeys((*needs.references, *extra))
    own = Reach((*reach.patterns, f"generated/{environment}/**"))
    problems = [
        Problem(
            file,
            f"{reference} is not for environment {environment}; it may read {', '.join(reach.patterns)}",
            line,
        )
        for reference in wanted
        if not own.covers(reference.path)
        for file, line in _places(tree, reference)
    ]
    if problems:
        raise Invalid(
            "secrets of somewhere else are referred to",
            *problems,
            hint="list the path in jx-requirements.yml secrets.paths, in a change of its own that is merged before, or use"
            " another one",
        )


def missing(
    wanted: Iterable[Reference],
    given: Mapping[Reference, str],
    *,
    there: Container[str],
    tree: Tree,
    store: str,
) -> NotFound | None:
    """The error for references that no store has a value for, with file, line, path and key; None where there are none. `there`
    are the paths that were found, as `scheme:path`."""
    absent = [reference for reference in wanted if reference not in given]
    if not absent:
        return None
    lines = [
        f"{file}:{line}: {_lacking(reference, there)}"
        for reference in absent
        for file, line in _places(tree, reference)
    ]
    return NotFound(
        f"{len(absent)} secret{'s are' if len(absent) > 1 else ' is'} missing in {store}:\n"
        + "\n".join(lines),
        hint=f"jx edit secret {absent[0].path} --key {absent[0].key}",
    )


def _lacking(reference: Reference, there: Container[str]) -> str:
    if f"{reference.scheme}:{reference.path}" in there:
        return f"{reference.path} has no key {reference.key}"
    return f"there is nothing at {reference.path} (key {reference.key})"


def where(wanted: Iterable[Reference], tree: Tree, *, most: int = 3) -> str:
    """Where references are written, a line each: file, line and reference; of many, the first ones and their number."""
    lines = [f"{file}:{line}: {reference}" for reference in wanted for file, line in _places(tree, reference)]
    left = len(lines) - most
    return "\n".join([*lines[:most], *([f"and {left} more"] if left > 0 else [])])


def _places(tree: Tree, reference: Reference) -> Iterator[tuple[str, int]]:
    """Where a reference is written: file and line. Where it was made from a recipe, the chart's values as a whole."""
    text = str(reference)
    found = [
        (path, number)
        for path in tree
        if path.endswith((".yaml", ".yml", ".tpl", ".json"))
        for number, line in enumerate((tree.find_text(path) or "").splitlines(), 1)
        if text in line
    ]
    yield from found or [(VALUES, 1)]

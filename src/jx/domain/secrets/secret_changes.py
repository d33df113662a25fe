"""Secret changes: which secrets a change of an environment's files newly needs, and which it no longer uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jx.domain.objects import references
from jx.domain.objects.recipes import Recipe
from jx.domain.objects.references import Reference
from jx.domain.secrets.secret_needs import list_in_templates, read_needs
from jx.domain.trees import Tree


@dataclass(frozen=True, slots=True)
class Wanted:
    """One secret that an environment refers to."""

    places: tuple[str, ...]
    """`redis.auth.password`, or the file of a template."""
    recipe: Recipe | None = None
    """How it is made where it is missing; None: it has to be there."""


def list_wanted(chart: Tree, environment: str) -> dict[Reference, Wanted]:
    """What an environment's chart refers to, in its values and templates. Invalid where its references have mistakes."""
    needs = read_needs(chart, environment)
    found: dict[Reference, list[str]] = {}
    placed = [(references.shown(one.at), one.reference) for one in needs.placed]
    for place, reference in (*placed, *list_in_templates(chart)):
        found.setdefault(reference, []).append(place)
    return {one: Wanted(tuple(places), needs.recipes.get(one)) for one, places in found.items()}


def in_words(before: Mapping[Reference, Wanted], after: Mapping[Reference, Wanted]) -> tuple[str, ...]:
    """A line for each secret that comes or goes. Whether one is in its store is not known here."""
    return (*_coming(after, before), *(f"no longer uses secret {one}" for one in before if one not in after))


def _coming(after: Mapping[Reference, Wanted], before: Iterable[Reference]) -> Iterable[str]:
    known = set(before)
    for reference, wanted in after.items():
        if reference in known:
            continue
        how = "made by its first apply" if wanted.recipe else "it has to be in its store before the merge"
        yield f"needs secret {reference} for {', '.join(wanted.places)}; {how}"

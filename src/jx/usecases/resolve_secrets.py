"""Resolve secrets: from references to values, by one request per path; what may be generated and is missing is made and kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jx.domain.errors import Invalid, Stale
from jx.domain.events import Event
from jx.domain.recipes import Recipe
from jx.domain.references import Reference, Scheme
from jx.ports.generator import Generator
from jx.ports.reporter import Reporter
from jx.ports.secrets import Secret, SecretStore

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Resolved:
    """Values by reference, and the versions of the secrets that they came from."""

    values: Mapping[Reference, str] = field(default_factory=dict, repr=False)
    versions: Mapping[str, str] = field(default_factory=dict)
    """By `scheme:path`; for the ledger, since a rotation changes no line."""


@dataclass(frozen=True, slots=True)
class ResolveSecrets:
    """Reads stores; writes only what a recipe makes. Repeating it gives the same values: two who make the same secret at once end
    with that of the faster one."""

    stores: Mapping[Scheme, SecretStore]
    generator: Generator
    reporter: Reporter

    def __call__(self, wanted: Iterable[Reference], recipes: Mapping[Reference, Recipe]) -> Resolved:
        """The values that there are; a reference without one is left out. Raises as SecretStore does, and Invalid for a scheme
        that this platform has no store for."""
        values: dict[Reference, str] = {}
        versions: dict[str, str] = {}
        for scheme, references in _by_scheme(wanted).items():
            store = self._store(scheme, references)
            found = dict(store.read(tuple(dict.fromkeys(one.path for one in references))))
            self._make_missing(store, references, recipes, found)
            versions |= {f"{scheme}:{path}": secret.version for path, secret in found.items()}
            values |= {
                one: found[one.path].values[one.key]
                for one in references
                if one.path in found and one.key in found[one.path].values
            }
        return Resolved(values, versions)

    def _store(self, scheme: Scheme, references: list[Reference]) -> SecretStore:
        if scheme in self.stores:
            return self.stores[scheme]
        known = ", ".join(f"{one}:" for one in self.stores) or "none"
        raise Invalid(
            f"{references[0]} refers to a store that this platform does not use (it uses {known})",
            hint="refer to another store, or name that one in jx-requirements.yml",
        )

    def _make_missing(
        self,
        store: SecretStore,
        references: list[Reference],
        recipes: Mapping[Reference, Recipe],
        found: dict[str, Secret],
    ) -> None:
        for reference in references:
            recipe = recipes.get(reference)
            if recipe is not None and not _has(found.get(reference.path), reference.key):
                found[reference.path] = self._make(store, reference, recipe, found.get(reference.path))

    def _make(self, store: SecretStore, reference: Reference, recipe: Recipe, there: Secret | None) -> Secret:
        made = {f"{reference.key}{ending}": value for ending, value in self.generator.make(recipe).items()}
        for _ in range(_ATTEMPTS):
            if _has(there, reference.key):
                assert there is not None
                return there
            values = {**(there.values if there else {}), **made}
            try:
                written = store.write(reference.path, values, version=there.version if there else "")
            except Stale:
                there = store.read((reference.path,)).get(reference.path)
                continue
            self.reporter.tell(Event(f"{reference} was made: {recipe.kind}"))
            return written
        raise Stale(f"{reference.path} is being written by many at once", hint="try again in a moment")


def _has(secret: Secret | None, key: str) -> bool:
    return secret is not None and key in secret.values


def _by_scheme(wanted: Iterable[Reference]) -> dict[Scheme, list[Reference]]:
    found: dict[Scheme, list[Reference]] = {}
    for reference in dict.fromkeys(wanted):
        found.setdefault(reference.scheme, []).append(reference)
    return found

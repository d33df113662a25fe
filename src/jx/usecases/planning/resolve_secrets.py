"""Resolve secrets: from references to values, by one request per path; what may be generated and is missing is made and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from jx.domain.errors import Invalid, JxError, Stale
from jx.domain.events import Event
from jx.domain.ledger.secret_writes import Deed, SecretWrite
from jx.domain.names import EnvironmentName
from jx.domain.objects.recipes import Recipe
from jx.domain.objects.references import Reference, Scheme
from jx.ports.generator import Generator
from jx.ports.reporter import Reporter
from jx.ports.secrets import Secret, SecretStore
from jx.usecases.planning.record_secrets import RecordSecrets

UNCOUNTED = "not-counted"
"""In place of a version, where the store counts none (the key/value engine of Vault, version 1)."""
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Resolved:
    """Values by reference, and the versions of the secrets that they came from."""

    values: Mapping[Reference, str] = field(default_factory=dict, repr=False)
    versions: Mapping[str, str] = field(default_factory=dict)
    """By `scheme:path`; for the ledger, since a rotation changes no line."""
    writes: tuple[SecretWrite, ...] = ()
    """What is known of who wrote secrets."""


@dataclass(frozen=True, slots=True)
class ResolveSecrets:
    """Reads stores; writes only what a recipe makes. Repeating it gives the same values: two who make the same secret at once end
    with that of the faster one."""

    stores: Mapping[Scheme, SecretStore]
    generator: Generator
    reporter: Reporter
    record: RecordSecrets
    as_environment: Callable[[EnvironmentName], Mapping[Scheme, SecretStore]] | None = None
    """The stores as one environment may read them; None: as whoever runs this may."""

    def of(self, environment: EnvironmentName) -> ResolveSecrets:
        """This for one environment. Raises as SecretStore does."""
        return replace(self, stores=self.as_environment(environment)) if self.as_environment else self

    def __call__(
        self, wanted: Iterable[Reference], recipes: Mapping[Reference, Recipe], *, purpose: str = ""
    ) -> Resolved:
        """The values that there are; a reference without one is left out. Raises as SecretStore does, and Invalid for a scheme
        that this platform has no store for; `about` is a path, or `scheme:`."""
        values: dict[Reference, str] = {}
        versions: dict[str, str] = {}
        for scheme, references in _by_scheme(wanted).items():
            found = self._read(scheme, references, recipes, purpose)
            versions |= {f"{scheme}:{path}": _told(secret) for path, secret in found.items()}
            values |= {
                one: found[one.path].values[one.key]
                for one in references
                if one.path in found and one.key in found[one.path].values
            }
        return Resolved(values, versions, self.record.list_all() if versions else ())

    def _read(
        self, scheme: Scheme, references: list[Reference], recipes: Mapping[Reference, Recipe], purpose: str
    ) -> dict[str, Secret]:
        try:
            store = self._store(scheme, references)
            found = dict(store.read(tuple(dict.fromkeys(one.path for one in references)), purpose=purpose))
            for one in references:
                if one in recipes and not _has(found.get(one.path), one.key):
                    task = _Task(store, one, recipes[one], purpose)
                    found[one.path] = self._make(task, found.get(one.path))
        except JxError as error:
            error.about = error.about or f"{scheme}:"
            raise
        return found

    def _store(self, scheme: Scheme, references: list[Reference]) -> SecretStore:
        if scheme in self.stores:
            return self.stores[scheme]
        known = ", ".join(f"{one}:" for one in self.stores) or "none"
        raise Invalid(
            f"{references[0]} refers to a store that this platform does not use (it uses {known})",
            hint="set VAULT_ADDR and VAULT_TOKEN; jx-requirements.yml says where it is (vault.url)"
            if scheme in (Scheme.VAULT, Scheme.LOCAL)
            else "refer to another store",
        )

    def _make(self, task: _Task, there: Secret | None) -> Secret:
        """Make what is missing, and keep it."""
        place = f"{task.reference.scheme}:{task.reference.path}"
        made = {
            f"{task.reference.key}{ending}": value
            for ending, value in self.generator.make(task.recipe).items()
        }
        with self.record(Deed.MADE, place, tuple(made), purpose=task.purpose) as write:
            secret, is_new = self._keep(task, made, there)
            if is_new:
                write.done(secret)
        return secret

    def _keep(self, task: _Task, made: Mapping[str, str], there: Secret | None) -> tuple[Secret, bool]:
        """What is there in the end, and whether it is ours: somebody else may be faster."""
        store, path = task.store, task.reference.path
        for _ in range(_ATTEMPTS):
            if _has(there, task.reference.key):
                assert there is not None
                return there, False
            values = {**(there.values if there else {}), **made}
            version = there.version if there else ""
            try:
                written = store.write(path, values, version=version, purpose=task.purpose)
            except Stale:
                there = store.read((path,), purpose=task.purpose).get(path)
                continue
            self.reporter.tell(Event(f"{task.reference} was made: {task.recipe.kind}"))
            return written, True
        raise Stale(f"{path} is being written by many at once", hint="try again in a moment")


@dataclass(frozen=True, slots=True)
class _Task:
    """One secret to be made."""

    store: SecretStore
    reference: Reference
    recipe: Recipe
    purpose: str


def _told(secret: Secret) -> str:
    """What the ledger says of a version. A store that counts none says nothing: any text made from the value could be used to
    guess it."""
    return secret.version if secret.is_counted else UNCOUNTED


def _has(secret: Secret | None, key: str) -> bool:
    return secret is not None and key in secret.values


def _by_scheme(wanted: Iterable[Reference]) -> dict[Scheme, list[Reference]]:
    found: dict[Scheme, list[Reference]] = {}
    for reference in dict.fromkeys(wanted):
        found.setdefault(reference.scheme, []).append(reference)
    return found

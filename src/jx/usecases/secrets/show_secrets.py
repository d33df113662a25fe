"""Show secrets: which ones the environments refer to, who uses them, and whether they are there. Never a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jx.domain.environments.environments import Environment
from jx.domain.errors import JxError
from jx.domain.names import EnvironmentName
from jx.domain.objects.references import Reference, Scheme
from jx.domain.trees import Tree
from jx.ports.secrets import Secret, SecretStore
from jx.usecases.propose_change import PlatformAt
from jx.usecases.secrets.find_secret_users import FindSecretUsers, SecretUsers, users_in

_PURPOSE = "jx get secrets"


class Presence(StrEnum):
    """Whether a secret is there."""

    PRESENT = "present"
    MISSING = "missing"
    TO_BE_MADE = "to be made"
    """Its recipe makes it at the next apply."""
    UNUSED = "unused"
    """It is there, and no environment refers to it."""
    UNKNOWN = "unknown"
    """Its store does not tell."""


@dataclass(frozen=True, slots=True)
class ShownSecret:
    """One key of one path."""

    reference: Reference
    presence: Presence
    users: tuple[str, ...] = ()
    """`staging: redis.auth.password`."""
    changed: datetime | None = None
    reason: str = ""
    """Why a store does not tell."""


@dataclass(frozen=True, slots=True)
class ShowSecrets:
    """Reads repositories and stores. A store that does not answer leaves its secrets unknown; the others are told."""

    find_users: FindSecretUsers
    stores: Mapping[Scheme, SecretStore]

    def __call__(self, at: PlatformAt, *, environment: str = "") -> tuple[ShownSecret, ...]:
        """Secrets by reference, of all environments or one. NotFound for an unknown environment, Invalid for its files."""
        return self._rows(self.find_users(at, environment=environment))

    def of_folder(self, tree: Tree, environment: EnvironmentName | None = None) -> tuple[ShownSecret, ...]:
        """The same for the files of one environment, as they are."""
        return self._rows(users_in(tree, environment))

    def _rows(self, wanted: SecretUsers) -> tuple[ShownSecret, ...]:
        schemes = dict.fromkeys(
            (*(one.scheme for one in wanted.users), *([Scheme.VAULT] if Scheme.VAULT in self.stores else ()))
        )
        found = [row for scheme in schemes for row in self._of_store(scheme, wanted)]
        return tuple(sorted(found, key=lambda row: row.reference))

    def _of_store(self, scheme: Scheme, wanted: SecretUsers) -> Iterable[ShownSecret]:
        mine = [one for one in wanted.users if one.scheme is scheme]
        try:
            store = self.stores[scheme]
            stored = store.read(tuple(dict.fromkeys(one.path for one in mine)), purpose=_PURPOSE)
            below = self._below(store, wanted.environments) if scheme is Scheme.VAULT else {}
        except (JxError, KeyError) as error:
            reason = error.message if isinstance(error, JxError) else f"there is no store for {scheme}:"
            return [ShownSecret(one, Presence.UNKNOWN, wanted.names(one), reason=reason) for one in mine]
        rows = [_row(one, stored.get(one.path), wanted) for one in mine]
        known = {(one.path, one.key) for one in mine} | wanted.companions
        rows += [
            ShownSecret(Reference(scheme, path, key), Presence.UNUSED, (), secret.changed)
            for path, secret in below.items()
            for key in secret.values
            if (path, key) not in known
        ]
        return rows

    def _below(self, store: SecretStore, chosen: Iterable[Environment]) -> Mapping[str, Secret]:
        """What lies at the environments' own places."""
        paths = [
            listed.path
            for one in chosen
            for prefix in (one.name, f"generated/{one.name}")
            for listed in store.list_under(prefix)
        ]
        return store.read(tuple(paths), purpose=_PURPOSE)


def _row(reference: Reference, secret: Secret | None, wanted: SecretUsers) -> ShownSecret:
    names = wanted.names(reference)
    if secret is not None and reference.key in secret.values:
        return ShownSecret(reference, Presence.PRESENT, names, secret.changed)
    presence = Presence.TO_BE_MADE if reference in wanted.recipes else Presence.MISSING
    return ShownSecret(reference, presence, names)

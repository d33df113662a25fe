"""Find who uses secrets: what the environments' files refer to, and by which recipes. Shared by all that looks at secrets."""

from __future__ import annotations

from dataclasses import dataclass, field

from jx.domain.charts.logins import BESIDE
from jx.domain.environments.environments import Environment, EnvironmentSpec
from jx.domain.layouts import umbrella
from jx.domain.names import EnvironmentName
from jx.domain.objects.recipes import Recipe
from jx.domain.objects.references import Reference
from jx.domain.secrets.secret_changes import list_wanted
from jx.domain.trees import Tree
from jx.ports.repos import Repos
from jx.usecases.propose_change import PlatformAt, ProposeChange


@dataclass(frozen=True, slots=True)
class User:
    """One place that a secret is referred to from."""

    environment: Environment
    place: str
    """`redis.auth.password`, or the file of a template."""

    def __str__(self) -> str:
        return f"{self.environment.name}: {self.place}"


@dataclass
class SecretUsers:
    """What environments refer to."""

    environments: tuple[Environment, ...]
    users: dict[Reference, list[User]] = field(default_factory=dict)
    recipes: dict[Reference, Recipe] = field(default_factory=dict)
    """How those are made that may be made where they are missing."""
    beside: set[tuple[str, str]] = field(default_factory=set)
    """Path and key of what is kept beside the passwords of logins."""

    @property
    def companions(self) -> frozenset[tuple[str, str]]:
        """Path and key of what is made beside those that are referred to."""
        return (
            frozenset(
                (reference.path, f"{reference.key}{ending}")
                for reference, recipe in self.recipes.items()
                for ending in recipe.companions
            )
            | self.beside
        )

    def names(self, reference: Reference) -> tuple[str, ...]:
        """Who uses one, in words."""
        return tuple(map(str, self.users.get(reference, ())))

    def add(self, environment: Environment, spec: EnvironmentSpec) -> None:
        """Take in what one environment refers to."""
        for reference, wanted in list_wanted(spec.chart, spec.name).items():
            self.users.setdefault(reference, []).extend(User(environment, place) for place in wanted.places)
            if wanted.recipe:
                self.recipes[reference] = wanted.recipe
        for login in spec.requirements.logins:
            self.users.setdefault(login.secret, []).append(User(environment, f"login for {login.url}"))
            self.beside |= {(login.secret.path, key) for key in BESIDE}


@dataclass(frozen=True, slots=True)
class FindSecretUsers:
    """Reads repositories only."""

    propose_change: ProposeChange
    repos: Repos

    def __call__(self, at: PlatformAt, *, environment: str = "") -> SecretUsers:
        """The users in all environments or one. NotFound for an unknown environment, Invalid for its files."""
        platform = self.propose_change.target(at, environment or "dev").platform
        chosen = (platform.get_environment(environment),) if environment else platform.environments
        found = SecretUsers(chosen)
        for one in chosen:
            head = self.repos.head(one.repo, one.branch) if one.repo else None
            if one.repo is None or head is None:
                continue
            found.add(one, umbrella.read(self.repos.read(one.repo, head), name=one.name))
        return found


def users_in(tree: Tree, name: EnvironmentName | None = None) -> SecretUsers:
    """The users in the files of one environment. Invalid where those have mistakes."""
    spec = umbrella.read(tree, name=name)
    environment = Environment(spec.name, spec.namespace, None)
    found = SecretUsers((environment,))
    found.add(environment, spec)
    return found

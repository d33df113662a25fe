"""A small world in which changes are proposed: a platform with staging and production, charts, a version stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.environments import CHARTS, NEW, make_tree
from tests.support.worlds import recording

from jx.adapters.local.memory_catalog import MemoryCatalog, make_chart
from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_repos import MemoryRepos
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.environments.environments import Environment
from jx.domain.events import Event
from jx.domain.layouts.new_environment import new_environment, planned_environments
from jx.domain.names import Person, Repo
from jx.domain.objects.references import Scheme
from jx.domain.trees import Tree
from jx.ports.repos import Draft
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.secrets.edit_secret import EditSecret
from jx.usecases.secrets.keep_secrets import KeepSecrets

ANN = Person("Ann", "ann@example.com", "ann")
STREAM = {
    "charts/repositories.yml": f"repositories:\n- prefix: jx\n  urls: [{CHARTS}]\n",
    "charts/jx/jx-platform.yml": "version: 1.1.0\n",
}


@dataclass
class Heard:
    """A reporter that remembers."""

    events: list[Event] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        self.events.append(event)

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.events]


class World:
    """Repositories, forge, catalog and reporter in memory, filled with a new platform."""

    def __init__(self) -> None:
        self.repos = MemoryRepos()
        self.forge = MemoryForge(self.repos, ANN)
        self.heard = Heard()
        self.secrets: MemorySecrets | None = MemorySecrets()
        self.catalog = MemoryCatalog(
            make_chart("redis", "1.0.0"),
            make_chart("redis", "1.2.0"),
            make_chart("redis", "2.0.0-rc.1"),
            make_chart("jx-app-lens", "0.3.0"),
            make_chart("shop", "2.0.0"),
            make_chart("jx-platform", "1.0.0"),
            make_chart("jx-platform", "1.1.0"),
            make_chart("jx-platform", "2.0.0"),
        )
        self.environments = {str(one.name): one for one in planned_environments(NEW)}
        for environment in self.environments.values():
            self.forge.adopt(repo_of(environment))
            self.fill(repo_of(environment), new_environment(NEW, environment.name))
        assert NEW.version_stream is not None
        self.fill(NEW.version_stream, make_tree(STREAM))

    @property
    def at(self) -> PlatformAt:
        return PlatformAt(repo_of(self.environments["dev"]))

    @property
    def propose_change(self) -> ProposeChange:
        return ProposeChange(self.repos, self.forge, self.heard)

    @property
    def keep_secrets(self) -> KeepSecrets:
        stores = {Scheme.VAULT: self.secrets} if self.secrets is not None else {}
        return KeepSecrets(self.catalog, EditSecret(stores, self.heard, recording()), self.heard)

    def fill(self, repo: Repo, tree: Tree) -> None:
        """Commit a tree onto master, as whoever."""
        self.repos.create(repo)
        head = self.repos.head(repo, "master")
        self.repos.write(repo, "master", base=head, draft=Draft(tree, "Fill\n", ANN))

    def tree(self, environment: str = "dev", branch: str = "master") -> Tree:
        repo = repo_of(self.environments[environment])
        head = self.repos.head(repo, branch)
        assert head is not None
        return self.repos.read(repo, head)

    def edit(self, files: Mapping[str, str], environment: str = "dev") -> None:
        """Somebody pushes files onto master."""
        tree = self.tree(environment)
        for path, text in files.items():
            tree = tree.put(path, text)
        self.fill(repo_of(self.environments[environment]), tree)

    def merge(self, branch: str, environment: str = "dev") -> None:
        repo = repo_of(self.environments[environment])
        draft = Draft(Tree(), f"Merge {branch}\n", ANN)
        self.repos.merge(repo, head=branch, base="master", draft=draft)


def repo_of(environment: Environment) -> Repo:
    assert environment.repo is not None
    return environment.repo

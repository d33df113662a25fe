"""Platform: the whole installation as its dev repository declares it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.charts.apps import App
from jx.domain.environments.environments import Environment, EnvironmentSpec, Kind, Requirements, in_order
from jx.domain.environments.source_repositories import NOTHING, Grant, SourceRepository
from jx.domain.errors import NotFound
from jx.domain.layouts import umbrella
from jx.domain.layouts.sections import find_nearest
from jx.domain.names import DEV, EnvironmentName, Repo
from jx.domain.trees import Tree


@dataclass(frozen=True, slots=True)
class Platform:
    """All environments, dev first, and what dev itself holds."""

    environments: tuple[Environment, ...]
    dev: EnvironmentSpec

    @property
    def requirements(self) -> Requirements:
        """The settings of the installation."""
        return self.dev.requirements

    @property
    def applications(self) -> tuple[SourceRepository, ...]:
        """Repositories whose pipelines start by themselves: those on the platform's own git server, the only one that tells of
        them, that are no environment's."""
        dev = self.environments[0].repo
        own = {one.repo.full_name for one in self.environments if one.repo}
        return tuple(
            one
            for one in self.dev.source_repositories
            if one.repo.full_name not in own
            and dev is not None
            and dev.sibling(one.repo.full_name).is_same(one.repo)
        )

    def find_environment_of(self, repo: Repo) -> Environment | None:
        """The environment whose repository that is."""
        return next((one for one in self.environments if one.repo and one.repo.is_same(repo)), None)

    def grant_of(self, repo: Repo) -> Grant:
        """What runs of the branch that an application is released from may have."""
        grants = self.requirements.grants
        return next((one for one in grants if one.full_name == repo.full_name), Grant(repo.full_name))

    def find_grant(self, repo: Repo, branch: str) -> Grant:
        """What runs of a branch may have: nothing, where it is not the one that an application is released from."""
        is_released = any(one.repo.is_same(repo) and one.branch == branch for one in self.applications)
        return self.grant_of(repo) if is_released else NOTHING

    @property
    def version_stream(self) -> Repo | None:
        """Where stable versions are written down, if anywhere."""
        return self.dev.requirements.version_stream

    @property
    def chart(self) -> App | None:
        """The app that is the platform itself."""
        return next((app for app in self.dev.apps if app.is_platform), None)

    @property
    def apps_repository(self) -> str:
        """Where apps come from when nobody says so: dev's team settings, else where the platform's chart is from."""
        said = self.environments[0].team_settings.get("appsRepository")
        return str(said) if said else (self.chart.chart.repository if self.chart else "")

    @property
    def app_prefixes(self) -> tuple[str, ...]:
        """What to try before the name of an app, in order; `jx-app-` unless the team settings say otherwise."""
        said = self.environments[0].team_settings.get("appPrefixes")
        return tuple(map(str, said)) if isinstance(said, list) else ("jx-app-",)

    def get_environment(self, name: str) -> Environment:
        """An environment by name; NotFound names the nearest."""
        found = next((one for one in self.environments if one.name == name), None)
        if found is not None:
            return found
        known = [str(one.name) for one in self.environments]
        near = find_nearest(name, known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise NotFound(f"there is no environment {name}", hint=hint)

    def get_repository(self, name: str) -> tuple[Environment, Repo]:
        """An environment that changes can be proposed to, with its repository; NotFound where it has none."""
        environment = self.get_environment(name)
        if environment.repo is None:
            raise NotFound(
                f"environment {name} has no git repository",
                hint=f"set spec.source in env/templates/{name}-env.yaml",
            )
        return environment, environment.repo


def read_platform(tree: Tree, *, repo: Repo | None = None, branch: str = "master") -> Platform:
    """The platform from the tree of its dev repository. Raises NotFound and Invalid as `umbrella.read` does.

    `repo` and `branch` are where the tree was read: they stand in where dev's own declaration is missing or names no source.
    """
    spec = umbrella.read(tree)
    declared = [one for one in spec.environments if not one.is_dev]
    dev = next((one for one in spec.environments if one.is_dev), None)
    if dev is None:
        dev = Environment(DEV, spec.namespace, None, label="Development", kind=Kind.DEVELOPMENT, order=0)
    if dev.repo is None or (repo is not None and not dev.repo.is_same(repo)):
        dev = replace(dev, repo=repo or dev.repo, branch=branch)
    spec = replace(spec, name=EnvironmentName(dev.name))
    return Platform(in_order((dev, *declared)), spec)

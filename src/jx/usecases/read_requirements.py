"""Read requirements: what the branch of each environment says in its `jx-requirements.yml`. A step of what sets up stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jx.domain.environments.environments import Environment, Requirements
from jx.domain.layouts import umbrella
from jx.domain.names import EnvironmentName
from jx.ports.repos import Repos


@dataclass(frozen=True, slots=True)
class ReadRequirements:
    """Reads repositories only."""

    repos: Repos

    def __call__(self, environments: Iterable[Environment]) -> Mapping[EnvironmentName, Requirements]:
        """By environment; the usual ones for one that has no repository or branch yet. Invalid for files with mistakes."""
        return {one.name: self._of(one) for one in environments}

    def _of(self, environment: Environment) -> Requirements:
        repo = environment.repo
        head = self.repos.head(repo, environment.branch) if repo else None
        if repo is None or head is None:
            return Requirements()
        return umbrella.read(self.repos.read(repo, head), name=environment.name).requirements

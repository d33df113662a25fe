"""Source repositories: the applications' repositories whose pushes and pull requests start pipelines."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.names import Repo


@dataclass(frozen=True, slots=True)
class SourceRepository:
    """One repository as the dev repository declares it (`jenkins.io/v1` SourceRepository)."""

    repo: Repo
    branch: str = "master"
    """What is merged into it is released."""

    @property
    def name(self) -> str:
        """Of its object: `owner-repository`, as Jenkins X 2 names it."""
        return name_of(self.repo)


@dataclass(frozen=True, slots=True)
class Grant:
    """What runs of an application's released branch may have of the platform. Runs of pull requests have none of it."""

    full_name: str
    account: str = "default"
    """The ServiceAccount; by default that which has no rights anywhere."""
    secrets: frozenset[str] = frozenset()
    """Secrets of the platform's namespace that steps may name."""
    claims: frozenset[str] = frozenset()
    """PersistentVolumeClaims of it that they may mount."""


NOTHING = Grant("")
"""What runs have that nothing is granted."""


def name_of(repo: Repo) -> str:
    """The name of the object of a repository: a DNS label or several, joined by points."""
    kept = "".join(
        c if c.isascii() and (c.isalnum() or c == ".") else "-" for c in f"{repo.owner}-{repo.name}".lower()
    )
    return kept.strip("-.")

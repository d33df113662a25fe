"""ports.repos.Repos for who speaks to no git server: every call says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from jx.domain.errors import Unavailable
from jx.domain.names import Repo, Revision
from jx.domain.trees import Tree
from jx.ports.repos import Commit, Draft


class AbsentRepos:
    """No git server at all: for a watchdog, which must not depend on one."""

    def head(self, repo: Repo, branch: str) -> Revision | None:
        self._refuse(repo)

    def refs(self, repo: Repo) -> Mapping[str, Revision]:
        self._refuse(repo)

    def read(self, repo: Repo, revision: Revision) -> Tree:
        self._refuse(repo)

    def log(
        self, repo: Repo, revision: Revision, *, after: Revision | None = None, limit: int = 100
    ) -> tuple[Commit, ...]:
        self._refuse(repo)

    def write(self, repo: Repo, branch: str, *, base: Revision | None, draft: Draft) -> Revision:
        self._refuse(repo)

    def replace(
        self, repo: Repo, branch: str, *, base: Revision, draft: Draft, before: Sequence[Draft] = ()
    ) -> Revision:
        self._refuse(repo)

    def append(self, repo: Repo, branch: str, *, parent: Revision | None, draft: Draft) -> Revision:
        self._refuse(repo)

    def _refuse(self, repo: Repo) -> NoReturn:
        raise Unavailable(
            f"the watchdog speaks to no git server, so {repo.full_name} waits for the controllers"
        )

"""ports.clones.Clones by the git command."""

from __future__ import annotations

from pathlib import Path

from jx.adapters.git import objects
from jx.adapters.git.process import Git
from jx.domain.errors import NotFound, Refused
from jx.domain.names import Revision, parse_branch, parse_revision
from jx.domain.trees import Tree
from jx.ports.repos import Commit, Draft


class GitClones:
    """Clones of this machine."""

    def __init__(self) -> None:
        self._git = Git()

    def find(self, folder: str, branch: str) -> Revision | None:
        names = [f"refs/remotes/origin/{parse_branch(branch)}", f"refs/heads/{branch}"]
        return next((found for name in names if (found := self._ref(folder, name))), None)

    def read(self, folder: str, revision: Revision) -> Tree:
        return objects.read_tree(self._git, self._with(folder, revision), revision)

    def log(self, folder: str, revision: Revision, *, limit: int = 100) -> tuple[Commit, ...]:
        return objects.read_log(self._git, self._with(folder, revision), revision, after=None, limit=limit)

    def branch(self, folder: str, name: str, *, base: Revision, draft: Draft) -> Revision:
        store = self._with(folder, base)
        there = self._ref(folder, f"refs/heads/{parse_branch(name)}")
        if there is not None:
            (tip,) = objects.read_log(self._git, store, there, after=None, limit=1)
            if tip.parents == (base,) and objects.read_tree(self._git, store, there) == draft.tree:
                return there
            raise Refused(f"branch {name} of {folder} holds something else", hint=f"git branch -D {name}")
        commit = objects.make_commit(self._git, store, parent=base, draft=draft)
        self._git.run("update-ref", f"refs/heads/{name}", commit, "", cwd=store)
        return commit

    def _ref(self, folder: str, name: str) -> Revision | None:
        text = self._git.text("for-each-ref", "--format=%(refname) %(objectname)", name, cwd=find_top(folder))
        found = dict(line.split(" ") for line in text.splitlines())
        return parse_revision(found[name]) if name in found else None

    def _with(self, folder: str, revision: Revision) -> Path:
        store = find_top(folder)
        found = self._git.run("cat-file", "--batch-check", cwd=store, stdin=f"{revision}\n".encode())
        if b" commit " not in found:
            raise NotFound(f"the clone in {store} has no commit {revision[:12]}", hint="git fetch origin")
        return store


def find_top(folder: str | Path) -> Path:
    """The top of the clone that a folder lies in: git shows trees from where it stands."""
    path = Path(folder).resolve()
    for one in (path, *path.parents):
        if (one / ".git").exists():
            return one
    raise NotFound(f"{path} is in no clone", hint="git clone $MY_DEV_GIT_CLONE_URL jenkins-x-dev-env")

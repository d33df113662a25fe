"""ports.folders.Folders: folders of this machine, and the clones they lie in."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

from jx.adapters.git.clones import find_top
from jx.adapters.git.objects import read_log
from jx.adapters.git.process import Git
from jx.domain.errors import Invalid, JxError, NotFound, Problem, Refused
from jx.domain.names import Person, Repo, parse_repo, parse_revision
from jx.domain.trees import Blob, Tree
from jx.ports.folders import Folder

_CHARTS = ("Chart.yaml", "env/Chart.yaml", "requirements.yaml", "env/requirements.yaml")
"""What a folder outside of git must hold one of, so that nobody's whole home is read as an environment."""

_LARGEST = 1 << 20


class GitFolders:
    """Folders on disk; git, where there is any, says which files count."""

    def __init__(self) -> None:
        self._git = Git()

    def read(self, path: str) -> Folder:
        folder = Path(path).resolve()
        if not folder.is_dir():
            raise NotFound(f"there is no folder {folder}", hint="name one with --dir")
        top = self._find_top(folder)
        if top is None:
            if not any((folder / name).is_file() for name in _CHARTS):
                raise NotFound(
                    f"{folder} is neither in a clone nor a chart",
                    hint="git clone $MY_DEV_GIT_CLONE_URL jenkins-x-dev-env && cd jenkins-x-dev-env/env",
                )
            return Folder(path=str(folder), tree=_read_files(folder, _walk(folder)))
        subfolder = str(folder.relative_to(top))
        bare = Folder(
            path=str(folder),
            tree=_read_files(top, self._list(top)),
            subfolder="" if subfolder == "." else subfolder,
            user=self._user(top),
            untracked=tuple(self._list(top, "--others", "--exclude-standard")),
        )
        return self._with_history(top, bare)

    def look(self, path: str, *patterns: str) -> Folder:
        folder = Path(path).resolve()
        if not folder.is_dir():
            raise NotFound(f"there is no folder {folder}", hint="name one with --dir")
        found = {one.relative_to(folder) for pattern in patterns for one in folder.glob(pattern)}
        names = sorted(str(one) for one in found if ".git" not in one.parts)
        large = [name for name in names if (folder / name).lstat().st_size > _LARGEST]
        if large:
            problems = (Problem(name, "larger than 1 MiB") for name in large)
            raise Invalid(f"{folder} holds files that are too large", *problems)
        tree = _read_files(folder, names)
        top = self._find_top(folder)
        bare = Folder(path=str(folder), tree=tree, user=self._user(top or Path("/")))
        return self._with_history(top, bare) if top else bare

    def write(self, path: str, tree: Tree) -> None:
        folder = Path(path)
        if folder.exists() and any(folder.iterdir()):
            raise Refused(f"{folder} is not empty", hint="name a new folder")
        for name, blob in tree.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(blob.data)
            if blob.executable:
                target.chmod(0o755)

    def put(self, path: str, name: str, text: str) -> None:
        target = Path(path) / name
        if not target.parent.is_dir():
            raise NotFound(f"there is no folder {target.parent}", hint="make it first, or name another one")
        draft = target.with_name(f".{target.name}.jx-new")
        draft.write_text(text)
        draft.replace(target)

    def _list(self, top: Path, *which: str) -> list[str]:
        names = self._git.run("ls-files", "-z", *which, cwd=top).decode(errors="replace").split("\0")
        return [name for name in names if name]

    def _find_top(self, folder: Path) -> Path | None:
        """Git itself would take a folder that looks like a repository without files for one, and do what the settings in it say:
        whoever may offer a change could have it run programs. So it is only ever asked where `.git` is."""
        try:
            top = find_top(folder)
            self._git.run("rev-parse", "--git-dir", cwd=top)
        except JxError:
            return None
        return top

    def _user(self, top: Path) -> Person:
        name = email = ""
        with contextlib.suppress(JxError):
            name = self._git.text("config", "user.name", cwd=top)
            email = self._git.text("config", "user.email", cwd=top)
        return Person(name or os.environ.get("USER", "unknown"), email)

    def _with_history(self, top: Path, folder: Folder) -> Folder:
        origin: Repo | None = None
        branch = ""
        with contextlib.suppress(JxError):
            origin = parse_repo(self._git.text("remote", "get-url", "origin", cwd=top))
        with contextlib.suppress(JxError):
            branch = self._git.text("symbolic-ref", "--quiet", "--short", "HEAD", cwd=top)
        try:
            head = parse_revision(self._git.text("rev-parse", "--verify", "HEAD", cwd=top))
        except JxError:
            return replace(folder, origin=origin, branch=branch, is_dirty=True, author=folder.user)
        is_dirty = bool(self._git.text("status", "--porcelain", "--untracked-files=no", cwd=top))
        commit = read_log(self._git, top, head, after=None, limit=1)[0]
        return replace(
            folder,
            origin=origin,
            branch=branch,
            head=head,
            is_dirty=is_dirty,
            author=folder.user if is_dirty else commit.author,
            subject=commit.subject,
        )


def _walk(folder: Path) -> list[str]:
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        found += [str((Path(root) / name).relative_to(folder)) for name in [*files, *links]]
    return found


def _read_files(top: Path, names: list[str]) -> Tree:
    files, problems = {}, []
    for name in names:
        path = top / name
        if path.is_symlink():
            problems.append(Problem(name, "symbolic links are not allowed in an environment"))
        elif path.is_file():  # a tracked file that was deleted on disk is deleted
            files[name] = Blob(path.read_bytes(), executable=os.access(path, os.X_OK))
    if problems:
        raise Invalid(f"{top} holds files that cannot be read safely", *problems)
    return Tree(files)

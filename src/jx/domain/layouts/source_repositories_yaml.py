"""Source repositories as Kubernetes objects: `env/templates/*-sr.yaml`, `jenkins.io/v1` SourceRepository.

Repositories of `jx boot` have them in `repositories/templates/`; those are read, too.
"""

from __future__ import annotations

import hashlib

from jx.domain.environments.source_repositories import SourceRepository, name_of
from jx.domain.layouts.sections import Mistakes, Section, open_section
from jx.domain.names import Repo, parse_branch, parse_repo
from jx.domain.texts.yaml_text import write_yaml
from jx.domain.trees import Tree

SUFFIX = "-sr.yaml"
_COMMENT = "# Read by jx, and kept in the cluster as an object.\n"
_OF_BOOT = "repositories/templates/"


def read_source_repositories(tree: Tree, place: str, mistakes: Mistakes) -> tuple[SourceRepository, ...]:
    """All that a dev repository declares; `place` is the folder of its chart, with a slash, or empty."""
    found: dict[str, SourceRepository] = {}
    for path in tree:
        folder, _, file = path.rpartition("/")
        if not file.endswith(SUFFIX) or f"{folder}/" not in (f"{place}templates/", _OF_BOOT):
            continue
        if "{{" in (tree.find_text(path) or ""):
            mistakes.add(path, "a SourceRepository is read without Helm: it cannot hold `{{ }}`")
            continue
        one = _read(open_section(tree, path, mistakes))
        if one is None:
            continue
        if one.repo.full_name in found:
            mistakes.add(path, f"repository {one.repo.full_name} is declared twice")
        found[one.repo.full_name] = one
    return tuple(found.values())


def _read(section: Section) -> SourceRepository | None:
    if section.text("kind") != "SourceRepository" or not section.text("apiVersion").startswith("jenkins.io/"):
        return None
    spec, attempt, where = section.section("spec"), section.mistakes.attempt, section.where
    url = spec.text("httpCloneURL") or spec.text("url") or _joined(spec)
    if not url:
        spec.mistake("a SourceRepository needs httpCloneURL: where its repository is")
        return None
    repo = attempt(lambda: parse_repo(url), None, where=where, line=spec.line)
    branch = attempt(lambda: parse_branch(spec.text("branch", "master")), "", where=where, line=spec.line)
    return SourceRepository(repo, branch) if repo and branch else None


def _joined(spec: Section) -> str:
    """The URL of what says provider, owner and name only."""
    parts = spec.text("provider").rstrip("/"), spec.text("org"), spec.text("repo")
    return "/".join(parts) + ".git" if all(parts) else ""


def find_file(chart: Tree, repo: Repo) -> str | None:
    """Where in a dev environment's chart a repository is declared, whatever the file is called."""
    for path in chart:
        if path.startswith("templates/") and path.endswith(SUFFIX) and path.count("/") == 1:
            one = _read(open_section(chart, path, Mistakes()))
            if one is not None and one.repo.is_same(repo):
                return path
    return None


def find_name(chart: Tree, repo: Repo) -> str:
    """The name of a repository's object: `owner-name` as Jenkins X 2 has it, unless that is another one's (`a-b/c`, `a/b-c`)."""
    usual = name_of(repo)
    taken = f"templates/{usual}{SUFFIX}"
    if taken not in chart or find_file(chart, repo) == taken:
        return usual
    return f"{usual}-{hashlib.sha256(repo.full_name.encode()).hexdigest()[:5]}"


def write_source_repository(source: SourceRepository, name: str = "") -> str:
    """The file for a repository; `read_source_repositories` reads it as the same."""
    repo = source.repo
    bare = repo.url.rstrip("/").removesuffix(".git")
    spec = {
        "provider": bare.removesuffix(f"/{repo.full_name}"),
        "org": repo.owner,
        "repo": repo.name,
        "url": bare,
        "httpCloneURL": repo.url,
        "branch": source.branch,
    }
    body = {
        "apiVersion": "jenkins.io/v1",
        "kind": "SourceRepository",
        "metadata": {"name": name or source.name, "labels": {"owner": repo.owner, "repository": repo.name}},
        "spec": spec,
    }
    return _COMMENT + write_yaml(body)

"""Clones of repositories of `jx boot`: what is left open is settled; what cannot be is told with its place, and exit code 5."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import boot_repositories
from tests.support.platform import Machine

from jx.domain.trees import Tree

HOOKS = """apiVersion: v1
kind: ConfigMap
metadata: {name: hooks}
data: {on: {{ .Values.hooks.enabled | quote }}}
"""


def commit(machine: Machine, name: str, tree: Tree) -> Path:
    """A repository with these files."""
    folder = machine.folder / name
    for path in tree:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(tree.text(path))
    machine.shell("git init -q -b master && git add -A && git commit -qm Begin", cwd=folder).ok()
    return folder


@pytest.fixture
def boot(machine: Machine) -> Path:
    """A clone whose charts are all its own, and whose version stream is a folder beside it."""
    stream = commit(machine, "versions", boot_repositories.stream())
    more = {"env/requirements.yaml": "dependencies: []\n", "env/templates/hooks.yaml": HOOKS}
    tree = boot_repositories.boot(more=more)
    settings = tree.text("jx-requirements.yml").replace(boot_repositories.STREAM_URL, str(stream))
    return commit(machine, "boot", tree.put("jx-requirements.yml", settings))


def test_a_clone_of_boot_builds_with_its_systems(machine: Machine, boot: Path, tmp_path: Path) -> None:
    built = tmp_path / "built"
    done = machine.jx("step", "helm", "build", "--boot", "--output", str(built), cwd=boot).ok()
    assert "1 objects from 0 charts render" in done.out
    assert "enabled: true" in (built / "values.yaml").read_text()
    done = machine.jx("step", "helm", "build", "--boot", cwd=boot / "systems" / "ingress").ok()
    assert "1 objects from 0 charts render" in done.out


def test_what_cannot_be_known_is_told_by_its_place(machine: Machine, boot: Path) -> None:
    machine.shell("git rm -q env/parameters.yaml", cwd=boot).ok()
    failed = machine.jx("step", "helm", "build", cwd=boot).ended(5)
    assert "the environment leaves open what nobody here knows" in failed.err
    assert "env/jenkins-x-platform/values.tmpl.yaml:5: <.Parameters.adminUser.password>" in failed.err

"""Repositories of `jx boot` render: versions from the stream, values from templates, and a word for all that cannot be known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support import boot_repositories
from tests.support.worlds import ANN

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.errors import Invalid
from jx.domain.layouts import boot, umbrella
from jx.domain.names import Repo
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree
from jx.ports.repos import Draft
from jx.usecases.planning.settle_environment import SettleEnvironment

STREAM = Repo(boot_repositories.STREAM_URL)


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


@pytest.fixture
def repos() -> MemoryRepos:
    made = MemoryRepos()
    made.create(STREAM)
    made.write(STREAM, "master", base=None, draft=Draft(boot_repositories.stream(), "First", ANN))
    return made


def settled(helm: HelmRenderer, repos: MemoryRepos, tree: Tree) -> Tree:
    return SettleEnvironment(repos, helm)(umbrella.read(tree), tree)


def problems(helm: HelmRenderer, repos: MemoryRepos, tree: Tree) -> list[str]:
    with pytest.raises(Invalid) as error:
        settled(helm, repos, tree)
    assert "leaves open what nobody here knows" in error.value.message
    return [str(problem) for problem in error.value.problems]


def test_nothing_is_left_open(helm: HelmRenderer, repos: MemoryRepos) -> None:
    spec = umbrella.read(settled(helm, repos, boot_repositories.boot()))
    assert spec.unsettled == ()
    assert [app.chart.version for app in spec.apps] == ["2.0.1", "0.0.9"]
    assert read_mapping(spec.chart.text("values.yaml"), "values.yaml") == {
        "hooks": {"enabled": True},
        "jenkins-x-platform": {
            "domain": "fox.example.com",
            "builder": "1.2.3",
            "owner": "staging",
            "bucket": "none",
            "password": "vault:fox/adminUser:password",
        },
    }


def test_a_stream_at_a_commit_is_read_there(helm: HelmRenderer, repos: MemoryRepos) -> None:
    first = repos.head(STREAM, "master")
    assert first is not None
    repos.write(
        STREAM, "master", base=first, draft=Draft(boot_repositories.stream(platform="2.0.2"), "Next", ANN)
    )
    versions = [
        umbrella.read(settled(helm, repos, boot_repositories.boot(ref))).apps[0].chart.version
        for ref in (first, "master")
    ]
    assert versions == ["2.0.1", "2.0.2"]


def test_a_chart_of_systems_is_settled_with_the_same_settings(helm: HelmRenderer, repos: MemoryRepos) -> None:
    tree = boot.as_environment(boot_repositories.boot(), "systems/ingress")
    assert tree is not None
    assert settled(helm, repos, tree).text("env/values.yaml") == 'domain: "fox.example.com"\n'


def test_parameters_that_are_not_there_are_told_by_file_and_line(
    helm: HelmRenderer, repos: MemoryRepos
) -> None:
    (problem,) = problems(helm, repos, boot_repositories.boot().remove("env/parameters.yaml"))
    assert problem.startswith("env/jenkins-x-platform/values.tmpl.yaml:5: ")
    assert problem.endswith("<.Parameters.adminUser.password>: nil pointer evaluating interface {}.password")


def test_a_hash_of_a_password_is_told_for_what_it_is(helm: HelmRenderer, repos: MemoryRepos) -> None:
    text = 'auth: "{{ .Parameters.adminUser.password | hashPassword }}"\n'
    tree = boot_repositories.boot(more={"env/hooks/values.tmpl.yaml": text})
    (problem,) = problems(helm, repos, tree)
    assert problem.startswith(
        "env/hooks/values.tmpl.yaml: hashPassword needs the password itself, which is not in git"
    )


def test_all_that_is_open_is_told_at_once(helm: HelmRenderer, repos: MemoryRepos) -> None:
    tree = boot_repositories.boot(
        more={
            "env/requirements.yaml": f"dependencies:\n- name: unknown\n  repository: {boot_repositories.CHARTS}\n",
            "env/unknown/values.tmpl.yaml": "a: {{ nobodyKnows }}\n",
        }
    )
    told = problems(helm, repos, tree)
    assert [line.partition(": ")[0].partition(":")[0] for line in told] == [
        "env/requirements.yaml",
        "env/unknown/values.tmpl.yaml",
    ]
    assert "nobodyKnows" in told[1]

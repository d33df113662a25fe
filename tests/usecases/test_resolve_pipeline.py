"""Resolving pipelines: where build packs come from, and what needs none."""

from __future__ import annotations

import pytest

from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.errors import NotFound
from jx.domain.names import Person, Repo
from jx.domain.pipelines.effective import Project
from jx.domain.pipelines.shapes import write_shape
from jx.domain.trees import Tree
from jx.ports.repos import Draft
from jx.usecases.pipelines.resolve_pipeline import PackSource, Resolved, ResolvePipeline

OWN = Repo("https://git.example.com/packs/own.git")
ANN = Person("ann", "ann@example.com")


def commands(resolved: Resolved, kind: str) -> list[str]:
    pipelines = write_shape(resolved.file)["pipelineConfig"]["pipelines"]
    return [step["command"] for step in pipelines[kind]["pipeline"]["stages"][0]["steps"]]


def resolve(repos: MemoryRepos, tree: Tree, source: PackSource | None = None) -> Resolved:
    return ResolvePipeline(repos)(tree, Project(), source=source or PackSource())


@pytest.mark.parametrize("text", [None, "env: []\n", "buildPack: environment\n"])
@pytest.mark.parametrize("chart", ["env/Chart.yaml", "env/requirements.yaml"])
def test_an_environment_applies_itself_with_no_other_repository_in_reach(
    text: str | None, chart: str
) -> None:
    tree = Tree().put(chart, "")
    resolved = resolve(MemoryRepos(), tree if text is None else tree.put("jenkins-x.yml", text))
    assert commands(resolved, "release") == ["jx step env apply"]
    assert commands(resolved, "pullRequest") == ["jx step verify pr"]


def test_an_environment_may_name_a_repository_of_packs() -> None:
    repos = MemoryRepos()
    pack = "pipelines: {release: {pipeline: {agent: {image: a}, stages: [{name: a, steps: [{command: own}]}]}}}\n"
    packs = Tree().put("packs/environment/pipeline.yaml", pack)
    repos.write(repos.create(OWN), "main", base=None, draft=Draft(packs, "Packs", ANN))
    text = f"buildPack: environment\nbuildPackGitURL: {OWN.url}\nbuildPackGitRef: main\n"
    assert commands(resolve(repos, Tree().put("jenkins-x.yml", text)), "release") == ["own"]
    with pytest.raises(NotFound, match="has no branch or tag gone"):
        resolve(repos, Tree().put("jenkins-x.yml", text.replace("main", "gone")))


def test_a_project_without_a_file_has_the_pipelines_of_its_pack() -> None:
    packs = {
        "": Tree().put("packs/go/pipeline.yaml", "pipelines: {feature: {build: {steps: [{sh: make}]}}}\n")
    }
    resolved = resolve(MemoryRepos(), Tree().put("go.mod", ""), PackSource(trees=packs))
    assert (resolved.name, commands(resolved, "feature")) == ("jenkins-x.yml", ["make"])
    with pytest.raises(NotFound, match=r"there is no jenkins-x\.yml"):
        resolve(MemoryRepos(), Tree().put("README.md", ""))


def test_pipelines_of_its_own_need_no_repository() -> None:
    text = "buildPack: none\npipelineConfig: {pipelines: {feature: {build: {steps: [{sh: make}]}}}}\n"
    assert commands(resolve(MemoryRepos(), Tree().put("jenkins-x.yml", text)), "feature") == ["make"]

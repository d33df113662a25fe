"""Repositories are imported and forgotten by pull requests on the dev repository, and the forge tells of them from then on."""

from __future__ import annotations

import pytest
from tests.support.journeys import ANN, GIT, HOOK, OLGA, World, installed

from jx.domain.environments.source_repositories import SourceRepository
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.layouts.source_repositories_yaml import write_source_repository
from jx.domain.names import Repo
from jx.domain.platforms.platform import read_platform
from jx.domain.trees import Tree
from jx.ports.repos import Draft
from jx.usecases.platform.examine_surroundings import look_at_imports
from jx.usecases.proposing.import_repository import ImportRepository, ImportRequest
from jx.usecases.reviewing.review_change import Merge, ReviewRequest
from jx.usecases.set_up_repository import SetUpRepository

SHOP = Repo(f"{GIT}/acme/shop.git")


@pytest.fixture
def world() -> World:
    return installed()


def importing(world: World) -> ImportRepository:
    process = world.process(OLGA)
    set_up = SetUpRepository(process.forge)
    return ImportRepository(process.propose_change, process.repos, set_up, process.credentials, OLGA)


def request(world: World, said: str = "acme/shop", branch: str = "") -> ImportRequest:
    return ImportRequest(world.at, said, branch, HOOK)


def imported(world: World) -> list[tuple[str, str]]:
    tree = world.tree()
    platform = read_platform(tree, repo=world.repo())
    return [(one.repo.url, one.branch) for one in platform.applications]


def merge(world: World, number: int) -> None:
    verdict = Merge(override="a test of something else")
    world.process(OLGA).review_change(ReviewRequest(world.repo(), number, verdict))


def a_repository(world: World, branch: str) -> None:
    world.forge_as(OLGA).ensure_repo("acme", "shop")
    world.repos.write(SHOP, branch, base=None, draft=Draft(Tree().put("a", "1"), "Begin", ANN))


@pytest.mark.parametrize("branch", ["main", "master"])
def test_a_repository_is_declared_with_the_branch_that_it_has(world: World, branch: str) -> None:
    a_repository(world, branch)
    pull = importing(world)(request(world))
    assert pull is not None
    assert pull.title == "Import acme/shop"
    assert imported(world) == []
    merge(world, pull.number)
    assert imported(world) == [(SHOP.url, branch)]
    assert [hook.url for hook in world.forge.list_webhooks(SHOP)] == [HOOK]
    assert importing(world)(request(world)) is None


def test_one_that_is_not_there_is_made_and_waits_for_its_first_push(world: World) -> None:
    pull = importing(world)(request(world))
    assert pull is not None
    merge(world, pull.number)
    assert imported(world) == [(SHOP.url, "main")]
    assert "Made repository acme/shop, which is empty" in world.reporter.text


def test_repositories_whose_names_run_together_are_declared_beside_each_other(world: World) -> None:
    for name in ("acme/shop-api", "acme-shop/api", "acme/shop-api"):
        pull = importing(world)(request(world, name))
        if pull is not None:
            merge(world, pull.number)
    assert sorted(imported(world)) == [
        (f"{GIT}/acme-shop/api.git", "main"),
        (f"{GIT}/acme/shop-api.git", "main"),
    ]
    paths = [path for path in world.tree() if path.endswith("-sr.yaml")]
    names = [
        line for path in paths for line in world.tree().text(path).splitlines() if line.startswith("  name: ")
    ]
    assert len(set(names)) == 2


def test_it_is_forgotten_by_a_pull_request_and_its_repository_stays(world: World) -> None:
    a_repository(world, "main")
    for act in (importing(world), importing(world).forget):
        pull = act(request(world))
        assert pull is not None
        merge(world, pull.number)
    assert imported(world) == []
    assert world.repos.head(SHOP, "main") is not None


@pytest.mark.parametrize(
    ("said", "branch", "error", "words"),
    [
        ("team/environment-acme-staging", "", Refused, "environment staging"),
        ("https://elsewhere.example.com/acme/shop.git", "", Refused, "not on the platform's git server"),
        ("shop", "", Usage, "is no repository"),
        ("acme/shop", "gone", NotFound, "has no branch gone"),
    ],
)
def test_what_cannot_be_imported_is_told(
    world: World, said: str, branch: str, error: type[Exception], words: str
) -> None:
    a_repository(world, "main")
    with pytest.raises(error, match=words):
        importing(world)(request(world, said, branch))


def test_what_is_not_imported_cannot_be_forgotten(world: World) -> None:
    with pytest.raises(NotFound, match="acme/shop is not imported"):
        importing(world).forget(request(world))


JENKINS_X_2 = """\
apiVersion: jenkins.io/v1
kind: SourceRepository
metadata: {name: acme-shop}
spec: {provider: "https://git.example.com", org: acme, repo: shop}
"""


@pytest.mark.parametrize("folder", ["env/templates", "repositories/templates"])
def test_declarations_of_jenkins_x_2_are_read_as_they_are(world: World, folder: str) -> None:
    world.push(world.tree().put(f"{folder}/shop-sr.yaml", JENKINS_X_2), "Import it")
    assert imported(world) == [(SHOP.url, "master")]


def test_one_of_another_git_server_starts_nothing(world: World) -> None:
    elsewhere = JENKINS_X_2.replace("git.example.com", "elsewhere.example.com")
    world.push(world.tree().put("env/templates/shop-sr.yaml", elsewhere), "Import it")
    assert imported(world) == []


def found(world: World) -> list[tuple[str, str, str]]:
    """What the doctor says of applications."""
    platform = read_platform(world.tree(), repo=world.repo())
    findings = look_at_imports(world.forge_as(OLGA), world.repos, platform, HOOK)
    return [(one.where, one.what, one.mend) for one in findings]


def test_the_doctor_tells_of_applications_that_nothing_starts(world: World) -> None:
    a_repository(world, "main")
    pull = importing(world)(request(world))
    assert pull is not None
    merge(world, pull.number)
    assert found(world) == []
    text = write_source_repository(SourceRepository(SHOP, "trunk"))
    elsewhere = JENKINS_X_2.replace("git.example.com", "elsewhere.example.com").replace("shop", "far")
    files = (
        world.tree().put("env/templates/acme-shop-sr.yaml", text).put("env/templates/far-sr.yaml", elsewhere)
    )
    world.push(files.put("env/templates/gone-sr.yaml", JENKINS_X_2.replace("shop", "gone")), "By hand")
    assert {(what, cure) for what, _, cure in found(world)} == {
        ("application acme/shop", "jx import acme/shop --branch NAME"),
        ("application acme/far", "git rm its file in env/templates, in a clone of the dev repository"),
        ("application acme/gone", "jx delete application acme/gone"),
    }

"""Logins of git servers that are not the platform's own: as dev names them, read from the store, and for nothing else."""

from __future__ import annotations

import pytest
from tests.support.worlds import ANN, DEV_REPO, environment_tree

from jx.adapters.git.remote_logins import RemoteLogins
from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.charts import logins
from jx.domain.charts.logins import Credential, Login
from jx.domain.errors import Unavailable
from jx.domain.trees import Tree
from jx.ports.repos import Draft

GIT = "https://git.partner.example/acme"
NAMED = f"""
logins:
- {{url: {GIT}, secret: "{logins.place("dev", GIT)}"}}
- {{url: https://stolen.example, secret: "vault:production/logins/x:password"}}
"""


def _dev(more: str = NAMED) -> MemoryRepos:
    repos = MemoryRepos()
    repos.create(DEV_REPO)
    tree = environment_tree({})
    tree = tree.put("jx-requirements.yml", tree.text("jx-requirements.yml") + more)
    _commit(repos, tree)
    return repos


def _commit(repos: MemoryRepos, tree: Tree) -> None:
    base = repos.head(DEV_REPO, "master")
    repos.write(DEV_REPO, "master", base=base, draft=Draft(tree, "Fill\n", ANN))


class Store:
    """Opens logins, and remembers which it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Login] = []

    def __call__(self, login: Login) -> Credential:
        self.asked.append(login)
        return logins.opened(login, logins.stored(GIT, "ann", "s3cr3t"))


def _logins(repos: MemoryRepos, store: Store) -> RemoteLogins:
    return RemoteLogins(lambda: repos, lambda: DEV_REPO, store)


def test_a_server_that_dev_names_gets_its_login_which_is_read_once() -> None:
    store = Store()
    who = _logins(_dev(), store)
    assert [who(f"{GIT}/{name}.git") for name in ("one", "two")] == [("ann", "s3cr3t")] * 2
    assert len(store.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://git.partner.example/other.git",
        "http://git.partner.example/acme/one.git",
        "https://git.partner.example.evil.org/acme/one.git",
        "https://stolen.example/one.git",
        "ssh://git@git.partner.example/acme/one.git",
        "file:///srv/git/one.git",
    ],
)
def test_no_other_address_gets_one_and_the_store_is_not_asked(url: str) -> None:
    store = Store()
    assert _logins(_dev(), store)(url) is None
    assert store.asked == []


def test_a_store_that_is_down_is_told_and_not_taken_for_no_login() -> None:
    def down(login: Login) -> Credential:
        raise Unavailable("Vault is sealed")

    who = RemoteLogins(_dev, lambda: DEV_REPO, down)
    with pytest.raises(Unavailable, match="sealed"):
        who(f"{GIT}/one.git")


def test_where_dev_cannot_be_read_there_is_none() -> None:
    assert _logins(MemoryRepos(), Store())(f"{GIT}/one.git") is None
    assert _logins(_dev("logins: [x]\n"), Store())(f"{GIT}/one.git") is None

"""What people read, word for word: one story on one platform, and each page of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.golden import normalise
from tests.support.platform import Machine, Ran, eventually, install, machine_at

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-golden"), pytest.mark.timeout(300)]

PAGES = (
    "jx-new-machine", "help", "install", "install-again", "install-dry-run", "jx", "get-env", "get-apps-empty",
    "add-app", "add-app-again", "pr-list", "pr-view", "pr-diff", "pr-diff-summary", "jx-open-pull",
    "pr-approve-own", "pr-merge-unapproved", "pr-approve", "pr-merge", "pr-view-merged", "get-apps", "get-app-yaml",
    "get-applications", "get-activities", "get-history", "upgrade-app", "step-env-apply-dry-run", "step-env-apply", "diff",
    "get-env-hold", "doctor", "local-status", "use",
)  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Every page, from a platform that lives this story."""
    with machine_at(tmp_path_factory.mktemp("story")) as machine:
        yield {name: _page(machine, ran) for name, ran in _tell(machine)}


def _page(machine: Machine, ran: Ran) -> str:
    code = f"\n[exit {ran.code}]" if ran.code else ""
    noise = f"\n--- standard error\n{ran.err}" if ran.err.strip() else ""
    return normalise(f"$ {ran.words}\n{ran.out}{noise}{code}", (machine.home, "~"), (machine.folder, "/work"))


def _tell(machine: Machine) -> Iterator[tuple[str, Ran]]:
    jx = machine.jx
    yield "jx-new-machine", jx()
    yield "help", jx("--help")
    yield "install-dry-run", jx("install", "--ng", "--dry-run")
    yield "install", install(machine)
    yield "install-again", jx("install", "--ng")
    yield "jx", jx()
    yield "get-env", jx("get", "env")
    yield "get-apps-empty", jx("get", "apps")
    yield "add-app", jx("add", "app", "redis", "--version", "1.0.0", user="ann")
    yield "add-app-again", jx("add", "app", "redis", "--version", "1.0.0", user="ann")
    _await(machine, "check jx/plan: success", "check jx/check: success", "check jx/approval: ")
    yield "pr-list", jx("pr", "list")
    yield "pr-view", jx("pr", "view", "1")
    yield "pr-diff", jx("pr", "diff", "1")
    yield "pr-diff-summary", jx("pr", "diff", "1", "--summary")
    yield "jx-open-pull", jx()
    yield "pr-approve-own", jx("pr", "approve", "1", user="ann")
    yield "pr-merge-unapproved", jx("pr", "merge", "1", user="ann")
    yield "pr-approve", jx("pr", "approve", "1")
    _await(machine, "check jx/approval: success")
    yield "pr-merge", jx("pr", "merge", "1", user="bob")
    jx("get", "env", "--wait").ok()
    _await_records(machine)
    yield "pr-view-merged", jx("pr", "view", "1")
    yield "get-apps", jx("get", "apps")
    yield "get-app-yaml", jx("get", "app", "redis", "-o", "yaml")
    yield "get-applications", jx("get", "applications")
    yield "get-activities", jx("get", "activities", "-f", "dev")
    yield "get-history", jx("get", "history", "dev")
    yield "upgrade-app", jx("upgrade", "app", "redis", user="ann")
    clone = machine.clone("jenkins-x-dev-env") / "env"
    yield "diff", jx("diff", cwd=clone)
    machine.shell("git revert --no-edit -m 1 HEAD", cwd=clone).ok()
    yield "step-env-apply-dry-run", jx("step", "env", "apply", "--dry-run", cwd=clone)
    yield "step-env-apply", jx("step", "env", "apply", "--reason", "redis eats all memory", cwd=clone)
    yield "get-env-hold", jx("get", "env")
    while "to be published" in jx("doctor", "--timeout", "60").out:
        pass
    yield "doctor", jx("doctor", "--timeout", "60")
    yield "local-status", jx("local", "status")
    yield "use", jx("use")


def _await(machine: Machine, *words: str) -> None:
    """Until the page of the pull request says all that."""
    while any(one not in machine.jx("pr", "view", "1").ok().out for one in words):
        pass


def _await_records(machine: Machine) -> None:
    """A run that has applied something ends a moment later, and so does its record."""

    def is_so() -> bool:
        shown = machine.jx("get", "activities", "-f", "dev").ok().out
        return "Merge pull request" in shown and "Running" not in shown and "Pending" not in shown

    eventually(is_so, seconds=90)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_reads_as_it_was_agreed(
    page: str, story: dict[str, str], golden: Callable[[str, str], None]
) -> None:
    golden(page, story[page])

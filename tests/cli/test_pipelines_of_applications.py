"""An application on the embedded platform, by real git over HTTP: its pushes and pull requests start its pipelines themselves."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.platform import Machine, eventually

from jx.adapters.local.forge.client import LocalForge
from jx.domain.changes.changes import Check, CheckState
from jx.domain.names import Repo, Revision

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-pipelines"), pytest.mark.timeout(300)]
FILE = """\
buildPack: none
pipelineConfig:
  pipelines:
    release:
      pipeline:
        agent: {image: go}
        stages: [{name: build, steps: [{name: say, command: "echo released $PULL_BASE_SHA"}]}]
    pullRequest:
      pipeline:
        agent: {image: go}
        stages: [{name: test, steps: [{name: say, command: "echo tested $(cat lines) of $PULL_PULL_SHA"}]}]
"""
PATIENCE = 60.0


@dataclass
class Shop:
    """A repository of dana's that was imported, and a clone of it."""

    machine: Machine
    repo: Repo
    clone: Path

    def forge(self, login: str = "") -> LocalForge:
        platform = self.machine.platform()
        token = platform / "tokens" / login if login else platform / "forge" / "admin.token"
        return LocalForge(self.repo.url.rpartition("/dana/")[0], token.read_text().strip())

    def push(self, branch: str, files: dict[str, str], *, user: str = "") -> Revision:
        """A commit that somebody pushes."""
        for path, text in files.items():
            (self.clone / path).write_text(text)
        as_user = f"--as {user} " if user else ""
        script = (
            f'eval "$(jx {as_user}local env)"; git checkout -q {branch} 2>/dev/null || git checkout -qb {branch}; '
            f"git add -A; git commit -qm 'feat: change {branch}'; git push -q origin {branch}; git rev-parse HEAD"
        )
        return Revision(self.machine.shell(script, cwd=self.clone).ok().out.split()[-1])

    def records(self, pipeline: str) -> list[dict[str, Any]]:
        shown = self.machine.jx("get", "activities", "-f", f"dana/shop/{pipeline}", "-o", "json").ok().out
        return [one for one in json.loads(shown) if one["pipeline"] == f"dana/shop/{pipeline}"]

    def ended(self, pipeline: str, revision: Revision) -> dict[str, Any]:
        """The record of the run of a commit, once it has ended."""

        def found() -> list[dict[str, Any]]:
            every = self.records(pipeline)
            return [
                one
                for one in every
                if one["revision"] == revision and one["status"] not in ("Running", "Pending")
            ]

        eventually(found, seconds=PATIENCE)
        return found()[-1]

    def status(self, number: int) -> Check | None:
        checks = self.forge("bob").observe(self.repo, number).checks
        return next((one for one in checks if one.context == "jx/pipeline"), None)


@pytest.fixture(scope="module")
def shop(engine: Machine) -> Shop:
    told = engine.jx("import", "dana/shop", "--branch", "main").ok()
    assert "Made repository dana/shop" in told.told
    engine.merge(told.pull, timeout=120)
    url = engine.shell('eval "$(jx local env)"; echo $MY_DEV_GIT_CLONE_URL').ok().out.strip()
    repo = Repo(url).sibling("dana/shop")
    clone = engine.folder / "shop"
    engine.shell(f'eval "$(jx local env)"; git clone -q {repo.url} {clone} 2>/dev/null').ok()
    made = Shop(engine, repo, clone)
    made.push("main", {"jenkins-x.yml": FILE, "lines": "one"})
    for login, right in (("ann", "write"), ("bob", "admin")):
        made.forge("dana").ensure_collaborator(repo, login, right=right)
    return made


def test_a_push_to_its_branch_is_built_and_has_its_record_its_log_and_its_status(shop: Shop) -> None:
    head = shop.push("main", {"lines": "two"})
    record = shop.ended("main", head)
    assert record["status"] == "Succeeded"
    assert [step["name"] for step in record["steps"]][:3] == ["build", "git-clone", "say"]
    build = str(record["build"])
    shown = shop.machine.jx("get", "build", "logs", "dana/shop/main", "--build", build).ok()
    assert f"released {head}" in shown.out


def test_a_pull_request_is_run_as_merged_and_says_so_where_people_look(shop: Shop) -> None:
    head = shop.push("mine", {"lines": "three"}, user="ann")
    opened = shop.machine.jx("pr", "create", "--title", "Three", user="ann", cwd=shop.clone).ok()
    number = int(opened.pull.rpartition("/")[2])
    record = shop.ended(f"PR-{number}", head)
    assert record["status"] == "Succeeded"
    assert (
        f"tested three of {head}"
        in shop.machine.jx("get", "build", "logs", f"dana/shop/PR-{number}").ok().out
    )
    eventually(lambda: (told := shop.status(number)) and told.state is CheckState.SUCCESS, seconds=PATIENCE)
    shop.forge("ann").comment(shop.repo, number, "/retest")
    eventually(lambda: len(shop.records(f"PR-{number}")) == 2, seconds=PATIENCE)


def test_what_its_file_says_wrongly_is_told_at_the_commit(shop: Shop) -> None:
    head = shop.push("main", {"jenkins-x.yml": FILE.replace("release:", "relase:")})
    record = shop.ended("main", head)
    assert record["status"] == "Failed"
    assert "jenkins-x.yml:4: relase is not known here" in record["steps"][0]["description"]
    shop.push("main", {"jenkins-x.yml": FILE})


def test_what_cannot_be_imported_is_told(shop: Shop) -> None:
    machine = shop.machine
    assert "environment dev" in machine.jx("import", "dana/environment-local-dev").ended(3).err
    assert "no branch gone" in machine.jx("import", "dana/shop", "--branch", "gone").ended(4).err
    assert "git server" in machine.jx("import", "https://git.example.com/dana/shop.git").ended(3).err
    assert "is no repository" in machine.jx("import", "shop").ended(2).err
    for words in (("dana/shop",), ("--url", shop.repo.url), ()):
        assert "Already up to date" in machine.jx("import", *words, cwd=shop.clone).ok().told
    assert "dana/shop" in machine.jx("delete", "application", "dana/shp").ended(4).err


def test_its_pull_requests_are_opened_seen_and_merged_as_an_environments_are(shop: Shop) -> None:
    machine, of_shop = shop.machine, ("--repo", "dana/shop")
    shop.push("four", {"more": "four"}, user="ann")
    opened = machine.jx("pr", "create", user="ann", cwd=shop.clone).ok()
    assert re.fullmatch(r"Created Pull Request: http://\S+/dana/shop/pulls/\d+\n", opened.out)
    number = opened.pull.rpartition("/")[2]
    assert f"next: jx pr view {number} --repo dana/shop" in opened.err
    assert machine.jx("pr", "create", user="ann", cwd=shop.clone).ok().pull == opened.pull
    shown = json.loads(machine.jx("pr", "view", number, *of_shop, "-o", "json").ok().out)
    assert (shown["title"], shown["author"]) == ("feat: change four", "ann")
    assert (shown["head"]["branch"], shown["base"]["branch"]) == ("four", "main")
    assert f"#{number}" in machine.jx("pr", "list", *of_shop).ok().out
    assert f"#{number} dana/shop open" in " ".join(machine.jx("pr", "list").ok().out.split())
    assert "no environment" in machine.jx("pr", "diff", number, *of_shop).ended(3).err
    unsaid = machine.jx("pr", "merge", number, cwd=shop.clone).ended(2).err
    assert "say which: --repo dana/shop, or --env dev" in unsaid
    merged = machine.jx("pr", "merge", number, *of_shop).ok()
    assert f"Merged pull request #{number}" in merged.told
    assert "jx get activities -f dana/shop" in merged.err


def test_what_no_pull_request_can_be_opened_for_is_told_with_what_to_do(shop: Shop) -> None:
    machine, clone = shop.machine, shop.clone
    machine.shell("git checkout -q main; git checkout -qb unpushed", cwd=clone).ok()
    told = machine.jx("pr", "create", cwd=clone).ended(4).err
    assert "dana/shop has no branch unpushed" in told
    assert "git push -u origin unpushed" in told
    shop.push("five", {"more": "five"})
    machine.shell("git commit -q --allow-empty -m later", cwd=clone).ok()
    assert "branch five is at" in machine.jx("pr", "create", cwd=clone).ended(3).err
    machine.shell("git reset -q --hard HEAD~; git checkout -q main", cwd=clone).ok()
    assert "cannot be merged into itself" in machine.jx("pr", "create", cwd=clone).ended(2).err
    assert (
        "no branch gone"
        in machine.jx("pr", "create", "--head", "five", "--base", "gone", cwd=clone).ended(4).err
    )
    assert "which repository?" in machine.jx("pr", "create").ended(2).err
    assert "which branch?" in machine.jx("pr", "create", "--repo", "dana/shop").ended(2).err

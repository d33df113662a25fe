"""A pull request that wants more than to be merged: it edits what it is judged by, and has its own files run in its check.

All of it is real: git, the forge, the API, the runner, the controllers. The pipeline of the base runs a script of the repository,
which is the most that a base can let a pull request do.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.support.platform import Machine, eventually

from jx.adapters.local.forge.client import LocalForge
from jx.adapters.local.node.veils import find_veil
from jx.domain.changes.changes import Check, CheckState, PullRequest
from jx.domain.errors import Forbidden, Refused
from jx.domain.names import Repo
from jx.ports.forge import MergeRequest, Offer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-pipelines"), pytest.mark.timeout(600)]

BASE_PIPELINE = """\
buildPack: none
pipelineConfig:
  pipelines:
    pullRequest:
      pipeline:
        agent: {image: jx/builder}
        stages:
        - name: check
          steps:
          - {name: script, command: sh, args: [check.sh]}
    release:
      pipeline:
        agent: {image: jx/builder}
        stages:
        - name: apply
          steps:
          - {name: env-apply, command: jx, args: [step, env, apply], dir: env}
"""
EVIL_PIPELINE = BASE_PIPELINE.replace(
    "sh, args: [check.sh]", "sh, args: [-c, 'echo the pipeline of the pull request']"
)
POLICY = """\
kinds: [ConfigMap]
message: no ConfigMaps here
schema: {required: [nothing]}
"""
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: evil}\ndata: {a: b}\n"
HOSTILE = """\
echo "# the login to git"
env | grep -i jxf_
grep -rslI jxf_ . "$HOME" "$TMPDIR"
cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -a jxf_ | sort -u
echo "# the platform's folder"
cat @PLATFORM@/tokens/* @PLATFORM@/forge/admin.token @PLATFORM@/kubernetes/admin.kubeconfig
echo "# pushes"
GIT_TERMINAL_PROMPT=0 git push origin HEAD:refs/heads/evil HEAD:refs/heads/master
echo "# the forge"
account=$(cat "$JX_SERVICE_ACCOUNT_DIR/token")
@PYTHON@ ask.py "" "$account"
echo "# the cluster"
try() {
  kubectl --server "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT" --token "$account" \\
    --certificate-authority "$JX_SERVICE_ACCOUNT_DIR/ca.crt" "$@" >/dev/null 2>said && echo "done: $*" || echo "not done: $*"
}
try get pods -n jx
try get secrets -n jx
try get secret jx-git -n jx
try get secrets -n jx-anchors
try create token jx-controllers -n jx
try create configmap evil -n jx
try run evil --image=evil -n jx
try delete pipelinerun --all -n jx
try create clusterrolebinding evil --clusterrole=cluster-admin --serviceaccount=jx:jx-checks
echo "# jx itself"
jx pr approve "$PULL_NUMBER" --env production
jx edit secret production/evil --set password=evil1234
jx step env apply --dir env
echo "account=$account"
"""
ASK = """\
import json, os, sys, urllib.error, urllib.request

API = os.environ["JX_FORGE_URL"] + "/api/v1/repos/dana/environment-local-production"
PULL = API + "/pulls/" + os.environ["PULL_NUMBER"]
GOOD = {"context": "jx/approval", "state": "success", "description": "", "target_url": ""}
CALLS = {
    "comments": (PULL + "/comments", {"body": "/approve"}),
    "approvals": (PULL + "/approvals", {"revision": os.environ["PULL_PULL_SHA"]}),
    "merge": (PULL + "/merge", {"method": "merge"}),
    "statuses": (API + "/statuses/" + os.environ["PULL_PULL_SHA"], GOOD),
}
for token in sys.argv[1:]:
    for name, (url, body) in CALLS.items():
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        try:
            print(name, urllib.request.urlopen(request).status)
        except urllib.error.HTTPError as error:
            print(name, error.code)
"""


@dataclass(frozen=True)
class Attack:
    """A pull request of ann's on production, and what its check has printed."""

    machine: Machine
    pull: PullRequest
    log: str

    def part(self, heading: str) -> str:
        """What was printed below a heading."""
        return self.log.partition(f"# {heading}\n")[2].partition("\n# ")[0]

    def forge(self, login: str) -> LocalForge:
        return forge_of(self.machine, login)

    def now(self) -> PullRequest:
        return self.forge("ann").observe(self.pull.repo, self.pull.number)

    def state(self, context: str) -> CheckState | None:
        return next((one.state for one in self.now().checks if one.context == context), None)


def forge_of(machine: Machine, login: str) -> LocalForge:
    return LocalForge(forge_url(machine), (machine.platform() / "tokens" / login).read_text().strip())


def forge_url(machine: Machine) -> str:
    shown = json.loads(machine.jx("local", "status", "-o", "json").ok().out)
    return str(next(one["address"] for one in shown["parts"] if one["part"] == "forge"))


def push(machine: Machine, files: dict[str, str], *, user: str, branch: str) -> None:
    """A commit on production's master as it is now, pushed to a branch with that user's token."""
    clone = machine.clone(f"hostile-{branch}", environment="production", user=user)
    for path, text in files.items():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(text)
    as_user = f"--as {user} " if user else ""
    machine.shell(
        f'eval "$(jx {as_user}local env)"; git add -A; git commit -qm Change; git push -q origin HEAD:{branch}',
        cwd=clone,
    ).ok()


@pytest.fixture(scope="module")
def attack(engine: Machine) -> Iterator[Attack]:
    base = {"jenkins-x.yml": BASE_PIPELINE, "policies/none.yaml": POLICY, "check.sh": "echo fine\n"}
    push(engine, base, user="", branch="master")
    hostile = {
        "jenkins-x.yml": EVIL_PIPELINE,
        "OWNERS": "approvers: [ann, bob]\n",
        "policies/none.yaml": POLICY.replace("nothing", "metadata"),
        "env/templates/evil.yaml": OBJECT,
        "check.sh": HOSTILE.replace("@PLATFORM@", str(engine.platform())).replace("@PYTHON@", sys.executable),
        "ask.py": ASK,
    }
    push(engine, hostile, user="ann", branch="attack")
    repo = Repo(f"{forge_url(engine)}/dana/environment-local-production.git")
    pull = forge_of(engine, "ann").propose(repo, Offer("attack", "master", "Harmless", ""))
    pipeline = f"dana/environment-local-production/PR-{pull.number}"

    def has_run() -> bool:
        shown = json.loads(engine.jx("get", "activities", "-f", pipeline, "-o", "json").ok().out)
        return any(one["status"] in ("Succeeded", "Failed") for one in shown)

    eventually(has_run, seconds=240)
    yield Attack(engine, pull, engine.jx("get", "build", "logs", pipeline).ok().out)
    forge_of(engine, "ann").close(repo, pull.number)


def test_its_check_is_the_pipeline_of_the_base(attack: Attack) -> None:
    assert "# the login to git" in attack.log
    assert "the pipeline of the pull request" not in attack.log


def test_no_token_of_the_forge_is_within_reach_of_its_files(attack: Attack) -> None:
    assert not re.search(r"jxf_[A-Za-z0-9_-]{20,}", attack.log)


@pytest.mark.skipif(find_veil(()).kind == "none", reason="this machine has neither bwrap nor unshare")
def test_the_platforms_folder_cannot_be_seen(attack: Attack) -> None:
    seen = attack.part("the platform's folder")
    for path in ("tokens/ann", "tokens/jx-bot", "forge/admin.token"):
        assert (attack.machine.platform() / path).read_text().strip() not in attack.log
    assert "client-key" not in seen


def test_it_pushes_nothing(attack: Attack) -> None:
    refs = attack.machine.shell(
        f'eval "$(jx local env)"; git ls-remote {attack.pull.repo.url}', cwd=attack.machine.home
    ).ok()
    assert "refs/heads/evil" not in refs.out
    assert not re.search(rf"{attack.pull.head}\trefs/heads/master", refs.out)


def test_the_forge_does_not_know_who_it_is(attack: Attack) -> None:
    answers = attack.part("the forge").splitlines()
    assert sorted(set(answers)) == ["approvals 401", "comments 401", "merge 401", "statuses 401"]
    assert len(answers) == 8
    assert not attack.now().reviews


def test_in_the_cluster_it_reads_what_is_no_secret_and_does_nothing(attack: Attack) -> None:
    tries = attack.part("the cluster").splitlines()
    assert len(tries) == 9
    assert [one for one in tries if one.startswith("done")] == ["done: get pods -n jx"]


def test_jx_gives_it_no_more_than_that(attack: Attack) -> None:
    assert "Approved" not in attack.part("jx itself")
    assert "Environment applied" not in attack.part("jx itself")


def test_its_token_ends_with_it(attack: Attack) -> None:
    token = attack.log.rpartition("account=")[2].split()[0]
    asked = attack.machine.shell(
        f"kubectl --kubeconfig /dev/null --server $(kubectl --kubeconfig {attack.machine.kubeconfig()} config view -o"
        " jsonpath='{.clusters[0].cluster.server}') --insecure-skip-tls-verify"
        f" --token {shlex.quote(token)} get pods -n jx"
    )
    assert asked.code
    assert "Unauthorized" in asked.err or "must be logged in" in asked.err


def test_policies_are_the_bases(attack: Attack) -> None:
    eventually(lambda: attack.state("jx/plan") is CheckState.FAILURE, seconds=120)
    shown = attack.machine.jx("pr", "view", str(attack.pull.number), "--env", "production").ok().out
    assert "no ConfigMaps here" in shown


def test_owners_are_the_bases_and_nobody_else_approves(attack: Attack) -> None:
    repo, number = attack.pull.repo, attack.pull.number
    for login in ("ann", "bob"):
        attack.forge(login).comment(repo, number, "/approve")

    def is_answered() -> bool:
        said = [one.body for one in attack.now().comments]
        return all(any(f"@{login}, sorry" in body for body in said) for login in ("ann", "bob"))

    eventually(is_answered, seconds=120)
    said = "".join(one.body for one in attack.now().comments)
    assert "it is your own change" in said
    assert "only dana may approve this" in said
    assert attack.state("jx/approval") is CheckState.PENDING


def test_who_may_write_reports_no_check_and_merges_nothing(attack: Attack) -> None:
    good = Check("jx/approval", CheckState.SUCCESS)
    for login in ("ann", "bob", "dana"):
        with pytest.raises(Forbidden):
            attack.forge(login).set_status(attack.pull.repo, attack.pull.head, good)
    with pytest.raises(Refused, match="jx/approval"):
        attack.forge("ann").merge(attack.pull.repo, MergeRequest(attack.pull.number))
    with pytest.raises(Forbidden, match="only who looks after"):
        attack.forge("ann").merge(attack.pull.repo, MergeRequest(attack.pull.number, override="please"))

"""Known secrets go through an embedded platform, by commands and by HTTP: no answer, file, object or argument ever shows them."""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support.canaries import files_below, leaks, watched_arguments
from tests.support.foreign import token_of
from tests.support.platform import Machine, Ran, install, machine_at

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import SECRETS, Api
from jx.adapters.kubernetes.transport import Request

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("canaries"), pytest.mark.timeout(300)]

FIRST, SECOND, OTHER = "canary/pass+word one%1", 'canary "second" & more=2', "canary of somebody else#3"
FAILS = (
    '{{ fail (printf "cannot use %s, %s" .Values.redis.auth.password (b64enc .Values.redis.auth.password)) }}'
)
REFUSED = """\
apiVersion: v1
kind: Secret
metadata: {name: Not_A_Name}
stringData: {url: 'redis://:{{ .Values.redis.auth.password | urlquery }}@redis'}
"""
FORMS = ("table", "diff", "json", "yaml", "events")
_LINK = re.compile(r"""href=["'](/[^"'#]*)["']""")
_MOST_PAGES = 150


@dataclass
class Story:
    """A machine, and everything that anybody was ever shown."""

    machine: Machine
    api: Api = field(init=False)
    told: list[tuple[str, bytes]] = field(default_factory=list)

    def jx(self, *words: str, **how: Any) -> Ran:
        ran = self.machine.jx(*words, **how)
        self.told.append((f"jx {' '.join(words)}", ran.told.encode()))
        return ran

    def apply(self, clone: Path, *words: str, code: int = 0) -> Ran:
        """Apply a clone. The controllers try again by themselves what failed, so the lock may be theirs for a while."""
        ends = time.monotonic() + 60
        while True:
            ran = self.jx("-v", "step", "env", "apply", "-b", *words, cwd=clone)
            if "holds the lock" not in ran.told or time.monotonic() > ends:
                return ran.ended(code)

    def edit(self, value: str) -> None:
        """Put a value into the store, by standard input."""
        script = 'printf %s "$VALUE" | jx -v edit secret dev/redis --from-file password=-'
        ran = self.machine.shell(script, env={"VALUE": value}).ok()
        self.told.append(("jx edit secret", ran.told.encode()))

    def get(
        self, url: str, *, token: str = "", header: str = "Authorization", data: bytes | None = None
    ) -> bytes:
        """What a server answers, be it an error."""
        request = urllib.request.Request(url, data=data, headers={header: token} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            content = str(error.headers).encode() + error.read()
        self.told.append((url, content))
        return content

    def crawl(self, root: str, token: str) -> int:
        """Every page that is linked from a forge's first one."""
        known, left = {"/"}, ["/"]
        while left and len(known) < _MOST_PAGES:
            content = self.get(f"{root}{left.pop(0)}", token=token).decode(errors="replace")
            fresh = [link for link in dict.fromkeys(_LINK.findall(content)) if link not in known]
            known.update(fresh)
            left += fresh
        return len(known)

    def list_everything(self) -> int:
        """All objects of the cluster but for Secrets, as `kubectl get -o yaml` shows them; how many kinds there are."""
        groups = [
            "/api/v1",
            *(f"/apis/{one['preferredVersion']['groupVersion']}" for one in self._ask("/apis")["groups"]),
        ]
        count = 0
        for group in groups:
            for one in self._ask(group)["resources"]:
                if "/" in one["name"] or "list" not in one["verbs"] or one["name"] == "secrets":
                    continue
                self.told.append(
                    (f"{group}/{one['name']}", json.dumps(self._ask(f"{group}/{one['name']}")).encode())
                )
                count += 1
        return count

    def _ask(self, path: str) -> Any:
        return self.api._json(Request("GET", path), self.api._attempt("GET", None, path))

    def live(self) -> str:
        data = self.api.get(SECRETS, "jx", "jenkins-x-redis")["data"]
        return base64.b64decode(data["password"]).decode()

    def address(self, part: str) -> str:
        shown = json.loads(self.machine.jx("local", "status", "-o", "json").ok().out)
        return str(next(one["address"] for one in shown["parts"] if one["part"] == part))


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with machine_at(tmp_path) as machine:
        install(machine)
        made = Story(machine)
        made.api = Api.connect(kubeconfig.load([machine.kubeconfig()]), SystemClock())
        yield made
        made.api.close()


def test_no_byte_of_a_secret_leaves_the_store_and_the_clusters_secrets(story: Story) -> None:
    with watched_arguments() as arguments:
        _add_and_merge(story)
        clone = _apply_by_hand(story)
        _fail(story, clone)
        _rotate(story)
        _ask_every_server(story)
    machine = story.machine
    values = (FIRST, SECOND, OTHER, story.live())
    assert story.live() not in values[:3], "the last rotation made a value of its own"
    kept = files_below(machine.folder, but=("/kubernetes/state.db",))
    seen = [*story.told, *kept, *(("arguments of a process", one) for one in arguments)]
    assert leaks(values, seen) == []
    assert leaks(values[1:], files_below(machine.platform() / "kubernetes")), (
        "Secrets are where they are looked for"
    )
    assert len(arguments) > 1 or not Path("/proc").exists()


def _add_and_merge(story: Story) -> None:
    story.edit(FIRST)
    words = ("add", "app", "redis", "--version", "1.0.0", "--set", "auth.password=vault:dev/redis:password")
    pull = story.jx("-v", *words, user="ann").ok().pull
    story.jx("pr", "diff", pull).ok()
    story.jx("pr", "comment", pull, "--body", "looks good", user="bob")
    story.machine.merge(pull)
    assert story.live() == FIRST
    for shown in (
        ("pr", "view", pull),
        ("get", "activities"),
    ):
        story.jx("-v", *shown).ok()


def _apply_by_hand(story: Story) -> Path:
    clone = story.machine.clone("clone")
    story.edit(SECOND)
    dry_runs = [("--dry-run", "-o", form) for form in FORMS]
    looks = [("-v", "step", "env", "apply", "-b", *how) for how in (*dry_runs, ("--dry-run=server",))]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda words: story.jx(*words, cwd=clone).ok(), [*looks, ("diff",)]))
    assert story.live() == FIRST
    # Somebody else sets the very field: a conflict, and then it is taken back.
    other = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "jenkins-x-redis", "namespace": "jx"},
        "data": {"password": base64.b64encode(OTHER.encode()).decode()},
    }
    story.api.apply(SECRETS, "jx", other, query={"fieldManager": "kubectl-edit", "force": "true"})
    conflict = story.apply(clone, code=1)
    assert "kubectl-edit" in conflict.told
    story.jx("get", "drift")
    story.apply(clone, "--allow", "conflicts")
    assert story.live() == SECOND
    return clone


def _fail(story: Story, clone: Path) -> None:
    template = clone / "env" / "templates" / "canary.yaml"
    for text, dry_run, code in ((FAILS, "--dry-run", 5), (REFUSED, "--dry-run=server", 1)):
        template.write_text(text)
        story.machine.shell("git add -A", cwd=clone).ok()
        for words in ((dry_run,), ("--no-wait",)):
            story.apply(clone, *words, code=code)
    story.machine.shell("git rm -qf env/templates/canary.yaml", cwd=clone).ok()
    story.machine.kill("vault")
    story.apply(clone, code=10)
    story.apply(clone, "--allow", "missing-secrets")
    story.jx("local", "start").ok()


def _rotate(story: Story) -> None:
    story.jx("-v", "rotate", "secret", "dev/redis", "--key", "password", "--no-apply")
    story.edit(FIRST.replace("/", "").replace("+", "").replace("%", "").replace(" ", ""))
    story.jx("resume", "dev")
    rotated = story.jx("-v", "rotate", "secret", "dev/redis", "--key", "password").ok()
    assert "changed: Secret/jenkins-x-redis" in rotated.told
    assert "starts anew: StatefulSet.apps/jenkins-x-redis" in rotated.told
    audit = story.jx("get", "secrets", "--audit").ok().out
    assert re.search(r"rotated +vault:dev/redis password +\d+ +jx rotate secret", audit), audit
    assert re.search(r"used +vault:dev/redis +\d+ +apply of dev at [0-9a-f]{19}", audit), audit
    story.jx("-v", "get", "secrets", "-o", "yaml").ok()


def _ask_every_server(story: Story) -> None:
    forge, api, vault = (story.address(part) for part in ("forge", "kubernetes", "vault"))
    token = (story.machine.platform() / "tokens" / "ann").read_text().strip()
    assert story.crawl(forge, f"token {token}") > 5
    repo = f"{forge}/api/v1/repos/dana/environment-local-dev"
    for path in ("", "/pulls?state=all", "/pulls/1", "/issues/1/comments", "/commits", "/branches"):
        story.get(f"{repo}{path}", token=f"token {token}")
    assert story.list_everything() > 20
    stranger = token_of(story.api, "default", "stranger", is_admin=False)
    secret = f"{api}/api/v1/namespaces/jx/secrets/jenkins-x-redis"
    refusal = _refused(story, secret, stranger)
    assert refusal.startswith(b"403")
    story.told.append((secret, refusal))
    for path, with_token in (
        ("secret/data/dev/redis", ""),
        ("secret/data/dev/redis", "guessed"),
        ("secret/data/dev", "guessed"),
    ):
        story.get(f"{vault}/v1/{path}", token=with_token, header="X-Vault-Token")
        story.get(f"{vault}/v1/{path}", token=with_token, header="X-Vault-Token", data=b"{not json")
    ingress = json.loads((story.machine.platform() / "platform.json").read_text())
    for url in {value for value in map(str, ingress.values()) if value.startswith("http")}:
        story.get(f"{url}/hook", data=b'{"ref": "canary"}')


def _refused(story: Story, url: str, token: str) -> bytes:
    context = ssl.create_default_context(cadata=story.api.access.ca)
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            raise AssertionError(f"a stranger may read it: {answer.status}")
    except urllib.error.HTTPError as error:
        return str(error.code).encode() + error.read()

"""Known secrets go through everything that jx does; afterwards no byte of them is anywhere but in the store and in Secrets."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.canaries import leaks, shapes
from tests.support.fuses import Crash, Fuse
from tests.support.worlds import ANN, BOB, DEV, REPOSITORY, World, definition, environment_tree

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.canned_prompts import CannedPrompts
from jx.adapters.local.memory_catalog import make_chart
from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.applying.applying import ApplyReport
from jx.domain.environments.environments import Environment
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import Failed, JxError
from jx.domain.ledger import diffing, ledger
from jx.domain.objects.references import Scheme
from jx.ports.forge import MergeRequest
from jx.usecases.planning.plan_environment import PlanEnvironment
from jx.usecases.planning.render_environment import RenderEnvironment
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.proposing.add_app import AddApp, AddAppRequest
from jx.usecases.proposing.ask_values import AskValues
from jx.usecases.proposing.upgrade_apps import UpgradeApps, UpgradeAppsRequest
from jx.usecases.reviewing.check_change import CheckChange
from jx.usecases.reviewing.plan_change import PlanChange
from jx.usecases.secrets.edit_secret import EditSecret
from jx.usecases.secrets.find_secret_users import FindSecretUsers
from jx.usecases.secrets.keep_secrets import KeepSecrets
from jx.usecases.secrets.rotate_secret import RotateSecret, RotateSecretRequest
from jx.usecases.secrets.show_secrets import ShowSecrets

PASSWORD, TOKEN, GIVEN = 'canary/pass+word "1"', "canary&token=2%", "canary rotated#3"
CANARIES = (PASSWORD, TOKEN, GIVEN)

SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: db}
data:
  password: {{ .Values.password | b64enc }}
  url: {{ printf "postgres://ann:%s@db" (.Values.password | urlquery) | b64enc }}
  token: {{ .Values.token | default "none" | b64enc }}
"""
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {checksum/db: {{ .Values.password | sha256sum }}}
    spec:
      containers: [{name: web, image: "web:1", envFrom: [{secretRef: {name: db}}]}]
"""
FAILS = '{{ fail (printf "cannot use %s and %s" .Values.password (.Values.password | b64enc)) }}'


def _schema(*names: str) -> str:
    properties = {name: {"type": "string", "format": "password"} for name in names}
    return json.dumps({"type": "object", "properties": properties})


class Run:
    """A world, and every text that any command or loop gave."""

    def __init__(self, helm: HelmRenderer) -> None:
        self.world = World(renderer=helm, secrets=MemorySecrets())
        for version, schema, more in (
            ("1.0.0", _schema("password"), {}),
            ("1.1.0", _schema("password", "token"), {}),
            ("1.2.0", _schema("password", "token"), {"templates/fails.yaml": FAILS}),
        ):
            files = {"templates/secret.yaml": SECRET, "templates/web.yaml": WEB, "values.schema.json": schema}
            self.world.catalog.add(make_chart("shop", version, files | more, repository=REPOSITORY))
        self.world.offer("apps", "1.0.0", definition("jenkins.io", "App"))
        self.world.commit(environment_tree({"apps": "1.0.0"}))
        self.forge = MemoryForge(self.world.repos, ANN)
        self.forge.adopt(self.world.repo)
        self.forge.ensure_collaborator(self.world.repo, BOB.login, right="write")
        self.environment = Environment(DEV, "jx", self.world.repo)
        self.at = PlatformAt(self.world.repo)
        self.edit = EditSecret({Scheme.VAULT: self.world.secrets}, self.world.reporter, self.world.record)
        self.texts: list[str] = []

    @property
    def propose(self) -> ProposeChange:
        return ProposeChange(self.world.repos, self.forge, self.world.reporter)

    @property
    def find_users(self) -> FindSecretUsers:
        return FindSecretUsers(self.propose, self.world.repos)

    def asking(self, **texts: str) -> AskValues:
        keep = KeepSecrets(self.world.catalog, self.edit, self.world.reporter)
        return AskValues(self.world.catalog, CannedPrompts(texts), keep)

    def tell(self, *things: Any) -> None:
        self.texts += [thing if isinstance(thing, str) else repr(thing) for thing in things]

    def failing(self, act: Any) -> None:
        with pytest.raises(JxError) as caught:
            act()
        error = caught.value
        self.tell(error.message, error.hint, repr(error), repr(getattr(error, "problems", "")))
        cause: BaseException | None = error
        while cause is not None:
            self.tell(repr(cause), str(cause))
            cause = cause.__cause__ or cause.__context__

    def check(self, number: int) -> None:
        world = self.world
        plan = PlanEnvironment(
            world.catalog, RenderEnvironment(world.renderer, world.reporter), world.cluster, world.reporter
        )
        change = PlanChange(world.repos, world.anchors, plan)
        self.tell(CheckChange(world.repos, self.forge, change)(self.environment, number))

    def merge(self, number: int) -> None:
        self.check(number)
        pull = self.forge.observe(self.world.repo, number)
        self.world.clock.move(timedelta(minutes=1))
        self.forge.login_as(BOB).merge(self.world.repo, MergeRequest(number, "merge", expected=pull.head))

    def apply(self, **changes: Any) -> ApplyReport:
        report = self.world.apply_head(**changes)
        live = {one.step.ref: one.live for one in report.outcomes if one.live}
        self.tell(report.message, report.plan, report.outcomes, diffing.render_diff(report.plan, live))
        return report

    def seen(self) -> str:
        """Everything that anybody can look at: git objects of all refs, the forge, the anchor, events, and what was told."""
        world = self.world
        parts = [*self.texts, world.reporter.text, repr(world.reporter.events)]
        for stored in world.repos._repos.values():
            for commit, tree in stored.commits.values():
                parts += [repr(commit), *(tree.text(path) for path in tree)]
        pulls = self.forge.list_pulls(world.repo, state=None)
        parts += [repr(self.forge.observe(world.repo, pull.number)) for pull in pulls]
        for anchor in world.anchors.list_all():
            parts += [repr(anchor), *(repr(ledger.unpack(entry)) for entry in anchor.pending)]
        for ref, body in world.cluster.objects.items():
            shown = {
                key: value for key, value in body.items() if not (ref.kind == "Secret" and key == "data")
            }
            parts.append(json.dumps(shown, default=str))
        return "\n".join(parts)

    def leaks(self) -> list[str]:
        return leaks(CANARIES, [("what is seen", self.seen().encode())])


@pytest.fixture
def helm(tmp_path: Path) -> Iterator[HelmRenderer]:
    renderer = HelmRenderer(tmp_path)
    yield renderer
    renderer.close()


def _add(run: Run) -> None:
    add = AddApp(run.propose, run.world.catalog, run.world.reporter, run.asking(password=PASSWORD))
    pull = add(AddAppRequest(run.at, "shop", version="1.0.0", repository=REPOSITORY))
    assert pull is not None
    run.tell(pull)
    run.merge(pull.number)


def _upgrade(run: Run, version: str, **texts: str) -> None:
    ask = run.asking(**texts)
    upgrade = UpgradeApps(run.propose, run.world.catalog, run.world.reporter, ask.keep_secrets, ask)
    pull = upgrade(UpgradeAppsRequest(run.at, "shop", version=version))
    assert pull is not None
    run.tell(pull)
    run.merge(pull.number)


def test_no_byte_of_a_secret_is_anywhere_but_in_the_store_and_in_secrets(
    helm: HelmRenderer, tmp_path: Path
) -> None:
    run = Run(helm)
    world = run.world
    _add(run)
    run.apply(dry_run=True)
    run.apply()

    # An upgrade that asks for one more, whose apply fails: the API server quotes what it was sent, in several ways.
    _upgrade(run, "1.1.0", token=TOKEN)
    quoted = " ".join(shape for value in (PASSWORD, TOKEN) for shape in sorted(shapes(value)))
    world.cluster.fail(
        Failed(f"admission webhook denied the request: {quoted}"), only=lambda ref: ref.kind == "Secret"
    )
    assert "admission webhook denied" in run.apply().message
    assert run.apply().is_good

    # Somebody else sets a field that comes from a secret, to a secret.
    other = base64.b64encode(f"{PASSWORD} of somebody".encode()).decode()
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "jx"},
        "data": {"password": other},
    }
    world.cluster.put(body, manager="kubectl-edit")
    assert "kubectl-edit" in run.apply().message
    assert run.apply(allowed=Allowed(frozenset({Guard.CONFLICTS}))).is_good

    # A crash in the middle, and the apply that finishes it.
    rotate = RotateSecret(run.edit, run.find_users, world.generator, world.use_case())
    run.tell(rotate(RotateSecretRequest(run.at, "dev/shop", "ann@here", values={"password": GIVEN})))
    there = world.secrets.read(("dev/shop",))["dev/shop"]
    world.secrets.write("dev/shop", {**there.values, "password": PASSWORD}, version=there.version)
    for calls in (6, 9, 12):
        with pytest.raises(Crash):
            world.use_case(Fuse(calls).wrap)(world.request_head())
        world.clock.move(timedelta(minutes=10))
    assert run.apply().is_good

    # A render that fails with the value in its message, in the check and in the apply.
    _upgrade(run, "1.2.0")
    run.failing(world.apply_head)
    run.failing(lambda: world.apply_head(dry_run=True))
    run.tell(ShowSecrets(run.find_users, {Scheme.VAULT: world.secrets})(run.at))

    secret = world.get("Secret", "db")
    assert secret is not None
    assert base64.b64decode(secret["data"]["password"]).decode() == PASSWORD
    assert base64.b64decode(secret["data"]["token"]).decode() == TOKEN
    kept = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    run.tell(*kept, *_arguments_of_processes())
    assert run.leaks() == []


def _arguments_of_processes() -> Iterator[str]:
    """Of all processes of this machine, Helm's engine among them; nothing where the system does not tell."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            yield path.read_text(errors="replace")

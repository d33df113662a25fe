"""Check a target: whether a cluster, git servers and a chart repository are as an installation needs them. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jx.domain.charts.charts import ChartRef
from jx.domain.environments.environments import Environment
from jx.domain.errors import JxError, NotFound
from jx.domain.names import Repo
from jx.domain.objects.membership import ANCHORS_NAMESPACE
from jx.domain.platforms import preflight
from jx.domain.platforms.installing import Engine
from jx.domain.platforms.preflight import ClusterLook, Finding, Verdict
from jx.domain.secrets.vault_choice import VaultAt
from jx.ports.catalog import Catalog
from jx.ports.clock import Clock
from jx.ports.probe import Probe
from jx.ports.repos import Remotes, Repos
from jx.ports.secrets import SecretAccess

_MAKE_IT = "make it on the git server, empty, or correct the address"
_PROBE_BRANCH = "jx-preflight"


@dataclass(frozen=True, slots=True)
class TargetRequest:
    """What is to be installed where."""

    environments: tuple[Environment, ...]
    chart: ChartRef
    """The platform's chart; without a repository it comes with jx."""
    version_stream: Repo | None = None
    version_stream_ref: str = "master"
    vault: VaultAt | None = None
    """A Vault that is there and is to be used."""
    engine: Engine = Engine.NONE
    """What is to run pipelines."""
    vault_operator: ChartRef | None = None
    """The chart of the operator, where there is to be one of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """What was found; `look` is None where the cluster could not be asked."""

    findings: tuple[Finding, ...]
    look: ClusterLook | None
    has_engine: bool = False
    """Whether what is to run pipelines is there."""

    @property
    def is_ready(self) -> bool:
        """Whether nothing stands in the way."""
        return preflight.is_passed(self.findings)


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """Every check is made and told, whatever the others came to."""

    probe: Probe
    repos: Repos
    remotes: Remotes
    catalog: Catalog
    clock: Clock
    find_store: Callable[[], SecretAccess | None] = lambda: None
    """Who says who may read the store that the settings name; raises where no login is known."""

    def __call__(self, request: TargetRequest) -> Target:
        """One finding a row; never raises for what is wrong out there."""
        look, findings = self._look(request)
        has_engine = False
        if request.engine is Engine.TEKTON:
            has_engine, finding = self._check_engine()
            findings.append(finding)
        findings += [self._check_repo(one) for one in request.environments if one.repo]
        if request.version_stream:
            findings.append(self._check_stream(request.version_stream, request.version_stream_ref))
        if request.chart.repository:
            findings.append(self._check_charts(request.chart))
        if request.vault_operator:
            findings.append(self._check_operator(request.vault_operator))
        if request.vault:
            findings.append(self._check_vault(request.vault, request.environments))
        return Target(tuple(findings), look, has_engine)

    def _look(self, request: TargetRequest) -> tuple[ClusterLook | None, list[Finding]]:
        try:
            look = self.probe.look()
        except JxError as error:
            rest = ("kubernetes version", "rights", "namespaces", "nodes", "clocks")
            skipped = [Finding(what, Verdict.SKIPPED, "the server cannot be asked") for what in rest]
            return None, [preflight.failed("api server", error), *skipped]
        where = f"{look.server} (context {look.context or '-'}, user {look.user or '-'})"
        namespaces = tuple(one.namespace for one in request.environments if not one.is_remote)
        return look, [
            Finding("api server", Verdict.OK, where),
            preflight.judge_version(look.version),
            preflight.judge_clock(look.now, self.clock.now()),
            *self._check_rights(look, namespaces),
            *(self._attempt(f"namespace {name}", self._judge_namespace(name)) for name in
              dict.fromkeys((*namespaces, ANCHORS_NAMESPACE))),
            preflight.judge_nodes(look),
        ]  # fmt: skip

    def _check_rights(self, look: ClusterLook, namespaces: tuple[str, ...]) -> list[Finding]:
        found = []
        for what, rights in preflight.needed_rights(namespaces).items():
            try:
                denied = tuple(right for right in rights if not self.probe.is_allowed(right))
            except JxError as error:
                found.append(preflight.failed(what, error))
            else:
                found.append(preflight.judge_rights(what, rights, denied, look.user))
        return found

    def _judge_namespace(self, name: str) -> Callable[[], Finding]:
        return lambda: preflight.judge_namespace(name, self.probe.find_phase(name))

    def _check_engine(self) -> tuple[bool, Finding]:
        try:
            is_served = self.probe.serves(*preflight.ENGINE_KIND)
        except JxError as error:
            return False, Finding("pipelines", Verdict.SKIPPED, error.message)
        return is_served, preflight.judge_engine(is_served=is_served)

    def _check_repo(self, environment: Environment) -> Finding:
        repo = environment.repo
        assert repo is not None
        what = f"repository of {environment.name}"
        try:
            head = self.repos.head(repo, environment.branch)
        except NotFound as error:
            return Finding(what, Verdict.FAILED, error.message, _MAKE_IT)
        except JxError as error:
            return preflight.failed(what, error)
        try:
            self.remotes.check_push(repo, _PROBE_BRANCH)
        except JxError as error:
            return preflight.failed(
                what,
                error,
                "pushes need a right: of the login that git uses there, or set JX_GIT_USER and JX_GIT_TOKEN",
            )
        is_known = f"{environment.branch} is at {head[:12]}" if head else "empty, will be filled"
        return Finding(what, Verdict.OK, f"{repo.url}: readable, writable, {is_known}")

    def _check_stream(self, repo: Repo, branch: str) -> Finding:
        what = "version stream"
        try:
            head = self.repos.head(repo, branch)
        except JxError as error:
            return preflight.failed(what, error, "correct --versions-repo")
        if head is None:
            return Finding(
                what, Verdict.FAILED, f"{repo.url} has no branch {branch}", "name another with --versions-ref"
            )
        return Finding(what, Verdict.OK, f"{repo.url} at {head[:12]}")

    def _check_charts(self, chart: ChartRef) -> Finding:
        what = "chart repository"
        try:
            found = self.catalog.resolve(chart)
        except JxError as error:
            return preflight.failed(what, error, "correct --chart-repository or --version")
        return Finding(what, Verdict.OK, f"{chart.name} {found.version} from {chart.repository}")

    def _check_operator(self, chart: ChartRef) -> Finding:
        what = "vault operator"
        hint = (
            "say where its chart is: --vault-operator-repository; or use a Vault that is there: --vault-url; or leave it out:"
            " --vault=false"
        )
        if not chart.repository:
            return Finding(what, Verdict.FAILED, f"nothing says where the chart {chart.name} is", hint)
        try:
            found = self.catalog.resolve(chart)
        except JxError as error:
            return Finding(what, Verdict.FAILED, error.message, hint)
        return Finding(what, Verdict.OK, f"{chart.name} {found.version} from {chart.repository}")

    def _check_vault(self, vault: VaultAt, environments: tuple[Environment, ...]) -> Finding:
        what = "vault"
        try:
            store = self.find_store()
            if store is None:
                return Finding(what, Verdict.SKIPPED, f"nothing is known of {vault.url}")
            store.check()
            roles = tuple(f"{vault.role}-{one.name}" for one in environments)
            missing = () if vault.is_set_up else store.missing_rights((*roles, vault.role))
        except JxError as error:
            return preflight.failed(what, error, "correct --vault-url")
        if missing:
            return Finding(
                what,
                Verdict.FAILED,
                f"{vault.url} lets us in, but this login may not write {', '.join(missing)}",
                "use a login that may; or have whoever runs it set it up, and say --no-vault-setup",
            )
        return Finding(what, Verdict.OK, f"{vault.url}: unsealed, and lets us in")

    @staticmethod
    def _attempt(what: str, check: Callable[[], Finding]) -> Finding:
        try:
            return check()
        except JxError as error:
            return preflight.failed(what, error)

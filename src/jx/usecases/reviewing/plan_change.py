"""Plan a change: what the cluster would look like after a pull request is merged now. Shared by its check and by `jx pr diff`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jx.domain.applying.applying import Anchor
from jx.domain.applying.plan_text import VersionMove, version_moves
from jx.domain.changes import policies
from jx.domain.changes.changes import PullRequest
from jx.domain.environments.environments import Environment, EnvironmentSpec
from jx.domain.errors import Invalid, JxError, NotFound, Stale
from jx.domain.layouts import umbrella
from jx.domain.layouts.requirements import read_requirements
from jx.domain.layouts.sections import Mistakes
from jx.domain.ledger import ledger, sent_before
from jx.domain.names import Repo, Revision
from jx.domain.objects.manifests import Body, ChartPin, ObjectRef
from jx.domain.objects.references import Reference
from jx.domain.secrets import plain_finds, secret_changes, secret_policy
from jx.domain.secrets.secret_changes import Wanted
from jx.domain.secrets.secret_policy import SecretPolicy
from jx.domain.trees import Tree, merge_trees
from jx.ports.anchor import Anchors
from jx.ports.repos import Repos
from jx.usecases.planning.plan_environment import PlanEnvironment, Planned, PlanRequest
from jx.usecases.reviewing.replay_change import OwnCommits, ReplayChange


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """The plan of the environment with the pull request merged onto `base`."""

    planned: Planned
    base: Revision
    spec: EnvironmentSpec
    """What the files say then."""
    versions: tuple[VersionMove, ...]
    """Apps whose version moves."""
    installed: tuple[ChartPin, ...] = ()
    """The charts of the last apply."""
    sent: Mapping[ObjectRef, Body] = field(default_factory=dict, hash=False, repr=False)
    """What the objects that change were last sent as, where the ledger tells and nobody touched them since."""
    secrets: tuple[str, ...] = ()
    """Secrets that are newly needed, no longer used, or drawn anew, and what changes about where they may be, in words."""
    is_overtaken: bool = False
    """Whether the base says already what a machine-made change would make of it: its merge would change no file."""


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Reads only."""

    repos: Repos
    anchors: Anchors
    plan_environment: PlanEnvironment

    def __call__(self, environment: Environment, pull: PullRequest) -> PlannedChange:
        """The plan. Stale where the pull request conflicts with its base; what reading, rendering and planning raise."""
        repo = pull.repo
        base = self.repos.head(repo, pull.base_branch)
        if base is None:
            raise NotFound(f"there is no branch {pull.base_branch} in {repo.full_name}")
        before = self.repos.read(repo, base)
        own = ReplayChange(self.repos).find_own(repo, pull.head, base)
        after = self._merged(pull, own, base, before)
        spec = umbrella.read(after, name=environment.name)
        secret_policy.refuse_pipelines(before, after)
        policy = _policy_before(before, environment)
        plain_finds.refuse(plain_finds.find_in_files(before, after), policy.plain)
        anchor = self.anchors.find(environment.name)
        request = PlanRequest(spec, after, anchor, repo=repo, policies=(policy,))
        old = _spec_before(before, environment)
        moved = version_moves(_versions(old) if old else {}, _versions(spec))
        wanted = _secrets(old) if old else {}
        news = secret_changes.in_words(wanted, secret_changes.list_wanted(spec.chart, spec.name))
        allowed = secret_policy.in_words(policy, secret_policy.policy_of(spec.requirements, spec.name))
        rules = policies.choose(before, after)
        planned = self.plan_environment(request)
        plain_finds.refuse(plain_finds.find_in_objects(before, after, planned.plan.manifests), policy.plain)
        broken = policies.judge(rules, planned.plan.touched)
        if broken:
            planned = replace(planned, refusals=(*planned.refusals, broken))
        ruled = policies.in_words(before, after, planned.plan.manifests)
        installed = anchor.applied.charts if anchor and anchor.applied else ()
        told = (*news, *allowed, *ruled, *planned.news)
        sent = self._find_sent(repo, planned, anchor)
        is_overtaken = own.say_edits and after == before
        return PlannedChange(planned, base, spec, moved, installed, sent, told, is_overtaken)

    def _find_sent(self, repo: Repo, planned: Planned, anchor: Anchor | None) -> dict[ObjectRef, Body]:
        """Nothing where the ledger cannot be read: then the live objects have to do."""
        refs = sent_before.sought(planned.plan, planned.live, anchor.inventory) if anchor else ()
        if anchor is None or not refs:
            return {}
        try:
            head = Revision(anchor.ledger_head)
            files = self.repos.read(repo, head) if head else Tree()
            for pending in anchor.pending:
                files = ledger.tree_of(ledger.unpack(pending), files)
        except JxError:
            return {}
        return sent_before.find(refs, files)

    def _merged(self, pull: PullRequest, own: OwnCommits, base: Revision, before: Tree) -> Tree:
        """The files after a merge onto today's base: machine-made edits are replayed there, others are merged file by file. So
        are those that claim to be an edit and hold something else: it is the files that will be merged."""
        repo, replay = pull.repo, ReplayChange(self.repos)
        theirs = self.repos.read(repo, pull.head)
        if own.fork == base:
            return theirs
        if replay.is_honest(repo, own):
            try:
                drafts = replay.make_anew(own, before)
            except (Invalid, NotFound):
                pass  # what the edit speaks of is gone; the files tell whether that is a conflict
            else:
                return drafts[-1].tree if drafts else before
        fork = self.repos.read(repo, own.fork) if own.fork else Tree()
        merged, conflicts = merge_trees(fork, before, theirs)
        if conflicts:
            raise Stale(
                f"pull request #{pull.number} conflicts with {pull.base_branch} in {', '.join(conflicts)}",
                hint=f"rebase {pull.head_branch} onto {pull.base_branch} and push it",
            )
        return merged


def _spec_before(tree: Tree, environment: Environment) -> EnvironmentSpec | None:
    """None where the branch itself has mistakes: this may be the very change that mends them."""
    try:
        return umbrella.read(tree, name=environment.name)
    except (Invalid, NotFound):
        return None


def _policy_before(tree: Tree, environment: Environment) -> SecretPolicy:
    """Where the file has mistakes, what can be read of it: that allows no more than it says."""
    requirements, _ = read_requirements(tree, Mistakes())
    return secret_policy.policy_of(requirements, environment.name)


def _secrets(spec: EnvironmentSpec) -> dict[Reference, Wanted]:
    try:
        return secret_changes.list_wanted(spec.chart, spec.name)
    except Invalid:  # as above
        return {}


def _versions(spec: EnvironmentSpec) -> dict[str, str]:
    return {app.key: app.chart.version for app in spec.apps}

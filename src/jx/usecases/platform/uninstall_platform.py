"""Uninstall a platform: the plan first, then what it says. Data and repositories stay unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying import planning
from jx.domain.applying.applying import Action, Anchor, ApplyPlan, HookRecord, Step
from jx.domain.applying.placing import Target
from jx.domain.environments.environments import Environment
from jx.domain.errors import Failed, Refused
from jx.domain.events import Event
from jx.domain.names import Repo
from jx.domain.objects import membership
from jx.domain.objects.manifests import Capabilities
from jx.domain.objects.ordering import prune_wave_of
from jx.ports.anchor import Anchors
from jx.ports.cluster import Cluster, Scope
from jx.ports.credentials import Credentials
from jx.ports.forge import Ability, ForgeAdmin
from jx.ports.promotions import Promotions
from jx.ports.reporter import Reporter
from jx.ports.snapshots import Snapshots
from jx.ports.watchdogs import Watchdogs
from jx.usecases.applying.delete_object import DeleteObject
from jx.usecases.applying.send_plan import SendPlan, Terms
from jx.usecases.applying.write_anchor import WriteAnchor
from jx.usecases.planning.plan_environment import Planned

_SECRETS = ("jx-git", "jx-webhook")


@dataclass(frozen=True, slots=True)
class UninstallRequest:
    """What to remove beside what was applied."""

    environments: tuple[Environment, ...]
    """Dev first: its controllers have to go before they could put anything back."""
    namespace: str
    data: bool = False
    """Volumes, namespaces and custom resource definitions, too."""
    repositories: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """What an uninstallation does."""

    plans: tuple[ApplyPlan, ...]
    repositories: tuple[Repo, ...]


@dataclass(frozen=True, slots=True)
class UninstallPlatform:
    """Removes what the anchors say was applied, object by object, only where it is still the same object."""

    cluster: Cluster
    send: SendPlan
    anchors: Anchors
    credentials: Credentials
    forge: ForgeAdmin
    reporter: Reporter
    promotions: Promotions
    watchdogs: Watchdogs
    snapshots: Snapshots

    def plan(self, request: UninstallRequest) -> Removal:
        """Decide; nothing is changed. Refused where repositories are to go and the forge cannot delete any."""
        if request.repositories and Ability.REPOSITORIES not in self.forge.abilities:
            raise Refused(
                "plain git cannot delete repositories",
                hint="leave out --repositories, and delete them on the git server",
            )
        capabilities = self.cluster.capabilities()
        plans = []
        for environment in request.environments:
            anchor = self.anchors.find(environment.name)
            if anchor is not None:
                plans.append(self._plan(anchor, capabilities, data=request.data).plan)
        repos = tuple(one.repo for one in request.environments if one.repo) if request.repositories else ()
        return Removal(tuple(plans), repos)

    def __call__(self, request: UninstallRequest) -> Removal:
        """Remove. Failed names what could not be removed; running it again goes on from there."""
        removal = self.plan(request)
        capabilities = self.cluster.capabilities()
        for environment in request.environments:
            self.watchdogs.remove(environment.name)  # else it would bring back what is removed
            self.snapshots.keep_only(environment.name, "")
            anchor = self.anchors.find(environment.name)
            if anchor is not None:
                self._remove(anchor, capabilities, data=request.data)
                self._forget(anchor, whole=request.repositories)
        for known in self.promotions.list_all():
            self.promotions.remove(known.app)
        for name in _SECRETS:
            self.credentials.remove(request.namespace, name)
        for repo in removal.repositories:
            if self.forge.delete_repo(repo):
                self.reporter.tell(Event(f"Deleted repository {repo.full_name}"))
        return removal

    def _plan(self, anchor: Anchor, capabilities: Capabilities, *, data: bool) -> Planned:
        rows = planning.scopes((), anchor.inventory, capabilities)
        live = planning.index(self.cluster.live(tuple(Scope(*row) for row in rows)))
        named = (
            frozenset(f"{item.ref.kind}/{item.ref.name}" for item in anchor.inventory)
            if data
            else frozenset[str]()
        )
        target = Target(anchor.environment, anchor.namespace, anchor.release)
        world = planning.World(
            target=target,
            cluster_id=capabilities.cluster_id,
            desired=(),
            live=live,
            inventory=anchor.inventory,
            prunes=named,
        )
        return Planned(planning.plan(world).plan, (), live, capabilities)

    def _remove(self, anchor: Anchor, capabilities: Capabilities, *, data: bool) -> None:
        outcomes = self.send(self._plan(anchor, capabilities, data=data), Terms()).outcomes
        failed = [f"{one.step.ref}: {one.error}" for one in outcomes if one.error]
        if failed:
            raise Failed(
                f"not everything of {anchor.environment} could be removed:\n  " + "\n  ".join(failed),
                hint="try again",
            )
        self._remove_left_of_hooks(anchor, capabilities)
        kept = sum(one.step.action is Action.KEEP for one in outcomes)
        self.reporter.tell(
            Event(f"Removed {anchor.environment} from the cluster; {kept} objects that hold data are kept")
        )

    def _remove_left_of_hooks(self, anchor: Anchor, capabilities: Capabilities) -> None:
        """What hooks made and their policies kept: no member, so no plan deletes it."""
        left = {item.ref: item for item in anchor.hooks.left}
        rows = planning.scopes((), anchor.hooks.left, capabilities)
        for live in self.cluster.live(tuple(Scope(*row) for row in rows)):
            item = left.get(live.ref)
            if item is None or item.uid != live.uid:
                continue
            step = Step(
                Action.PRUNE,
                live.ref,
                item.api_version,
                prune_wave_of(live.ref),
                "a hook made it",
                uid=live.uid,
                resource_version=live.resource_version,
            )
            DeleteObject(self.cluster)(
                step, is_ours=lambda body: membership.HOOK_OF in membership.labels_of(body)
            )

    def _forget(self, anchor: Anchor, *, whole: bool) -> None:
        """While the ledger branch stays, so does what says where it ends: the next installation goes on from there."""
        if whole:
            self.anchors.remove(anchor.environment)
            return
        WriteAnchor(self.anchors)(
            anchor,
            lambda current: replace(
                current, inventory=(), applied=None, verified=None, holds=(), hooks=HookRecord(), drawn=()
            ),
        )

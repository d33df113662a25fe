"""Propose a change: the step that every use-case which edits an environment shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain.changes.changes import Change, PullRequest
from jx.domain.changes.wording import Wording, word_edit
from jx.domain.charts.apps import App, AppPlace
from jx.domain.charts.logins import Login
from jx.domain.environments.edits import Edit
from jx.domain.environments.environments import Environment
from jx.domain.errors import NotFound, Refused, Stale
from jx.domain.events import Event
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey, Person, Repo, Revision
from jx.domain.platforms.platform import Platform, read_platform
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree
from jx.ports.forge import Ability, Forge, Offer
from jx.ports.reporter import Reporter
from jx.ports.repos import Draft, Repos

ATTEMPTS = 3
AUTO_MERGE_LABEL = "updatebot"
"""The label by which Jenkins X 2 asks for a merge as soon as all checks have passed."""


@dataclass(frozen=True, slots=True)
class PlatformAt:
    """Where a platform is declared: its dev repository."""

    repo: Repo
    branch: str = "master"


@dataclass(frozen=True, slots=True)
class Target:
    """An environment to be changed, as it is now."""

    platform: Platform
    environment: Environment
    repo: Repo
    apps: tuple[App, ...]
    logins: tuple[Login, ...] = ()
    """Where it says that logins are kept."""
    release: str = ""
    """Under which its charts are rendered."""
    places: tuple[AppPlace, ...] = ()
    """Apps with a namespace or a release of their own."""
    chart: Tree = field(default_factory=Tree, repr=False)
    """The folder with its apps, as it is written."""

    def find_app(self, name: str, *, namespace: str = "", release: str = "") -> App | None:
        """An app by its key; by its chart's name where that is unambiguous. Only one in that namespace, of that release, where
        they are named."""
        asked = AppPlace("", namespace, release)
        apps = [app for app in self.apps if _is_at(self.place_of(app.key), asked)]
        keyed = next((app for app in apps if app.key == name), None)
        named = [app for app in apps if app.chart.name == name]
        return keyed or (named[0] if len(named) == 1 else None)

    def place_of(self, key: AppKey) -> AppPlace:
        """Where an app is."""
        own = next((one for one in self.places if one.app == key), AppPlace(key))
        return AppPlace(key, own.namespace or self.environment.namespace, own.release or self.release)


def _drafts(tree: Tree, change: Change) -> list[Draft]:
    """The commits of a change, oldest first, without those that would change nothing."""
    drafts = []
    for part in change.parts:
        after = umbrella.apply_edit(tree, part.edit)
        if after != tree:
            drafts.append(Draft(after, part.message, part.requester))
            tree = after
    return drafts


def _is_at(place: AppPlace, asked: AppPlace) -> bool:
    return asked.namespace in {"", place.namespace} and asked.release in {"", place.release}


@dataclass(frozen=True, slots=True)
class ProposeChange:
    """Offers edits to environments as pull requests."""

    repos: Repos
    forge: Forge
    reporter: Reporter

    def target(self, at: PlatformAt, name: str) -> Target:
        """An environment by name. NotFound names the nearest; Invalid where its files have mistakes."""
        tree = self._read(at.repo, at.branch)[1]
        platform = read_platform(tree, repo=at.repo, branch=at.branch)
        environment, repo = platform.get_repository(name)
        spec = platform.dev
        if not environment.is_dev:
            tree = self._read(repo, environment.branch)[1]
            spec = umbrella.read(tree, name=environment.name)
        return Target(
            platform,
            environment,
            repo,
            apps=spec.apps,
            logins=spec.requirements.logins,
            release=spec.release,
            places=spec.requirements.apps,
            chart=tree.under(spec.chart_dir) if spec.chart_dir else tree,
        )

    def values_of(self, target: Target, key: AppKey) -> Mapping[str, Any]:
        """What the environment sets for an app now."""
        values = read_mapping(self.chart_of(target).find_text("values.yaml") or "", "values.yaml").get(key)
        return values if isinstance(values, Mapping) else {}

    def chart_of(self, target: Target) -> Tree:
        """The chart that the environment itself is, with those that it holds in `charts/`."""
        tree = self._read(target.repo, target.environment.branch)[1]
        return umbrella.read(tree, name=target.environment.name).chart

    def require_pulls(self, target: Target) -> None:
        """Refused where the git server knows no pull requests."""
        if Ability.PULLS not in self.forge.abilities:
            raise Refused(
                f"{target.repo.url} is plain git: there are no pull requests to open",
                hint=f"edit env/ in a clone, look at `jx diff`, and push to {target.environment.branch}",
            )

    def __call__(
        self,
        target: Target,
        edit: Edit,
        *,
        words: Wording | None = None,
        auto_merge: bool = False,
        requester: Person | None = None,
    ) -> PullRequest | None:
        """The pull request, or None where the environment already is so. `words` replace the usual ones of the edit; `requester`
        is whose change it is where that is not the forge's user, as a record of theirs says.

        Repeating it meets the same branch and pull request again. Stale where somebody's own commits are on that branch; Invalid
        where the environment would not be readable any more; Refused where the git server knows no pull requests.
        """
        self.require_pulls(target)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._offer(target, edit, words, requester, auto_merge=auto_merge)
            except Stale:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _offer(
        self, target: Target, edit: Edit, words: Wording | None, who: Person | None, *, auto_merge: bool
    ) -> PullRequest | None:
        environment, repo = target.environment, target.repo
        base, tree = self._read(repo, environment.branch)
        changed = umbrella.apply_edit(tree, edit)
        if changed == tree:
            self.reporter.tell(Event("Already up to date: there is nothing to change"))
            return None
        before = umbrella.read(tree, name=environment.name).apps
        umbrella.read(changed, name=environment.name)
        words = words or word_edit(edit, before)
        requester = (
            who or self.forge.whoami()
        )  # proven by the forge, never a text of somebody's configuration
        *earlier, last = _drafts(tree, Change(environment, edit, words, requester))
        self.repos.replace(repo, words.branch, base=base, draft=last, before=earlier)
        labels = (AUTO_MERGE_LABEL,) if auto_merge else ()
        offer = Offer(words.branch, environment.branch, words.title, words.body, labels)
        pull = self.forge.propose(repo, offer)
        facts = {"url": pull.url, "number": str(pull.number), "environment": environment.name}
        self.reporter.tell(Event(f"Created Pull Request: {pull.url}", facts=facts))
        return pull

    def _read(self, repo: Repo, branch: str) -> tuple[Revision, Tree]:
        head = self.repos.head(repo, branch)
        if head is None:
            raise NotFound(f"repository {repo.full_name} has no branch {branch}")
        return head, self.repos.read(repo, head)

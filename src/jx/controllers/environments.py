"""Environments: a key names a repository; whichever environment it holds is followed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from jx.domain.applying.applying import ApplyReport, ApplyResult
from jx.domain.changes.changes import CheckState
from jx.domain.environments.environments import Environment, Requirements
from jx.domain.environments.source_repositories import Grant, SourceRepository
from jx.domain.errors import Held, Invalid, JxError, NotFound, Refused, Retryable
from jx.domain.names import Repo, Revision
from jx.domain.platforms.platform import Platform, read_platform
from jx.ports.forge import Ability
from jx.ports.repos import Repos
from jx.usecases.following.follow_environment import FollowRequest
from jx.usecases.propose_change import PlatformAt
from jx.usecases.reviewing.check_change import CheckChange
from jx.usecases.reviewing.heed_comments import HeedComments
from jx.usecases.reviewing.merge_change import MergeChange
from jx.usecases.runs.cancel_checks import CancelChecks
from jx.usecases.runs.run_check import PassCheck, RunCheck

_DEEPEST = 100
_REPO = "repo:"
"""How keys of repositories begin; who has other keys is not asked about environments."""


@dataclass
class PlatformReader:
    """The platform as its dev repository declares it now, read again only when its head has moved.

    A head that cannot be read is a mistake that its own apply tells; all environments are followed as the newest commit that can
    be read declares them.
    """

    repos: Repos
    at: PlatformAt
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read: tuple[Revision, Platform] | None = None

    def environments(self) -> tuple[Environment, ...]:
        """All environments, dev first; empty while the dev repository is."""
        return self._look()[1]

    def applications(self) -> tuple[SourceRepository, ...]:
        """The repositories of applications; none while the dev repository is empty."""
        platform = self._platform()
        return platform.applications if platform else ()

    def requirements(self) -> Requirements:
        """The settings of the installation as they were last read."""
        platform = self._known()
        return platform.requirements if platform else Requirements()

    def grant_of(self, repo: Repo) -> Grant:
        """What runs of an application may have, as it was last read."""
        platform = self._known()
        return platform.grant_of(repo) if platform else Grant(repo.full_name)

    def known_repos(self) -> tuple[Repo, ...]:
        """All repositories as they were last read, whatever has become of the dev repository since."""
        platform = self._known()
        if platform is None:
            return ()
        environments = (one.repo for one in platform.environments if one.repo)
        return (*environments, *(one.repo for one in platform.applications))

    def _known(self) -> Platform | None:
        with self._lock:
            if self._read is not None:
                return self._read[1]
        return self._platform()

    def _platform(self) -> Platform | None:
        self._look()
        with self._lock:
            return self._read[1] if self._read else None

    def find_with_head(self, key: str) -> tuple[Environment | None, Revision | None]:
        """The environment whose repository a key names, and the head of its branch: of dev's it was asked for just now."""
        if not is_key(key):
            return None, None
        head, environments = self._look()
        found = _find(environments, key)
        if found is None or found.repo is None:
            return None, None
        if (found.repo, found.branch) == (self.at.repo, self.at.branch):
            return found, head
        return found, self.repos.head(found.repo, found.branch)

    def _look(self) -> tuple[Revision | None, tuple[Environment, ...]]:
        head = self.repos.head(self.at.repo, self.at.branch)
        if head is None:
            return None, ()
        with self._lock:
            if self._read is None or self._read[0] != head:
                self._read = (head, self._read_newest(head))
            return head, self._read[1].environments

    def _read_newest(self, head: Revision) -> Platform:
        try:
            return self._platform_at(head)
        except (Invalid, NotFound) as error:
            mistake = error
        for commit in self.repos.log(self.at.repo, head, limit=_DEEPEST)[1:]:
            try:
                return self._platform_at(commit.revision)
            except (Invalid, NotFound):
                continue
        raise mistake

    def _platform_at(self, revision: Revision) -> Platform:
        tree = self.repos.read(self.at.repo, revision)
        return read_platform(tree, repo=self.at.repo, branch=self.at.branch)

    def find(self, key: str) -> Environment | None:
        """The environment whose repository a key names."""
        return _find(self.environments(), key) if is_key(key) else None


def _find(environments: tuple[Environment, ...], key: str) -> Environment | None:
    return next((one for one in environments if one.repo and key == key_of(one)), None)


def key_of(environment: Environment) -> str:
    """`repo:owner/name`."""
    assert environment.repo is not None
    return f"{_REPO}{environment.repo.full_name}"


def is_key(key: str) -> bool:
    """Whether a key names a repository at all."""
    return key.startswith(_REPO)


class Follow(Protocol):
    """Follows one environment: applies its head, or starts the run that does."""

    def __call__(self, request: FollowRequest) -> ApplyReport | None:
        """Level-triggered. None where nothing was applied here."""
        ...


@dataclass
class EnvironmentsController:
    """Follows each environment's branch. Files that are wrong and plans that a guard refuses are not tried again until the branch
    moves; what is wrong outside (a chart that is not published yet, a right that is missing) is tried again later."""

    platform: PlatformReader
    follow: Follow
    holder: str
    timeout: timedelta = timedelta(minutes=5)
    _stuck: dict[str, Revision] = field(default_factory=dict)

    def list_keys(self) -> Iterable[str]:
        return [key_of(one) for one in self.platform.environments() if one.repo and not one.is_remote]

    def look(self, key: str) -> None:
        environment, head = self.platform.find_with_head(key)
        if environment is None or head is None or self._stuck.get(key) == head:
            return
        try:
            report = self.follow(FollowRequest(environment, self.holder, self.timeout, head))
        except Held:
            return  # it is looked at again with every round, since a hold can be ended without a push
        except (Invalid, Refused):
            self._stuck[key] = head
            raise
        if report and report.result is ApplyResult.FAILED:
            raise Retryable(f"{environment.name} was not applied: {report.message}")


@dataclass
class ChangesController:
    """Says on each open pull request who has to approve it and what it would do to the cluster, and merges what merges itself,
    oldest first. One that cannot be checked now keeps no other waiting; one of somebody without rights is not checked before
    somebody with rights says so.

    After a merge the others would have to be checked on the base that it made, and most of them for nothing: another merge comes
    before theirs. So only the oldest is at once. Of the later ones those are that may be merged, one when the check before it has
    ended; any other waits until somebody approves it or asks.
    """

    platform: PlatformReader
    heed: HeedComments
    check: CheckChange
    merge: MergeChange
    run: RunCheck | PassCheck
    """The base's pipeline has to say yes, too, where something runs it."""
    cancel: CancelChecks
    _opened: dict[str, frozenset[int]] = field(default_factory=dict)
    """Which were open at the last look; runs of others are ended."""

    def list_keys(self) -> Iterable[str]:
        return [key_of(one) for one in self.platform.environments() if one.repo]

    def look(self, key: str) -> None:
        environment = self.platform.find(key)
        if environment is None or environment.repo is None:
            return
        if Ability.PULLS not in self.check.forge.abilities:
            return
        failed: JxError | None = None
        pulls = self.check.forge.list_pulls(environment.repo)
        is_free, oldest = True, min((pull.number for pull in pulls), default=0)
        for pull in reversed(pulls):
            try:
                is_going = self._look_at(
                    environment, pull.number, is_free=is_free, is_oldest=pull.number == oldest
                )
            except JxError as error:
                failed = failed or error
            else:
                is_free = is_free and not is_going
        opened = frozenset(pull.number for pull in pulls)
        if key not in self._opened or self._opened[key] - opened:
            self.run.cancel_closed(environment.repo, opened)
        self._opened[key] = opened
        if failed is not None:
            raise failed

    def _look_at(self, environment: Environment, number: int, *, is_free: bool, is_oldest: bool) -> bool:
        """Whether this one may be merged as soon as its check has ended, so that later ones wait for that. `is_free`: no earlier
        one is on its way so."""
        judged = self.heed(environment, number)
        if judged is None:
            return False
        assert environment.repo is not None
        self.cancel(environment.repo, number, judged.cancels)
        if not judged.is_trusted:
            return False
        state = CheckState.PENDING
        is_due = is_oldest or (is_free and judged.may_merge)
        is_put_off = not is_due and self.check.put_off(environment, number, asked=judged.tests)
        if not is_put_off:
            self.check(environment, number, asked=judged.tests)
            state = self.run(environment, number, asked=judged.tests)
        is_good = judged.may_merge and state is CheckState.SUCCESS
        self.merge(environment, number, is_approved=is_good, must_replay=judged.must_rebase)
        is_going = judged.may_merge and state is CheckState.PENDING and not is_put_off
        return is_going and not self.check.says_no(environment, number)

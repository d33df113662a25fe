"""Applications: a key names a repository, or a push to one; runs are started for what is there."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from jx.controllers.environments import PlatformReader
from jx.domain.environments.source_repositories import SourceRepository
from jx.domain.errors import NotFound
from jx.domain.events import Event, Level
from jx.domain.runs import pushes
from jx.domain.runs.pushes import Push
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.runs.follow_application import FollowApplication
from jx.usecases.runs.run_pulls import RunPulls

_REPO = "repo:"


@dataclass
class ApplicationsController:
    """Follows the branch and the pull requests of each application's repository. What a push key tells is one more commit to look
    for, and is forgotten with the process: the head is found without it."""

    platform: PlatformReader
    repos: Repos
    follow: FollowApplication
    pulls: RunPulls
    reporter: Reporter
    _told: dict[str, dict[Push, None]] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def list_keys(self) -> Iterable[str]:
        return [f"{_REPO}{one.repo.full_name}" for one in self.platform.applications()]

    def look(self, key: str) -> None:
        push = pushes.parse_push(key)
        name = push.full_name if push else key.removeprefix(_REPO)
        if push is None and not key.startswith(_REPO):
            return
        source = next((one for one in self.platform.applications() if one.repo.full_name == name), None)
        if source is None:
            return
        with self._lock:
            told = self._told.setdefault(name, {})
            if push:
                told[push] = None
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:  # a push and its repository are two keys, and two workers may have them
            self._follow(source)
        if push is None and name not in self._gone:
            self.pulls(source.repo)

    def _follow(self, source: SourceRepository) -> None:
        name = source.repo.full_name
        try:
            refs = self.repos.refs(source.repo)
        except NotFound as error:
            if name not in self._gone:
                words = f"{error.message}: nothing of it is started until it is back"
                self.reporter.tell(Event(words, Level.WARNING))
            self._gone.add(name)
            return
        self._gone.discard(name)
        with self._lock:
            told = tuple(self._told[name])
        self.follow(source, refs, told, grant=self.platform.grant_of(source.repo))
        with self._lock:
            for push in told:
                self._told[name].pop(push, None)

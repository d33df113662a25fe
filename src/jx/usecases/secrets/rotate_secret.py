"""Rotate a secret: a new value in its store, in the cluster, and in the pods that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from jx.domain.applying.applying import ApplyReport, ApplyResult
from jx.domain.environments.environments import Environment
from jx.domain.errors import Failed, Invalid, JxError, Locked, NotFound, Overtaken, Usage
from jx.domain.events import Event, Level
from jx.domain.ledger.secret_writes import Deed
from jx.domain.objects import recipes
from jx.domain.objects.recipes import Recipe
from jx.domain.objects.references import Reference, Scheme
from jx.domain.secrets import secret_readers
from jx.ports.generator import Generator
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.find_source import source_of
from jx.usecases.propose_change import PlatformAt
from jx.usecases.secrets.edit_secret import EditSecret, EditSecretRequest
from jx.usecases.secrets.find_secret_users import FindSecretUsers, SecretUsers

_LOOK_EVERY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class RotateSecretRequest:
    """Which keys of which path get a new value."""

    platform: PlatformAt
    path: str
    holder: str
    """Who asks, for locks: unique to this process."""
    scheme: Scheme = Scheme.VAULT
    keys: tuple[str, ...] = ()
    """Keys that get a value that is made. Empty, and nothing given: all that a recipe makes, or the only one there is."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """New values that were thought up elsewhere."""
    applies: bool = True
    """Apply the environments that refer to it again."""
    timeout: timedelta = timedelta(minutes=10)

    def __hash__(self) -> int:
        return hash((self.path, self.scheme, self.keys))


@dataclass(frozen=True, slots=True)
class Rotated:
    """What came of it."""

    keys: tuple[str, ...]
    users: tuple[str, ...]
    """`staging: redis.auth.password`."""
    objects: tuple[str, ...] = ()
    """What was changed in clusters."""
    rolled: tuple[str, ...] = ()
    """Workloads whose pods are started anew by it."""
    left: tuple[str, ...] = ()
    """Environments and workloads that still have the old value, and why."""
    has_failed: bool = False
    """Whether any of those is so because an apply failed."""


@dataclass(frozen=True, slots=True)
class RotateSecret:
    """The store comes first. What fails after that is told, and is finished by an apply: the new value is what counts by then."""

    edit: EditSecret
    find_users: FindSecretUsers
    generator: Generator
    apply: ApplyEnvironment

    def __call__(self, request: RotateSecretRequest) -> Rotated:
        """What came of it. NotFound for a path, key or store that is not there, Usage where keys have to be named or a value
        to be given. What fails once the new value is kept is in the answer."""
        users = self.find_users(request.platform)
        made = self._make(request, users)
        values = {**made, **request.values}
        change = EditSecretRequest(
            request.path, request.scheme, values, deed=Deed.ROTATED, purpose="jx rotate secret"
        )
        self.edit(change)
        mine = {
            one: found for one, found in users.users.items() if _is_of(one, request) and one.key in values
        }
        names = tuple(str(user) for found in mine.values() for user in found)
        environments = {user.environment.name: user.environment for found in mine.values() for user in found}
        rotated = Rotated(tuple(values), names)
        if not request.applies:
            return rotated
        for one in environments.values():
            try:
                report = self._apply_in_turn(one, request)
            except NotFound as error:  # nothing of it is applied from here now
                rotated = self._leave(rotated, f"{one.name}: {error.message}")
            except JxError as error:
                rotated = replace(self._leave(rotated, f"{one.name}: {error.message}"), has_failed=True)
            else:
                rotated = self._roll(rotated, report, request)
        return rotated

    def _make(self, request: RotateSecretRequest, users: SecretUsers) -> dict[str, str]:
        if request.scheme not in self.edit.stores:
            raise NotFound(
                f"there is no store for {request.scheme}:", hint="jx get secrets tells which there are"
            )
        store = self.edit.stores[request.scheme]
        there = store.read((request.path,), purpose="jx rotate secret").get(request.path)
        if there is None:
            raise NotFound(
                f"{store.name} has nothing at {request.path}",
                hint="jx get secrets; jx edit secret sets what is new",
            )
        recipes_of = {one.key: recipe for one, recipe in users.recipes.items() if _is_of(one, request)}
        keys = request.keys or (() if request.values else _usual_keys(request.path, there.values, recipes_of))
        made: dict[str, str] = {}
        for key in keys:
            if key not in there.values:
                known = ", ".join(sorted(there.values))
                raise NotFound(f"{request.path} has no key {key} (it has {known})")
            recipe = recipes_of.get(key) or _recipe_like(key, there.values[key])
            made |= {f"{key}{ending}": value for ending, value in self.generator.make(recipe).items()}
        return made

    def _apply_in_turn(self, environment: Environment, request: RotateSecretRequest) -> ApplyReport:
        """Apply once whoever is at it has done: that apply may have begun before the new value was there."""
        clock = self.apply.clock
        ends = clock.elapsed() + request.timeout
        while True:
            try:
                return self._apply(environment, request)
            except Overtaken:
                raise
            except Locked as error:
                if clock.elapsed() >= ends:
                    raise
                self.edit.reporter.tell(Event(f"{environment.name}: {error.message}; waiting"))
                if clock.wait(_LOOK_EVERY):
                    raise

    def _apply(self, environment: Environment, request: RotateSecretRequest) -> ApplyReport:
        repo = environment.repo
        assert repo is not None
        anchor = None if environment.is_remote else self.apply.anchors.find(environment.name)
        if anchor is None or anchor.applied is None:
            raise NotFound("it is not applied from here; it takes the new value at its next apply")
        head = self.apply.repos.head(repo, environment.branch)
        if head is None or anchor.applied.source.revision != head:
            raise NotFound(
                f"{environment.branch} is not what is applied; it takes the new value at its next apply"
            )
        commit = self.apply.repos.log(repo, head, limit=1)[0]
        tree = self.apply.repos.read(repo, head)
        report = self.apply(
            ApplyRequest(
                tree=tree,
                source=source_of(repo, commit, tree.digest),
                holder=request.holder,
                environment=environment.name,
                branch=environment.branch,
                applier=f"{self.apply.plan.cluster.whoami()} by jx rotate secret",
                reason=f"{request.scheme}:{request.path} was rotated",
                wait=False,
                timeout=request.timeout,
            )
        )
        if report.result is ApplyResult.FAILED:
            raise Failed(report.message)
        return report

    def _roll(self, rotated: Rotated, report: ApplyReport, request: RotateSecretRequest) -> Rotated:
        """Start the pods anew that read what has changed, once."""
        sent = [str(one.step.ref) for one in report.outcomes if secret_readers.is_changed(one)]
        rotated = replace(rotated, objects=(*rotated.objects, *sent))
        for step, mark in secret_readers.readers(report, lambda one: _is_of(one, request)).items():
            if step.parts:
                # The half of `jx-secrets` is sent whole: a mark beside it would be dropped, and the pods started twice.
                rotated = self._leave(rotated, f"{step.ref}: start it anew yourself: kubectl rollout restart")
                continue
            try:
                self.apply.plan.cluster.send(secret_readers.roll(step, mark))
            except JxError as error:
                rotated = replace(self._leave(rotated, f"{step.ref}: {error.message}"), has_failed=True)
            else:
                rotated = replace(rotated, rolled=(*rotated.rolled, str(step.ref)))
        return rotated

    def _leave(self, rotated: Rotated, line: str) -> Rotated:
        self.edit.reporter.tell(Event(f"not yet: {line}", Level.WARNING))
        return replace(rotated, left=(*rotated.left, line))


def _is_of(reference: Reference, request: RotateSecretRequest) -> bool:
    same = {Scheme.VAULT, Scheme.LOCAL}
    is_same = reference.scheme is request.scheme or {reference.scheme, request.scheme} <= same
    return is_same and reference.path == request.path


def _usual_keys(path: str, there: Mapping[str, str], made: Mapping[str, Recipe]) -> tuple[str, ...]:
    if made:
        return tuple(key for key in made if key in there)
    if len(there) == 1:
        return tuple(there)
    raise Usage(f"{path} has keys {', '.join(sorted(there))}", hint="name what to rotate: --key KEY")


def _recipe_like(key: str, value: str) -> Recipe:
    try:
        return recipes.recipe_like(value)
    except Invalid as error:
        raise Usage(
            f"{key}: {error.message}", hint=f"give the new value: --from-file {key}=FILE, or --ask"
        ) from None

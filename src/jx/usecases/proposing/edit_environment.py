"""Edit or delete an environment: by a pull request on the dev repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.changes.changes import PullRequest
from jx.domain.changes.wording import Wording
from jx.domain.environments.edits import PutEnvironment, RemoveEnvironment
from jx.domain.environments.environments import Environment
from jx.domain.errors import Refused, Usage
from jx.domain.events import Event
from jx.domain.names import DEV
from jx.ports.anchor import Anchors
from jx.usecases.propose_change import PlatformAt, ProposeChange

_STAYS = (
    "nothing is applied or promoted there any more. Nothing else is deleted; what stays, and what removes it:"
)


@dataclass(frozen=True, slots=True)
class EditEnvironmentRequest:
    """Which environment, and what its declaration is to say: paths below `spec` -> value."""

    platform: PlatformAt
    name: str
    spec: Mapping[str, Any]
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class EditEnvironment:
    """Changes what the dev repository declares."""

    propose_change: ProposeChange

    def __call__(self, request: EditEnvironmentRequest) -> PullRequest | None:
        """The pull request, or None where all is so already. NotFound with the nearest name; Refused for another namespace."""
        if not request.spec:
            raise Usage(
                "there is nothing to edit",
                hint="--label, --promotion, --order, --git-url, --git-ref, --cluster, --remote",
            )
        target = self.propose_change.target(request.platform, DEV)
        environment = target.platform.get_environment(request.name)
        namespace = request.spec.get("namespace", environment.namespace)
        if namespace != environment.namespace:
            raise Refused(
                f"{environment.name} is in namespace {environment.namespace}: in another one everything would be installed anew, "
                "without its data",
                hint="jx create env makes another environment; promote there, then delete this one",
            )
        return self.propose_change(
            target, PutEnvironment(environment.name, request.spec), auto_merge=request.auto_merge
        )


@dataclass(frozen=True, slots=True)
class DeleteEnvironmentRequest:
    """Which environment."""

    platform: PlatformAt
    name: str
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class DeleteEnvironment:
    """Takes an environment's declaration away. What runs there, its data, its repository and its history stay, and the pull
    request says how each of them is removed by whoever wants that."""

    propose_change: ProposeChange
    anchors: Anchors

    def __call__(self, request: DeleteEnvironmentRequest) -> PullRequest | None:
        """The pull request. NotFound with the nearest name; Refused for dev."""
        target = self.propose_change.target(request.platform, DEV)
        environment = target.platform.get_environment(request.name)
        if environment.is_dev:
            raise Refused(f"{environment.name} is the platform itself", hint="jx uninstall")
        body = self._body(environment)
        self.propose_change.reporter.tell(Event(body))
        words = Wording(f"delete-env-{environment.name}", f"Delete environment {environment.name}", body)
        return self.propose_change(
            target, RemoveEnvironment(environment.name), words=words, auto_merge=request.auto_merge
        )

    def _body(self, environment: Environment) -> str:
        anchor = None if environment.is_remote else self.anchors.find(environment.name)
        lines = [f"Delete environment {environment.name}: {_STAYS}"]
        if anchor is not None and anchor.inventory:
            count = len(anchor.inventory)
            data = sum(item.ref.kind == "PersistentVolumeClaim" for item in anchor.inventory)
            holds = f", {data} of them volumes with data" if data else ""
            lines.append(
                f"- {count} object{'' if count == 1 else 's'} in namespace {environment.namespace}{holds}: "
                f"kubectl delete namespace {environment.namespace}"
            )
        if environment.repo is not None:
            lines.append(f"- repository {environment.repo.url}, with its ledger: delete it on the git server")
        return "\n".join(lines)

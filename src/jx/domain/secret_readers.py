"""Secret readers: which workloads read which Secrets and ConfigMaps, and what makes them start anew.

Pods keep the old value of a variable until they are started anew. A time on the pod template, set by the field manager
`jx-secrets` when a secret is rotated and by nothing else, does that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from jx.domain.applying import Action, ApplyReport, Outcome, Step
from jx.domain.manifests import Body, Manifest
from jx.domain.secret_parts import SECRETS_MANAGER

ANNOTATION: Final = "jenkins.io/secrets-rotated"
_WORKLOADS = frozenset({("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet")})

Named = tuple[str, str]
"""Kind and name."""


def names_read(body: Body) -> frozenset[Named]:
    """The Secrets and ConfigMaps that the pods of a workload read: as volumes, variables or all variables at once."""
    spec = ((body.get("spec") or {}).get("template") or {}).get("spec") or {}
    return frozenset((*_of_volumes(spec), *_of_containers(spec)))


def is_changed(outcome: Outcome) -> bool:
    """Whether an apply changed an object that holds what comes from secrets."""
    step = outcome.step
    return bool(step.parts) and step.action is Action.UPDATE and not outcome.error and not outcome.skipped


def readers(report: ApplyReport) -> tuple[Step, ...]:
    """The workloads whose pods read what an apply changed because of secrets, and whose own fields it did not change."""
    sent = {
        (one.step.ref.namespace, (one.step.ref.kind, one.step.ref.name))
        for one in report.outcomes
        if is_changed(one)
    }
    return tuple(
        one.step
        for one in report.outcomes
        if (one.step.ref.group, one.step.ref.kind) in _WORKLOADS
        and one.step.manifest
        and one.step.action is Action.UNCHANGED
        and {(one.step.ref.namespace, name) for name in names_read(one.step.manifest.body)} & sent
    )


def roll(step: Step, at: str) -> Step:
    """What makes the pods of a workload start anew: a step that sends a time and nothing else."""
    body = {
        "apiVersion": step.api_version,
        "kind": step.ref.kind,
        "metadata": {"name": step.ref.name, "namespace": step.ref.namespace},
        "spec": {"template": {"metadata": {"annotations": {ANNOTATION: at}}}},
    }
    return Step(
        action=Action.UPDATE,
        ref=step.ref,
        api_version=step.api_version,
        wave=step.wave,
        reason="a secret that it reads was rotated",
        manifest=Manifest(step.ref, step.api_version, body),
        uid=step.uid,
        manager=SECRETS_MANAGER,
    )


def _of_volumes(spec: Mapping[str, Any]) -> Iterator[Named]:
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        yield from _of_sources(sources, ("secret", "configMap"))
        secret = volume.get("secret") or {}
        if secret.get("secretName"):
            yield "Secret", secret["secretName"]


def _of_containers(spec: Mapping[str, Any]) -> Iterator[Named]:
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        yield from _of_sources(container.get("envFrom") or (), ("secretRef", "configMapRef"))
        variables = [variable.get("valueFrom") or {} for variable in container.get("env") or ()]
        yield from _of_sources(variables, ("secretKeyRef", "configMapKeyRef"))


def _of_sources(sources: Iterable[Mapping[str, Any]], keys: tuple[str, str]) -> Iterator[Named]:
    for source in sources:
        for key, kind in zip(keys, ("Secret", "ConfigMap"), strict=True):
            name = (source.get(key) or {}).get("name")
            if name:
                yield kind, name

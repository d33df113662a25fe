"""Secret readers: which workloads read which Secrets and ConfigMaps, and what makes them start anew.

Pods keep the old value of a variable until they are started anew. A mark on the pod template, set by the field manager
`jx-secrets` when a secret is rotated and by nothing else, does that: it names the objects that were read, at which version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from jx.domain.applying.applying import Action, ApplyReport, LiveObject, Outcome, Step
from jx.domain.objects.manifests import Body, Manifest
from jx.domain.objects.references import Reference
from jx.domain.objects.secret_parts import SECRETS_MANAGER

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


def readers(report: ApplyReport, concerns: Callable[[Reference], bool]) -> dict[Step, str]:
    """The workloads whose pods read what comes from certain secrets, whose own fields the apply did not change, and whose pods
    were not started anew for it yet; with the mark that says what they are started anew for.

    It goes by what there is, not by what this very apply did: what a process that was killed left undone, the next one does.
    """
    held = {
        (one.step.ref.namespace, (one.step.ref.kind, one.step.ref.name)): _mark(one.live)
        for one in report.outcomes
        if one.live and _holds(one, concerns)
    }
    found: dict[Step, str] = {}
    for one in report.outcomes:
        step = one.step
        is_workload = (step.ref.group, step.ref.kind) in _WORKLOADS and step.action is Action.UNCHANGED
        if not is_workload or step.manifest is None:
            continue
        read = names_read(step.manifest.body)
        wanted = [
            mark for (space, name), mark in held.items() if space == step.ref.namespace and name in read
        ]
        if set(wanted) - _marks(one):
            found[step] = ",".join(sorted(wanted))
    return found


def _holds(outcome: Outcome, concerns: Callable[[Reference], bool]) -> bool:
    """Whether an object holds something of those secrets. Where nothing tells of which ones it does, whether it has changed."""
    step = outcome.step
    if not step.parts or step.manifest is None or outcome.error or outcome.skipped:
        return False
    told = step.manifest.references
    return any(map(concerns, told)) if told else is_changed(outcome)


def _mark(live: LiveObject) -> str:
    return f"{live.ref.kind}/{live.ref.name}@{live.resource_version}"


def _marks(outcome: Outcome) -> set[str]:
    body: Any = outcome.live.body if outcome.live else {}
    template = (body.get("spec") or {}).get("template") or {}
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return set(str(annotations.get(ANNOTATION, "")).split(","))


def roll(step: Step, mark: str) -> Step:
    """What makes the pods of a workload start anew: a step that sends a mark and nothing else. Sent twice, it does so once."""
    body = {
        "apiVersion": step.api_version,
        "kind": step.ref.kind,
        "metadata": {"name": step.ref.name, "namespace": step.ref.namespace},
        "spec": {"template": {"metadata": {"annotations": {ANNOTATION: mark}}}},
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

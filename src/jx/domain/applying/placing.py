"""Placing: from what a render gave to what is sent. Objects get their namespace and labels, and lose what is not ours to say."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jx.domain.applying.applying import LiveObject
from jx.domain.charts.apps import AppPlace, app_of
from jx.domain.errors import Invalid, Problem
from jx.domain.names import EnvironmentName
from jx.domain.objects import membership
from jx.domain.objects.manifests import Body, Capabilities, Hook, Manifest, ObjectRef, api_group, ref_of
from jx.domain.objects.secrets import LAST_APPLIED, is_secret

_SERVER_SIDE = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
"""Metadata that only the server writes: with it an apply is refused or, worse, understood."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a render goes."""

    environment: EnvironmentName
    namespace: str
    release: str
    team: str = "jx"
    """The namespace of the dev environment, after which Jenkins X 2 names the team."""
    apps: tuple[AppPlace, ...] = ()
    """Apps with a namespace or a release of their own."""

    def at(self, app: AppPlace) -> Target:
        """Where that app goes."""
        return replace(self, namespace=app.namespace or self.namespace, release=app.release or self.release)

    def of(self, manifest: Manifest) -> Target:
        """Where an object goes, by the app whose chart it came from."""
        if not self.apps:
            return self
        name = app_of(manifest.source, (one.app for one in self.apps))
        return next((self.at(one) for one in self.apps if one.app == name), self)


def place(objects: Iterable[Manifest], target: Target, capabilities: Capabilities) -> tuple[Manifest, ...]:
    """Objects ready to be sent; Invalid with all mistakes (a kind that nobody serves, no name, one object twice)."""
    flat = tuple(part for manifest in objects for part in _flatten(manifest))
    defined = _definitions(flat)
    placed: dict[ObjectRef, Manifest] = {}
    problems: list[Problem] = []
    for manifest in flat:
        ref = ref_of(manifest.body)
        is_namespaced = _is_namespaced(ref, capabilities, defined)
        if is_namespaced is None or not ref.name or not ref.kind:
            problems.append(_misfit(manifest, ref))
            continue
        where = target.of(manifest)
        labels = _member_labels(where, is_namespaced=is_namespaced)
        done = _place_one(manifest, where, labels, is_namespaced=is_namespaced)
        twin = placed.setdefault(done.ref, done)
        if twin.body != done.body:
            what = f"{done.ref} is rendered twice with different contents; the other one is in {twin.source or '?'}"
            problems.append(Problem(done.source, what))
    if problems:
        raise Invalid("the rendered objects cannot be applied", *problems)
    return tuple(placed.values())


def place_hooks(
    hooks: Iterable[Hook], objects: Iterable[Manifest], target: Target, capabilities: Capabilities
) -> tuple[Hook, ...]:
    """Hooks ready to be run: in their namespaces, and with labels of their own, since members are pruned. Their kinds may be
    those that the objects define."""
    defined = _definitions(objects)
    placed: list[Hook] = []
    problems: list[Problem] = []
    for hook in hooks:
        ref = ref_of(hook.manifest.body)
        is_namespaced = _is_namespaced(ref, capabilities, defined)
        if is_namespaced is None:
            problems.append(_misfit(hook.manifest, ref))
            continue
        where = target.of(hook.manifest)
        labels = {membership.HOOK_OF: str(target.environment), membership.CHART_RELEASE: where.release}
        done = _place_one(hook.manifest, where, labels, is_namespaced=is_namespaced)
        placed.append(replace(hook, manifest=done))
    if problems:
        raise Invalid("the rendered hooks cannot be run", *problems)
    return tuple(placed)


def add_namespaces(
    desired: tuple[Manifest, ...],
    target: Target,
    *,
    live: Mapping[ObjectRef, LiveObject],
    known: frozenset[ObjectRef],
    hooks: Iterable[Hook] = (),
) -> tuple[Manifest, ...]:
    """With a Namespace for the environment, and for each other namespace in use that is not there (or that we made before)."""
    rendered = {manifest.ref for manifest in desired}
    added = []
    used = {manifest.ref.namespace for manifest in (*desired, *(hook.manifest for hook in hooks))}
    for name in sorted({target.namespace, *used} - {""}):
        ref = ObjectRef("", "Namespace", "", name)
        there = live.get(ref)
        is_own = name == target.namespace
        if ref in rendered or (there and not is_own and ref not in known):
            continue
        if there and membership.find_foreign_owner(there.body, target.environment, release=target.release):
            continue
        said = {"labels": {"team": target.team, "env": str(target.environment)}} if is_own else {}
        metadata: dict[str, Any] = {"name": name, **said}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        labels = _member_labels(target, is_namespaced=False)
        added.append(_place_one(Manifest(ref, "v1", body), target, labels, is_namespaced=False))
    return (*added, *desired)


def clean(body: Body) -> dict[str, Any]:
    """Without status, nulls and what the server writes; the `stringData` of Secrets becomes `data`."""
    cleaned: dict[str, Any] = _without_nulls({key: value for key, value in body.items() if key != "status"})
    metadata = {
        key: value for key, value in (cleaned.get("metadata") or {}).items() if key not in _SERVER_SIDE
    }
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    cleaned["metadata"] = metadata
    if is_secret(cleaned) and "stringData" in cleaned:
        texts = cleaned.pop("stringData")
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
        cleaned["data"] = {**(cleaned.get("data") or {}), **encoded}
    return cleaned


def _member_labels(target: Target, *, is_namespaced: bool) -> Mapping[str, str]:
    return membership.member_labels(
        target.environment, release=target.release, namespace=target.namespace, is_namespaced=is_namespaced
    )


def _place_one(
    manifest: Manifest, target: Target, labels: Mapping[str, str], *, is_namespaced: bool
) -> Manifest:
    body = clean(manifest.body)
    metadata: dict[str, Any] = dict(body["metadata"])
    if not is_namespaced:
        metadata.pop("namespace", None)
    elif not metadata.get("namespace"):
        metadata["namespace"] = target.namespace
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    body["metadata"] = metadata
    return replace(manifest, ref=ref_of(body), api_version=str(body["apiVersion"]), body=body)


def _flatten(manifest: Manifest) -> Iterable[Manifest]:
    items = manifest.body.get("items")
    if manifest.body.get("kind") != "List" or not isinstance(items, list):
        return (manifest,)
    return tuple(
        replace(manifest, ref=ref_of(item), api_version=str(item.get("apiVersion", "")), body=item)
        for item in items
    )


def _definitions(manifests: Iterable[Manifest]) -> dict[tuple[str, str], bool]:
    """The kinds that CRDs in the render define: whether each is namespaced."""
    found: dict[tuple[str, str], bool] = {}
    for manifest in manifests:
        if manifest.body.get("kind") == "CustomResourceDefinition":
            spec = manifest.body.get("spec") or {}
            kind = (spec.get("names") or {}).get("kind", "")
            found[spec.get("group", ""), kind] = spec.get("scope") != "Cluster"
    return found


def _is_namespaced(
    ref: ObjectRef, capabilities: Capabilities, defined: Mapping[tuple[str, str], bool]
) -> bool | None:
    """None for a kind that nobody serves."""
    served = capabilities.kinds.get((ref.group, ref.kind))
    return served.namespaced if served else defined.get((ref.group, ref.kind))


def _misfit(manifest: Manifest, ref: ObjectRef) -> Problem:
    if not ref.kind or not ref.name:
        return Problem(manifest.source, f"an object without {'kind' if not ref.kind else 'metadata.name'}")
    group = f" of {api_group(manifest.api_version)}" if ref.group else ""
    what = f"the cluster serves no kind {ref.kind}{group} ({manifest.api_version}), and no CRD of the charts defines it"
    return Problem(manifest.source, what)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value

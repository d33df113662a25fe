"""Membership: which objects belong to an environment, written so that kubectl and others see it (ApplySet, KEP-3659)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

from jx.domain.names import EnvironmentName
from jx.domain.objects.manifests import Body

ANCHORS_NAMESPACE = "jx-anchors"
"""In no environment: anchors survive whatever happens to those."""

RESCUE_NAMESPACE = "jx-rescue"
"""In no environment either: snapshots, and the watchdog that goes back to them."""

PART_OF = "applyset.kubernetes.io/part-of"
APPLYSET_ID = "applyset.kubernetes.io/id"
HOOK_OF = "jenkins.io/hook-of"
"""The label of objects that a hook made: the environment. Instead of the labels of members, which are pruned."""
CHART_RELEASE = "jenkins.io/chart-release"
RELEASE_NAMESPACE = "jenkins.io/namespace"

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def parent_name(environment: EnvironmentName) -> str:
    """The ConfigMap in `jx-anchors` that is the ApplySet's parent."""
    return f"environment-{environment}"


def applyset_id(environment: EnvironmentName) -> str:
    """The id of an environment's ApplySet: on the parent as `applyset.kubernetes.io/id`, on each member as `.../part-of`."""
    parent = f"{parent_name(environment)}.{ANCHORS_NAMESPACE}.ConfigMap."
    digest = hashlib.sha256(parent.encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"


def member_labels(
    environment: EnvironmentName, *, release: str, namespace: str, is_namespaced: bool
) -> dict[str, str]:
    """The labels of a member. None of them changes from one apply to the next."""
    labels = {PART_OF: applyset_id(environment), CHART_RELEASE: release}
    if is_namespaced:
        labels[RELEASE_NAMESPACE] = namespace
    return {key: value for key, value in labels.items() if _LABEL_VALUE.fullmatch(value)}


def labels_of(body: Body) -> Mapping[str, str]:
    """The labels of an object; empty where there are none."""
    return (body.get("metadata") or {}).get("labels") or {}


def annotations_of(body: Body) -> Mapping[str, str]:
    """The annotations of an object; empty where there are none."""
    return (body.get("metadata") or {}).get("annotations") or {}


def is_member(body: Body, environment: EnvironmentName) -> bool:
    """Whether an object carries the label of this environment."""
    return labels_of(body).get(PART_OF) == applyset_id(environment)


def find_foreign_owner(body: Body, environment: EnvironmentName, *, release: str) -> str:
    """Who else manages an object, in words for a person; empty where nobody does."""
    labels, annotations = labels_of(body), annotations_of(body)
    part_of = labels.get(PART_OF, "")
    if part_of:
        return "" if part_of == applyset_id(environment) else f"the ApplySet {part_of}"
    for owner in (body.get("metadata") or {}).get("ownerReferences") or ():
        if owner.get("controller"):
            return f"{owner.get('kind')} {owner.get('name')}, which controls it"
    helm = annotations.get("meta.helm.sh/release-name")
    if helm:
        return (
            f"the Helm release {helm} in namespace {annotations.get('meta.helm.sh/release-namespace', '?')}"
        )
    for key, tool in _TOOLS.items():
        if key in annotations or key in labels:
            return f"{tool} ({annotations.get(key) or labels.get(key)})"
    chart_release = labels.get(CHART_RELEASE, "")
    if chart_release and chart_release != release:
        return f"the Jenkins X release {chart_release}"
    return ""


def managers_of(body: Body, owner: str) -> tuple[str, ...]:
    """The field managers of a tool that owns an object (in the words of `find_foreign_owner`): what it set becomes ours when the
    object is taken over, so that what we do not say goes."""
    names = next((names for tool, names in _MANAGERS.items() if tool in owner), ())
    entries = (body.get("metadata") or {}).get("managedFields") or ()
    found = {str(entry.get("manager")) for entry in entries if not entry.get("subresource")}
    return tuple(sorted(name for name in found if name.lower().startswith(names)))


_MANAGERS = {
    "the Helm release": ("helm",),
    "the Jenkins X release": ("jx", "helm", "kubectl", "tiller", "before-first-apply"),
    "Argo CD": ("argocd",),
    "the Flux Kustomization": ("kustomize-controller",),
    "the Flux HelmRelease": ("helm",),
    "the kapp app": ("kapp",),
    "Fleet": ("fleet", "helm"),
}
"""By what words name the tool: how the names of its field managers begin."""

_TOOLS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "the Flux Kustomization",
    "helm.toolkit.fluxcd.io/name": "the Flux HelmRelease",
    "kapp.k14s.io/app": "the kapp app",
    "objectset.rio.cattle.io/id": "Fleet",
}

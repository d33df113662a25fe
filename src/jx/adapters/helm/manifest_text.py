"""What Helm's engine gives, split, classified and put in order as Helm itself does it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.errors import Invalid, Problem
from jx.domain.objects.manifests import Body, Capabilities, Hook, Manifest, ObjectRef, api_group, ref_of
from jx.domain.texts import yaml_text

# Helm splits by this rule and not as YAML: charts emit `---apiVersion:` and blanks at the ends of block texts.
_SEPARATOR = re.compile(r"(?:^|[\t\n\f\r ]*\n)---[\t\n\f\r ]*")
_SPACE = "\t\n\v\f\r \x85\xa0"

_ORDERED_KINDS = """
    PriorityClass Namespace NetworkPolicy ResourceQuota LimitRange PodSecurityPolicy PodDisruptionBudget
    ServiceAccount Secret SecretList ConfigMap StorageClass PersistentVolume PersistentVolumeClaim
    CustomResourceDefinition ClusterRole ClusterRoleList ClusterRoleBinding ClusterRoleBindingList Role RoleList
    RoleBinding RoleBindingList Service DaemonSet Pod ReplicationController ReplicaSet Deployment
    HorizontalPodAutoscaler StatefulSet Job CronJob IngressClass Ingress APIService
    MutatingWebhookConfiguration ValidatingWebhookConfiguration
"""
_INSTALL_ORDER = {kind: place for place, kind in enumerate(_ORDERED_KINDS.split())}

_PHASES = frozenset(
    {
        "pre-install",
        "post-install",
        "pre-delete",
        "post-delete",
        "pre-upgrade",
        "post-upgrade",
        "pre-rollback",
        "post-rollback",
        "test",
        "test-success",
    }
)

# For renders without a cluster in sight; a cluster's own word comes first.
_CLUSTER_SCOPED = frozenset(
    {
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("certificates.k8s.io", "ClusterTrustBundle"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("networking.k8s.io", "IngressClass"),
        ("networking.k8s.io", "ServiceCIDR"),
        ("node.k8s.io", "RuntimeClass"),
        ("policy", "PodSecurityPolicy"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("resource.k8s.io", "DeviceClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "StorageClass"),
        ("storage.k8s.io", "VolumeAttachment"),
    }
)


@dataclass(frozen=True, slots=True)
class Document:
    """One object as it was rendered, and from which template."""

    source: str
    body: Body

    @property
    def kind(self) -> str:
        return str(self.body.get("kind", ""))

    @property
    def annotations(self) -> Mapping[str, Any]:
        metadata = self.body.get("metadata")
        found = metadata.get("annotations") if isinstance(metadata, Mapping) else None
        return found if isinstance(found, Mapping) else {}


def split(text: str) -> Iterator[tuple[int, str]]:
    """The documents of a file, each with the line it begins in, as Helm splits them; blank ones are left out.

    Each ends with one more line break than the split leaves, as Helm writes one after each document before that is read again:
    for the last line of a block text this makes a difference.
    """
    lead = len(text) - len(text.lstrip(_SPACE))
    trimmed = text[lead:]
    start = 0
    for match in [*_SEPARATOR.finditer(trimmed), None]:
        piece = trimmed[start : match.start() if match else None]
        begin = lead + start + len(piece) - len(piece.lstrip(_SPACE))
        if piece.strip(_SPACE):
            yield text.count("\n", 0, begin) + 1, piece.lstrip(_SPACE) + "\n"
        start = match.end() if match else start


def read_documents(files: Mapping[str, str]) -> list[Document]:
    """All documents of rendered files, by file name and then as they stand in each. Invalid with every mistake."""
    found: list[Document] = []
    problems: list[Problem] = []
    for source in sorted(files):
        if source.rpartition("/")[2].startswith("_"):
            continue
        for line, text in split(files[source]):
            try:
                found += _read(source, text)
            except Invalid as error:
                problems += [_shifted(problem, source, line) for problem in error.problems]
    if problems:
        raise Invalid(
            "templates rendered to something that is no Kubernetes object",
            *problems,
            hint="lines are those of the rendered text, from the first line of the template's output",
        )
    return found


def _read(source: str, text: str) -> list[Document]:
    body = _normal(yaml_text.read_yaml(text, source, allow_duplicates=True))
    if body is None:
        return []
    if not isinstance(body, dict):
        what = "a list" if isinstance(body, list) else "a single value"
        raise Invalid("no object", Problem(source, f"this is {what}, not an object", 1))
    return [Document(source, body)]


def _shifted(problem: Problem, source: str, line: int) -> Problem:
    return Problem(source, problem.what, (problem.line or 1) + line - 1)


def _normal(value: Any) -> Any:
    """Whole floats as integers, which is what becomes of them on their way through Go's JSON to the API server."""
    if isinstance(value, dict):
        return {key: _normal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_normal(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value


def flatten(document: Document) -> list[Document]:
    """The objects in a List, as every client of Kubernetes takes them; else the one object."""
    body = document.body
    items = body.get("items")
    if not document.kind.endswith("List") or not isinstance(items, list):
        return [document]
    objects = [item for item in items if isinstance(item, dict)]
    if document.kind == "List":
        return [one for item in objects for one in flatten(Document(document.source, item))]
    defaults = {"apiVersion": body.get("apiVersion"), "kind": document.kind.removesuffix("List")}
    return [Document(document.source, {**defaults, **item}) for item in objects]


def in_install_order(documents: Iterable[Document]) -> list[Document]:
    """Helm's order of kinds; kinds that it does not know come last, by name. Otherwise the order stays as it was."""
    return sorted(documents, key=lambda document: kind_key(document.kind))


def kind_key(kind: str) -> tuple[int, str]:
    """Where a kind stands in Helm's order."""
    place = _INSTALL_ORDER.get(kind)
    return (len(_INSTALL_ORDER), kind) if place is None else (place, "")


class Namer:
    """Gives objects their identity. Which kinds have no namespace, the cluster says, or a CRD of the same render, or the table of
    Kubernetes' own kinds."""

    def __init__(self, capabilities: Capabilities, namespace: str, documents: Iterable[Document]) -> None:
        self._kinds = capabilities.kinds
        self._namespace = namespace
        self._defined = {
            (str(spec.get("group", "")), str(names.get("kind", ""))): spec.get("scope") != "Cluster"
            for document in documents
            if document.kind == "CustomResourceDefinition"
            and isinstance(spec := document.body.get("spec"), Mapping)
            and isinstance(names := spec.get("names"), Mapping)
        }

    def manifest(self, document: Document) -> Manifest:
        """The object; Invalid where it has no apiVersion, kind or name."""
        body = document.body
        metadata = body.get("metadata")
        named = isinstance(metadata, Mapping) and metadata.get("name")
        missing = [
            field
            for field, value in (
                ("apiVersion", body.get("apiVersion")),
                ("kind", body.get("kind")),
                ("metadata.name", named),
            )
            if not isinstance(value, str) or not value
        ]
        if missing:
            what = f"{document.kind or 'an object'} has no {' and no '.join(missing)}"
            raise Invalid("no object", Problem(document.source, what))
        return Manifest(self._ref(body), str(body["apiVersion"]), body, document.source)

    def _ref(self, body: Body) -> ObjectRef:
        key = (api_group(str(body["apiVersion"])), str(body["kind"]))
        known = self._kinds.get(key)
        namespaced = known.namespaced if known else self._defined.get(key, key not in _CLUSTER_SCOPED)
        ref = ref_of(body, self._namespace)
        return ref if namespaced else ObjectRef(ref.group, ref.kind, "", ref.name)


def is_hook(document: Document) -> bool:
    """Whether Helm runs this instead of applying it."""
    return "helm.sh/hook" in document.annotations


def find_hook(document: Document, manifest: Manifest) -> Hook | None:
    """The hook, or None where it names a phase that Helm does not know: Helm then leaves the object out. Only Helm 2's way to
    bring CRDs is still understood."""
    annotations = document.annotations
    phases = tuple(phase.strip().lower() for phase in str(annotations["helm.sh/hook"]).split(","))
    is_definition = document.kind == "CustomResourceDefinition" and phases == ("crd-install",)
    if not set(phases) <= _PHASES and not is_definition:
        return None
    weight = str(annotations.get("helm.sh/hook-weight", "")).strip()
    policies = str(annotations.get("helm.sh/hook-delete-policy", "")).split(",")
    return Hook(
        manifest,
        tuple("test" if phase == "test-success" else phase for phase in phases),
        int(weight) if re.fullmatch(r"[-+]?\d+", weight) else 0,
        tuple(policy.strip().lower() for policy in policies if policy.strip()),
    )

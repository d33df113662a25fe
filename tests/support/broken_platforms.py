"""Versions of the platform's chart that break one thing each, offered by an embedded platform's chart repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jx.adapters.helm.archives import pack
from jx.adapters.local import seed
from jx.domain.texts import yaml_edit
from jx.domain.trees import Tree

CHART = "jx-platform"
_FIRST = 10
"""Minor version of the first row: above everything that is shipped."""

Change = Callable[[Tree], Tree]


def replaced(path: str, text: str, by: str) -> Change:
    """A template in which another text stands, wherever that one does."""

    def change(tree: Tree) -> Tree:
        whole = tree.text(path)
        assert text in whole, f"{path} has no {text!r}"
        return tree.put(path, whole.replace(text, by))

    return change


def valued(dotted: str, value: str) -> Change:
    """Another default in values.yaml."""

    def change(tree: Tree) -> Tree:
        keys = tuple(dotted.split("."))
        return tree.put(
            "values.yaml", yaml_edit.set_value(tree.text("values.yaml"), keys, value, "values.yaml")
        )

    return change


def added(name: str, text: str) -> Change:
    """One template more."""
    return lambda tree: tree.put(f"templates/{name}.yaml", text)


WEBHOOK = """apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: refuses-all}
webhooks:
- name: refuses.all.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  timeoutSeconds: 1
  clientConfig: {url: "https://127.0.0.1:1/"}
  rules:
  - {apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE, UPDATE, DELETE], resources: ["*/*"]}
"""
POLICY = """apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: refuses-all}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE, UPDATE, DELETE], resources: ["*/*"]}
  validations:
  - {expression: "false", message: "nothing passes"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: refuses-all}
spec: {policyName: refuses-all, validationActions: [Deny]}
"""
QUOTA = """apiVersion: v1
kind: ResourceQuota
metadata: {name: none, namespace: {{ .Release.Namespace }}}
spec: {hard: {pods: "0"}}
"""


@dataclass(frozen=True)
class Row:
    """One thing that a version breaks."""

    name: str
    changes: tuple[Change, ...]
    number: int = 0

    @property
    def version(self) -> str:
        return f"1.{_FIRST + self.number}.0"

    @property
    def tree(self) -> Tree:
        """The first version with these changes; its program, so its image, stays the same."""
        tree = seed.build_charts()[CHART, "1.0.0"]
        for change in self.changes:
            tree = change(tree)
        metadata = yaml_edit.set_value(tree.text("Chart.yaml"), ("version",), self.version, "Chart.yaml")
        return tree.put("Chart.yaml", metadata)


_GRACE = "terminationGracePeriodSeconds:"
_PIPELINE = "description: owner/repository/branch\n                type: string"
_CONTROLLERS = "templates/controllers.yaml"
_RUNNER = "templates/runner.yaml"
_ON_PODS = "resources: [pods]\n  verbs: [get, list, watch, create, patch]"
_ROWS: Mapping[str, tuple[Change, ...]] = {
    "argument of the controllers": (replaced(_CONTROLLERS, "--poll-seconds", "--poll-intervall"),),
    "admission webhook that fails closed": (added("all", WEBHOOK),),
    "image of the controllers": (valued("image.tag", "9.9.9"),),
    "admission policy that denies all": (added("all", POLICY),),
    "route of the webhooks": (valued("ingress.path", "/hok"),),
    "rights of the controllers": (
        replaced(_CONTROLLERS, "- kind: ServiceAccount\n  name: jx-controllers", "- kind: ServiceAccount\n  name: nobody"),
    ),
    "rights of the receiver": (replaced("templates/webhooks.yaml", "verbs: [patch]", "verbs: [get]"),),
    "definition of the records": (
        replaced("templates/crd-pipelineactivities.yaml", _PIPELINE, "type: integer"),
    ),
    "quota of its namespace": (added("all", QUOTA), replaced(_CONTROLLERS, f"{_GRACE} 30", f"{_GRACE} 29")),
    "address of the secret store": (
        replaced(_CONTROLLERS, "VAULT_ADDR\n          value: {{ . | quote }}", "VAULT_ADDR\n          value: http://127.0.0.1:1"),
    ),
    "login of the controllers": (valued("git.secretName", "jx-nobody"),),
    "key of the webhooks": (valued("webhooks.secretName", "jx-nothing"),),
    "pipeline engine": (replaced(_RUNNER, "- runner\n        - run\n", "- runner\n        - walk\n"),),
    "rights of the pipeline engine": (replaced(_RUNNER, _ON_PODS, _ON_PODS.replace("create, ", "")),),
    "address of the dev repository": (replaced(_CONTROLLERS, "{{ .Values.devRepository.url | quote }}", "http://127.0.0.1:1/no/where.git"),),
}  # fmt: skip
ROWS = tuple(Row(name, changes, number) for number, (name, changes) in enumerate(_ROWS.items()))


def offer(platform: Path, row: Row) -> None:
    """Put the version into the chart repository of an embedded platform, as a person drops an archive there."""
    draft = platform / "forge" / "charts" / f".{CHART}-{row.version}.new"
    draft.write_bytes(pack(CHART, row.tree))
    draft.replace(draft.with_name(f"{CHART}-{row.version}.tgz"))

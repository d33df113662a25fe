"""Fences: the API server itself refuses what an apply sends that has lost its lock.

A request carries its token in `metadata.selfLink`. That is the one field of an object which admission sees and no server ever
stores, shows, or counts to a manager's fields: nothing of an object changes with it. A ValidatingAdmissionPolicy compares it with
the Lease of the environment, which is its parameter.
"""

from __future__ import annotations

from typing import Any

from jx.adapters.kubernetes.api import CONFIG_MAPS, Api, Json, Resource
from jx.adapters.kubernetes.errors import FENCED
from jx.domain.applying.applying import MANAGER
from jx.domain.applying.field_ownership import YIELDER
from jx.domain.applying.locking import LIMIT, Fence, Grip
from jx.domain.errors import JxError, Overtaken, Stale
from jx.domain.names import EnvironmentName
from jx.domain.objects.membership import ANCHORS_NAMESPACE, PART_OF, applyset_id
from jx.domain.objects.secret_parts import SECRETS_MANAGER

POLICIES = Resource(
    "admissionregistration.k8s.io/v1",
    "validatingadmissionpolicies",
    "ValidatingAdmissionPolicy",
    namespaced=False,
)
BINDINGS = Resource(
    "admissionregistration.k8s.io/v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
POLICY = "jx-fence"
"""Another name with every change of it: one that is there already is taken for what it is to be."""

_LABELS = {"app.kubernetes.io/managed-by": "jx"}
_OURS = (MANAGER, SECRETS_MANAGER, YIELDER)
_PROBE = "jx-fence-probe"


class Fences:
    """The policy of one cluster, and a binding of it for each environment.

    The policy stays when an environment goes: a server that sees the last policy of a kind of parameter go may never again find
    parameters of that kind until it is started anew.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def enforce(self, grip: Grip) -> bool:
        """Whether requests with an older token are refused from now on. It is tried, by a dry run of one; where it passes, the
        policy is put up, for the next time."""
        try:
            if self._is_refused(grip):
                return True
            self._put_up(grip.environment)
            return self._is_refused(grip)
        except JxError:
            return False  # no right to, or a server without policies: time and uids have to do

    def take_down(self, environment: EnvironmentName) -> None:
        """Take away what an environment had."""
        self._api.delete(BINDINGS, "", _binding_name(environment))

    def _is_refused(self, grip: Grip) -> bool:
        labels = {**_LABELS, PART_OF: applyset_id(grip.environment)}
        probe: Json = {"apiVersion": "v1", "kind": "ConfigMap"}
        probe["metadata"] = {"name": _PROBE, "namespace": ANCHORS_NAMESPACE, "labels": labels}
        stamp(probe, Fence(grip.environment, grip.token - 1))
        query = {"fieldManager": MANAGER, "force": "true", "dryRun": "All"}
        try:
            self._api.apply(CONFIG_MAPS, ANCHORS_NAMESPACE, probe, query=query, within=LIMIT)
        except Overtaken:
            return True
        return False

    def _put_up(self, environment: EnvironmentName) -> None:
        for resource, body in ((POLICIES, _policy()), (BINDINGS, _binding(environment))):
            try:
                self._api.create(resource, "", body)
            except Stale:
                continue  # it is there already


def lease_name(environment: EnvironmentName) -> str:
    """The Lease of an environment."""
    return f"jx-apply-{environment}"


def stamp(body: dict[str, Any], fence: Fence) -> None:
    """Write the token into a body that is about to be sent."""
    link = f"{POLICY}/{lease_name(fence.environment)}/{fence.token}"
    body["metadata"] = {**body.get("metadata", {}), "selfLink": link}


def _binding_name(environment: EnvironmentName) -> str:
    return f"{POLICY}-{environment}"


def _policy() -> Json:
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}
    token = "int(variables.link[2])"
    return {
        "apiVersion": POLICIES.api_version,
        "kind": POLICIES.kind,
        "metadata": {"name": POLICY, "labels": _LABELS},
        "spec": {
            "failurePolicy": "Ignore",
            "paramKind": {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"},
            "matchConstraints": {"resourceRules": [{**everything, "operations": ["CREATE", "UPDATE"]}]},
            "matchConditions": [
                {
                    "name": "sent-by-an-apply",
                    "expression": f"has(request.options.fieldManager) && request.options.fieldManager in {list(_OURS)}"
                    f" && has(object.metadata.selfLink) && object.metadata.selfLink.startsWith('{POLICY}/')",
                }
            ],
            "variables": [{"name": "link", "expression": "object.metadata.selfLink.split('/')"}],
            "validations": [
                {
                    "expression": f"variables.link[1] != params.metadata.name || {token} >= params.spec.leaseTransitions",
                    "messageExpression": f"'{FENCED}, number ' + string(params.spec.leaseTransitions) + ' by ' + "
                    "(has(params.spec.holderIdentity) ? params.spec.holderIdentity : 'nobody') + "
                    "', has begun since number ' + variables.link[2]",
                }
            ],
        },
    }


def _binding(environment: EnvironmentName) -> Json:
    return {
        "apiVersion": BINDINGS.api_version,
        "kind": BINDINGS.kind,
        "metadata": {"name": _binding_name(environment), "labels": _LABELS},
        "spec": {
            "policyName": POLICY,
            "validationActions": ["Deny"],
            "paramRef": {
                "name": lease_name(environment),
                "namespace": ANCHORS_NAMESPACE,
                "parameterNotFoundAction": "Allow",
            },
            "matchResources": {"objectSelector": {"matchLabels": {PART_OF: applyset_id(environment)}}},
        },
    }

"""Defaults, canonical forms and rules of the built-in kinds."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.local.kubernetes.kinds import normalise, object_rules, preparation
from jx.adapters.local.kubernetes.types import decoding, facts
from jx.adapters.local.kubernetes.types.facts import Gvk, Obj
from jx.adapters.local.kubernetes.words import quantities

DEPLOYMENT: Gvk = ("apps", "v1", "Deployment")
POD: Gvk = ("", "v1", "Pod")
SERVICE: Gvk = ("", "v1", "Service")
SECRET: Gvk = ("", "v1", "Secret")
JOB: Gvk = ("batch", "v1", "Job")

TEMPLATE = """
metadata: {labels: {app: web}}
spec: {containers: [{name: web, image: "web:1"}]}
"""


def made(gvk: Gvk, text: str = "", **fields: Any) -> Obj:
    group, version, kind = gvk
    obj = {
        "apiVersion": f"{group}/{version}" if group else version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "n"},
    }
    return {**obj, **(yaml.safe_load(text) or {}), **fields}


def workload(gvk: Gvk = DEPLOYMENT, **spec: Any) -> Obj:
    base = {"selector": {"matchLabels": {"app": "web"}}, "template": yaml.safe_load(TEMPLATE)}
    return made(gvk, spec={**base, **spec})


def pod(text: str = "{}", **spec: Any) -> Obj:
    return made(POD, spec={"containers": [{"name": "a", "image": "a:1", **yaml.safe_load(text)}], **spec})


def default(gvk: Gvk, obj: Obj) -> Obj:
    return normalise.default(gvk, obj)


def sentences(gvk: Gvk, obj: Obj, old: Obj | None = None) -> list[str]:
    before = default(gvk, old) if old else None
    return [str(error) for error in normalise.validate(gvk, default(gvk, obj), before)]


def test_a_deployment_is_completed_as_on_a_real_server() -> None:
    spec = default(DEPLOYMENT, workload())["spec"]
    assert spec["replicas"] == 1
    assert spec["revisionHistoryLimit"] == 10
    assert spec["progressDeadlineSeconds"] == 600
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert spec["template"]["spec"] == {
        "containers": [
            {
                "name": "web",
                "image": "web:1",
                "imagePullPolicy": "IfNotPresent",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }


def test_a_pod_requests_what_it_limits_and_links_services() -> None:
    spec = default(POD, pod("resources: {limits: {cpu: 1, memory: 1024Mi}, requests: {cpu: 100m}}"))["spec"]
    assert spec["containers"][0]["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "1Gi"},
    }
    assert spec["enableServiceLinks"] is True


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", "Always"),
        ("web:latest", "Always"),
        ("web:1", "IfNotPresent"),
        ("host:5000/web", "Always"),
        ("host:5000/web:1", "IfNotPresent"),
        ("web@sha256:0", "IfNotPresent"),
    ],
)
def test_an_image_that_may_move_is_always_pulled(image: str, policy: str) -> None:
    spec = default(POD, pod(f"image: {image}"))["spec"]
    assert spec["containers"][0]["imagePullPolicy"] == policy


def test_probes_ports_sources_and_volumes_are_completed() -> None:
    text = """
    ports: [{containerPort: 80}]
    livenessProbe: {httpGet: {port: 80}}
    env: [{name: N, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    """
    volumes = [
        {"name": "e"},
        {"name": "c", "configMap": {"name": "c"}},
        {"name": "h", "hostPath": {"path": "/"}},
    ]
    spec = default(POD, pod(text, volumes=volumes))["spec"]
    container = spec["containers"][0]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert container["livenessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert spec["volumes"] == [
        {"name": "e", "emptyDir": {}},
        {"name": "c", "configMap": {"name": "c", "defaultMode": 420}},
        {"name": "h", "hostPath": {"path": "/", "type": ""}},
    ]


def test_what_go_does_not_write_goes_and_pointers_stay() -> None:
    text = """
    args: []
    stdin: false
    env: [{name: A, value: ""}]
    securityContext: {privileged: false}
    """
    obj = default(POD, pod(text, hostNetwork=False, nodeSelector={}, automountServiceAccountToken=False))
    container = obj["spec"]["containers"][0]
    assert "args" not in container
    assert "stdin" not in container
    assert container["env"] == [{"name": "A"}]
    assert container["securityContext"] == {"privileged": False}
    assert "hostNetwork" not in obj["spec"]
    assert "nodeSelector" not in obj["spec"]
    assert obj["spec"]["automountServiceAccountToken"] is False


def test_zero_replicas_are_kept() -> None:
    assert default(DEPLOYMENT, workload(replicas=0))["spec"]["replicas"] == 0


def test_empty_values_of_an_authors_keys_are_kept() -> None:
    obj = made(("", "v1", "ConfigMap"), data={"a": ""})
    assert default(("", "v1", "ConfigMap"), obj)["data"] == {"a": ""}


def test_a_service_is_completed() -> None:
    obj = made(SERVICE, spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    assert default(SERVICE, obj)["spec"] == {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "internalTrafficPolicy": "Cluster",
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }


def test_a_secret_takes_its_plain_texts_into_its_data() -> None:
    secret = default(SECRET, made(SECRET, stringData={"a": "plain"}, data={"b": "Yg=="}))
    assert secret["data"] == {"a": "cGxhaW4=", "b": "Yg=="}
    assert secret["type"] == "Opaque"
    assert "stringData" not in secret


def test_a_job_finds_its_pods_by_its_own_identity() -> None:
    job = made(JOB, spec={"template": {"spec": {"containers": [], "restartPolicy": "Never"}}})
    job["metadata"]["uid"] = "u"
    spec = preparation.for_create(JOB, default(JOB, job))["spec"]
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    assert spec["template"]["metadata"]["labels"]["job-name"] == "x"
    assert (spec["backoffLimit"], spec["completions"], spec["parallelism"]) == (6, 1, 1)


def test_a_binding_and_a_policy_are_completed() -> None:
    gvk = ("rbac.authorization.k8s.io", "v1", "RoleBinding")
    text = (
        "{roleRef: {kind: Role, name: r}, subjects: [{kind: User, name: u}, {kind: ServiceAccount, name: s}]}"
    )
    binding = default(gvk, made(gvk, text))
    assert binding["roleRef"]["apiGroup"] == "rbac.authorization.k8s.io"
    assert binding["subjects"][0]["apiGroup"] == "rbac.authorization.k8s.io"
    assert "apiGroup" not in binding["subjects"][1]
    gvk = ("networking.k8s.io", "v1", "NetworkPolicy")
    policy = default(gvk, made(gvk, spec={"podSelector": {}, "egress": [{}]}))
    assert policy["spec"] == {"podSelector": {}, "egress": [{}], "policyTypes": ["Ingress", "Egress"]}


def test_a_namespace_carries_its_name_as_a_label() -> None:
    gvk = ("", "v1", "Namespace")
    labels = default(gvk, made(gvk))["metadata"]["labels"]
    assert labels == {"kubernetes.io/metadata.name": "x"}


@pytest.mark.parametrize(
    ("amount", "canonical"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1500m", "1500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1000", "1k"),
        ("128M", "128M"),
        ("0", "0"),
        (2, "2"),
        ("0.1m", "1m"),
        ("1e3", "1e3"),
        ("512", "512"),
        ("0.5Gi", "512Mi"),
    ],
)
def test_an_amount_has_one_form(amount: Any, canonical: str) -> None:
    assert quantities.canonical(amount) == canonical


@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_the_form_of_an_amount_keeps_its_value_and_is_final(number: int, suffix: str) -> None:
    once = quantities.canonical(f"{number}{suffix}")
    assert quantities.parse(once) == quantities.parse(f"{number}{suffix}")
    assert quantities.canonical(once) == once


@pytest.mark.parametrize(
    ("gvk", "obj", "message"),
    [
        (
            DEPLOYMENT,
            workload(replicas="3"),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            POD,
            pod("env: [{name: A, value: 5}]"),
            "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            POD,
            pod(hostNetwork="yes"),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (POD, pod("resources: {limits: {cpu: lots}}"), quantities.WRONG),
        (SECRET, made(SECRET, data={"a": "ab!="}), "illegal base64 data at input byte 2"),
    ],
)
def test_a_value_of_another_type_cannot_be_decoded(gvk: Gvk, obj: Obj, message: str) -> None:
    with pytest.raises(decoding.Malformed) as raised:
        default(gvk, obj)
    _, version, kind = gvk
    assert str(raised.value) == f'{kind} in version "{version}" cannot be handled as a {kind}: {message}'


@pytest.mark.parametrize(
    ("gvk", "obj", "sentence"),
    [
        (DEPLOYMENT, workload(selector=None), "spec.selector: Required value"),
        (
            DEPLOYMENT,
            workload(selector={"matchLabels": {"app": "other"}}),
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ),
        (
            DEPLOYMENT,
            workload(selector={}),
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        ),
        (
            DEPLOYMENT,
            workload(replicas=-1),
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (POD, made(POD, spec={"containers": []}), "spec.containers: Required value"),
        (POD, pod("image: ''"), "spec.containers[0].image: Required value"),
        (
            POD,
            pod("imagePullPolicy: Sometimes"),
            (
                "spec.containers[0].imagePullPolicy: Unsupported value: "
                '"Sometimes": supported values: "Always", "IfNotPresent", "Never"'
            ),
        ),
        (
            POD,
            pod("volumeMounts: [{name: v, mountPath: /v}]"),
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        (
            POD,
            pod("resources: {limits: {cpu: 1}, requests: {cpu: 2}}"),
            'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            JOB,
            made(JOB, spec={"template": yaml.safe_load(TEMPLATE)}),
            'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ),
        (SERVICE, made(SERVICE, spec={}), "spec.ports: Required value"),
        (
            SERVICE,
            made(SERVICE, spec={"type": "Nope", "ports": [{"port": 80}]}),
            (
                'spec.type: Unsupported value: "Nope": supported values: '
                '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            ),
        ),
        (
            SERVICE,
            made(SERVICE, spec={"ports": [{"port": 80, "name": "a"}, {"port": 81}]}),
            "spec.ports[1].name: Required value",
        ),
        (
            ("networking.k8s.io", "v1", "Ingress"),
            made(
                ("networking.k8s.io", "v1", "Ingress"),
                "spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: a, port: {number: 80}}}}]}}]}",
            ),
            "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        ),
        (SECRET, made(SECRET, type="kubernetes.io/tls"), "data[tls.crt]: Required value"),
        (
            ("rbac.authorization.k8s.io", "v1", "Role"),
            made(
                ("rbac.authorization.k8s.io", "v1", "Role"),
                rules=[{"apiGroups": [""], "resources": ["pods"]}],
            ),
            "rules[0].verbs: Required value: verbs must contain at least one value",
        ),
    ],
)
def test_a_broken_rule_is_told_in_the_servers_words(gvk: Gvk, obj: Obj, sentence: str) -> None:
    assert sentences(gvk, obj)[0] == sentence


@pytest.mark.parametrize(
    ("gvk", "old", "new", "sentence"),
    [
        (
            DEPLOYMENT,
            workload(),
            workload(
                selector={"matchLabels": {"tier": "a"}},
                template={"metadata": {"labels": {"tier": "a"}}, "spec": yaml.safe_load(TEMPLATE)["spec"]},
            ),
            'spec.selector: Invalid value: {"matchLabels":{"tier":"a"}}: field is immutable',
        ),
        (
            ("apps", "v1", "StatefulSet"),
            workload(("apps", "v1", "StatefulSet"), serviceName="a"),
            workload(("apps", "v1", "StatefulSet"), serviceName="b"),
            (
                "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
                "are forbidden"
            ),
        ),
        (
            SECRET,
            made(SECRET, type="a/b"),
            made(SECRET, type="c/d"),
            'type: Invalid value: "c/d": field is immutable',
        ),
        (
            ("", "v1", "ConfigMap"),
            made(("", "v1", "ConfigMap"), immutable=True, data={"a": "1"}),
            made(("", "v1", "ConfigMap"), immutable=True, data={"a": "2"}),
            "data: Forbidden: field is immutable when `immutable` is set",
        ),
        (
            SERVICE,
            made(
                SERVICE, spec={"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}]}
            ),
            made(SERVICE, spec={"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}),
            'spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set',
        ),
        (
            ("rbac.authorization.k8s.io", "v1", "RoleBinding"),
            made(("rbac.authorization.k8s.io", "v1", "RoleBinding"), roleRef={"kind": "Role", "name": "a"}),
            made(("rbac.authorization.k8s.io", "v1", "RoleBinding"), roleRef={"kind": "Role", "name": "b"}),
            (
                'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"b"}: '
                "cannot change roleRef"
            ),
        ),
    ],
)
def test_what_may_not_change_is_told_in_the_servers_words(
    gvk: Gvk, old: Obj, new: Obj, sentence: str
) -> None:
    assert sentences(gvk, new, old) == [sentence]


def test_an_image_of_a_pod_may_change_and_its_command_not() -> None:
    assert sentences(POD, pod("image: 'a:2'"), pod()) == []
    (sentence,) = sentences(POD, pod("command: [x]"), pod())
    assert sentence.startswith("spec: Forbidden: pod updates may not change fields other than")


def test_names_follow_the_rule_of_their_kind() -> None:
    (problem,) = object_rules.name_problems(("", "v1", "Namespace"), "a.b")
    assert problem == "must not contain dots"
    (problem,) = object_rules.name_problems(("", "v1", "ConfigMap"), "A.b")
    assert problem.startswith("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric")
    assert object_rules.name_problems(("rbac.authorization.k8s.io", "v1", "Role"), "A:b") == []


def test_labels_follow_their_rule() -> None:
    (mistake,) = object_rules.metadata_mistakes({"name": "c", "labels": {"a": "b c"}})
    assert str(mistake).startswith(
        'metadata.labels: Invalid value: "b c": a valid label must be an empty string or'
    )


# Laws

_IMAGES = st.sampled_from(["a", "a:1", "a:latest"])
_CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b"]), "image": _IMAGES},
        optional={
            "stdin": st.booleans(),
            "args": st.lists(st.text("x", max_size=2), max_size=2),
            "resources": st.fixed_dictionaries({}, optional={"limits": st.just({"cpu": "1000m"})}),
            "ports": st.lists(st.just({"containerPort": 80}), max_size=1),
        },
    ),
    max_size=2,
)


@given(_CONTAINERS, st.sampled_from([None, 0, 2]))
def test_completing_twice_is_once_and_leaves_its_argument(
    containers: list[Obj], replicas: int | None
) -> None:
    obj = workload(replicas=replicas, template={"spec": {"containers": containers}})
    before = copy.deepcopy(obj)
    once = default(DEPLOYMENT, obj)
    assert default(DEPLOYMENT, once) == once
    normalise.validate(DEPLOYMENT, once, once)
    assert obj == before


@pytest.mark.parametrize(
    "resource", facts.load().resources, ids=lambda r: f"{r.plural}.{r.group}/{r.version}"
)
def test_every_kind_survives_with_nothing_in_it(resource: facts.Resource) -> None:
    bare = made(resource.gvk)
    once = default(resource.gvk, bare)
    assert default(resource.gvk, once) == once
    normalise.validate(resource.gvk, once, None)
    normalise.validate(resource.gvk, once, once)

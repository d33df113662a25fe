"""Run rights: what a pipeline of an application asks for, held against what its runs may have.

Whoever may push to an application writes what it runs, and it runs in the platform's namespace. The baseline of Kubernetes' pod
security holds for it, whatever the namespace is set to, and of that namespace it has what the dev repository grants it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jx.domain.environments.source_repositories import Grant
from jx.domain.errors import Invalid, Problem

_SECRET_KEYS = frozenset({"secret", "secretref", "secretkeyref", "nodepublishsecretref", "imagepullsecrets"})
_FOUND_BY = frozenset({"app", "component", "draft", "k8s-app", "name", "release"})
"""Labels without a prefix that charts select pods by."""
_CLAIM = "persistentVolumeClaim"
_VOLUMES = frozenset(
    {"name", "emptyDir", "configMap", "downwardAPI", "ephemeral", "projected", "secret", _CLAIM}
)
"""Kinds of volumes that give nothing of the node."""
_CAPABILITIES = frozenset(
    {
        *(
            "AUDIT_WRITE",
            "CHOWN",
            "DAC_OVERRIDE",
            "FOWNER",
            "FSETID",
            "KILL",
            "MKNOD",
            "NET_BIND_SERVICE",
            "SETFCAP",
        ),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""Those that containers usually have."""


def check_rights(made: Mapping[str, Any], *, own: Iterable[str], where: str, grant: Grant) -> None:
    """Invalid where a compiled pipeline names Secrets or claims that it may not have, asks for rights on the node, or labels its
    pods so that Services would find them. `own` are the labels that every run has, `where` is its file."""
    spec, labels = made["spec"], set(own)
    asked = [
        *(f"a step names Secret {name}, which runs of this do not get" for name in _secrets(spec) if name not in grant.secrets),
        *(f"a volume is claim {name}, which runs of this do not get" for name in _claims(spec) if name not in grant.claims),
        *_powers(spec),
        *(
            f"podLabels hold {key}, by which Services find pods"
            for key in _labels(made)
            if ("/" in key or key in _FOUND_BY) and key not in labels
        ),
    ]  # fmt: skip
    if asked:
        raise Invalid(
            "the pipeline asks for more than its runs may have",
            *(Problem(where, words) for words in dict.fromkeys(asked)),
            hint="pipelines.applications in jx-requirements.yml of the dev repository says what pushes may have",
        )


def _secrets(node: Any) -> Iterator[str]:
    for key, value in _entries(node):
        if key.lower() in _SECRET_KEYS:
            for one in value if isinstance(value, list) else [value]:
                named = one.get("secretName") or one.get("name") if isinstance(one, Mapping) else one
                yield str(named or "")
        else:
            yield from _secrets(value)


def _claims(node: Any) -> Iterator[str]:
    for volume in _volumes(node):
        if _CLAIM in volume:
            yield str((volume[_CLAIM] or {}).get("claimName") or "")


def _volumes(node: Any) -> Iterator[Mapping[str, Any]]:
    for key, value in _entries(node):
        if key == "volumes" and isinstance(value, list):
            yield from (one for one in value if isinstance(one, Mapping))
        yield from _volumes(value)


def _labels(made: Mapping[str, Any]) -> Iterator[str]:
    """Of the pods: those of the run and of its tasks."""
    yield from made["metadata"].get("labels") or {}
    for one in made["spec"].get("taskRunSpecs") or ():
        yield from (one.get("metadata") or {}).get("labels") or {}


def _powers(spec: Any) -> Iterator[str]:
    for volume in _volumes(spec):
        for kind in sorted(set(volume) - _VOLUMES):
            yield f"a volume is a {kind}, which runs of applications do not get"
    yield from _powers_of_containers(spec)


def _powers_of_containers(node: Any) -> Iterator[str]:
    for key, value in _entries(node):
        if key == "securityContext" and isinstance(value, Mapping):
            yield from _powers_of(value)
        if key == "hostPort" and value:
            yield f"a container takes port {value} of the node"
        yield from _powers_of_containers(value)


def _powers_of(context: Mapping[str, Any]) -> Iterator[str]:
    if context.get("privileged"):
        yield "a step is privileged, which gives it the node"
    added = (context.get("capabilities") or {}).get("add") or ()
    for name in sorted({str(one).upper().removeprefix("CAP_") for one in added} - _CAPABILITIES):
        yield f"a step adds the capability {name}"
    if context.get("procMount") not in (None, "", "Default"):
        yield f"a step sees /proc as {context['procMount']}"
    for key in ("seccompProfile", "appArmorProfile"):
        if (context.get(key) or {}).get("type") == "Unconfined":
            yield f"a step has {key} Unconfined"


def _entries(node: Any) -> Iterator[tuple[str, Any]]:
    """The keys of a mapping, or of those in a list."""
    if isinstance(node, Mapping):
        yield from ((str(key), value) for key, value in node.items())
    elif isinstance(node, list | tuple):
        for one in node:
            yield from _entries(one)

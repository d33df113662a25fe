"""What the server tells a caller of an object that it takes all the same."""

import base64
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from jx.adapters.local.kubernetes.kinds.podspecs import warnings
from jx.adapters.local.kubernetes.types.facts import Gvk, Obj

Warn: TypeAlias = Callable[[Obj], Iterator[str]]

# OpenAPI does not tell which of the served versions of kinds are on their way out.
_DEPRECATED: Final[Mapping[Gvk, str]] = MappingProxyType(
    {
        ("", "v1", "ComponentStatus"): "v1 ComponentStatus is deprecated in v1.19+",
        ("", "v1", "Endpoints"): (
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
        ),
    }
)

_CLASS: Final = "kubernetes.io/ingress.class"
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_BETA_OPTIONS: Final = "volume.beta.kubernetes.io/mount-options"


def of_kind(gvk: Gvk) -> str:
    """What every use of a built-in kind is answered with; empty for most."""
    return _DEPRECATED.get(gvk, "")


def of_object(gvk: Gvk, obj: Obj, old: Obj | None) -> list[str]:
    """What a create (`old` is None) or an update of a built-in kind is answered with."""
    kind = (gvk[0], gvk[2])
    found = list(_KINDS[kind](obj)) if kind in _KINDS else []
    if old is None and kind in _NEW:
        found += _NEW[kind](obj)
    return found


def _secret(obj: Obj) -> Iterator[str]:
    if obj.get("type") != "kubernetes.io/tls":
        return
    data = obj.get("data") or {}
    certificate, key = (base64.b64decode(data.get(name) or "") for name in ("tls.crt", "tls.key"))
    for text, what in ((certificate, "certificate"), (key, "key")):
        if b"-----BEGIN " not in text:
            yield f"tls: failed to find any PEM data in {what} input"
            return
    try:
        found = x509.load_pem_x509_certificate(certificate).public_key()
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        yield "tls: failed to parse private key"
        return
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if found.public_bytes(*form) != private.public_key().public_bytes(*form):
        yield "tls: private key does not match public key"


def _service(obj: Obj) -> Iterator[str]:
    spec = obj.get("spec") or {}
    kind, addresses = spec.get("type"), spec.get("externalIPs") or []
    is_headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
    if is_headless:
        if spec.get("loadBalancerIP"):
            yield "spec.loadBalancerIP is ignored for headless services"
        if addresses:
            yield "spec.externalIPs is ignored for headless services"
        if spec.get("sessionAffinity") != "None":
            yield "spec.SessionAffinity is ignored for headless services"
    if addresses and not is_headless and kind != "ExternalName":
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    if addresses and kind == "ExternalName":
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    if spec.get("externalName") and kind != "ExternalName":
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.get("trafficDistribution") == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def _volume(obj: Obj) -> Iterator[str]:
    annotations = obj["metadata"].get("annotations") or {}
    for key, since, attribute in (
        (_BETA_CLASS, "v1.8", "storageClassName"),
        (_BETA_OPTIONS, "v1.31", "mountOptions"),
    ):
        if key in annotations:
            yield f'metadata.annotations[{key}]: deprecated since {since}; use "{attribute}" attribute instead'
    if (obj.get("spec") or {}).get("persistentVolumeReclaimPolicy") == "Recycle":
        yield (
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended"
            " approach is to use dynamic provisioning."
        )


def _claim(obj: Obj) -> Iterator[str]:
    if _BETA_CLASS in (obj["metadata"].get("annotations") or {}):
        place = f"metadata.annotations[{_BETA_CLASS}]"
        yield f'{place}: deprecated since v1.8; use "storageClassName" attribute instead'
    yield from warnings.of_claim(obj.get("spec") or {}, "spec")


def _new_ingress(obj: Obj) -> Iterator[str]:
    is_noted = _CLASS in (obj["metadata"].get("annotations") or {})
    if is_noted and (obj.get("spec") or {}).get("ingressClassName") is None:
        yield f"annotation \"{_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"


def _slice(obj: Obj) -> Iterator[str]:
    if obj.get("addressType") == "FQDN":
        yield "spec.addressType: FQDN endpoints are deprecated"


_KINDS: Final[Mapping[tuple[str, str], Warn]] = MappingProxyType(
    {
        ("", "PersistentVolume"): _volume,
        ("", "PersistentVolumeClaim"): _claim,
        ("", "Secret"): _secret,
        ("", "Service"): _service,
        ("discovery.k8s.io", "EndpointSlice"): _slice,
    }
)
_NEW: Final[Mapping[tuple[str, str], Warn]] = MappingProxyType(
    {("networking.k8s.io", "Ingress"): _new_ingress}
)

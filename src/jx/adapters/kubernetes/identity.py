"""How a cluster's accounts are known to others: where its API is, and the keys that sign their tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from jx.adapters.kubernetes.api import Api
from jx.domain.errors import Forbidden, NotFound
from jx.domain.secrets.store_readers import ClusterIdentity

_KEY_SET = "application/jwk-set+json, application/json"
_CURVES: Mapping[str, type[ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}


def read_identity(api: Api) -> ClusterIdentity:
    """The identity, as far as the cluster tells it to us."""
    access = api.access
    try:
        about = json.loads(api.get_path("/.well-known/openid-configuration").body)
        listed = json.loads(api.get_path("/openid/v1/jwks", accept=_KEY_SET).body)
    except (NotFound, Forbidden, ValueError):
        return ClusterIdentity(access.server, access.ca)
    keys = tuple(pem for one in listed.get("keys") or () if (pem := _pem(one)))
    return ClusterIdentity(access.server, access.ca, str(about.get("issuer") or ""), keys)


def _pem(key: Mapping[str, Any]) -> str:
    """A public key of a key set; empty for a kind that is not known."""
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    match key.get("kty"), _CURVES.get(str(key.get("crv"))):
        case "RSA", _:
            public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        case "EC", curve if curve is not None:
            public = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve()).public_key()
        case _:
            return ""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode()


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")

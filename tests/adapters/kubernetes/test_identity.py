"""How a cluster's accounts are known to others: the keys that sign their tokens, whatever kind they are of."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.support.kubernetes import Authority, QuickClock, Reply, ScriptedServer, Seen

from jx.adapters.kubernetes.api import Api
from jx.adapters.kubernetes.identity import read_identity
from jx.domain.secrets.store_readers import ClusterIdentity

ISSUER = "https://kubernetes.default.svc"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def _text(number: int) -> str:
    return (
        base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")
    )


def _key_set() -> dict[str, Any]:
    by_rsa, by_curve = RSA_KEY.public_key().public_numbers(), EC_KEY.public_key().public_numbers()
    return {
        "keys": [
            {"kty": "RSA", "alg": "RS256", "n": _text(by_rsa.n), "e": _text(by_rsa.e)},
            {"kty": "EC", "crv": "P-256", "x": _text(by_curve.x), "y": _text(by_curve.y)},
            {"kty": "OKP", "crv": "Ed25519", "x": "of-a-kind-that-is-not-known"},
        ]
    }


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _answer(seen: Seen) -> Reply:
    """As the real API server answers, which knows key sets by their own type only."""
    if seen.path == "/.well-known/openid-configuration":
        return Reply(body=json.dumps({"issuer": ISSUER}).encode())
    if "application/jwk-set+json" in seen.headers["accept"]:
        return Reply(body=json.dumps(_key_set()).encode())
    return Reply(406, body=b"406: Not Acceptable\n\nAvailable representations: application/jwk-set+json")


def _ask(tmp_path: Path, answer: Any) -> tuple[ClusterIdentity, str]:
    authority = Authority.make()
    with ScriptedServer(authority, tmp_path, answer) as server:
        api = Api.connect(server.access(), QuickClock())
        try:
            return read_identity(api), authority.pem
        finally:
            api.close()


def test_keys_of_both_kinds_are_read_and_others_left_out(tmp_path: Path) -> None:
    known, authority = _ask(tmp_path, _answer)
    assert (known.issuer, known.ca, known.keys) == (ISSUER, authority, (_pem(RSA_KEY), _pem(EC_KEY)))


@pytest.mark.parametrize("status", [403, 404])
def test_a_cluster_that_does_not_tell_its_keys_is_known_by_its_address(tmp_path: Path, status: int) -> None:
    known, authority = _ask(tmp_path, lambda _: Reply(status, body=b"{}"))
    assert (known.keys, known.issuer, known.ca) == ((), "", authority)
    assert known.server.startswith("https://127.0.0.1:")

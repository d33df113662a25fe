"""Secrets by recipes, from the system's source of randomness."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import assert_never

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jx.domain.recipes import CHARACTERS, Kind, Recipe
from jx.ports.clock import Clock

_BACKDATED = timedelta(minutes=5)
"""For clocks that are behind."""


class SystemGenerator:
    """ports.generator.Generator."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def make(self, recipe: Recipe) -> Mapping[str, str]:
        """A new secret."""
        match recipe.kind:
            case Kind.PASSWORD | Kind.HMAC:
                return {"": _word(recipe)}
            case Kind.RSA:
                key = rsa.generate_private_key(public_exponent=65537, key_size=recipe.bits)
                return {"": _private(key), ".pub": _public(key)}
            case Kind.HTPASSWD:
                password = _word(recipe)
                hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(prefix=b"2b")).decode()
                # Web servers know the same algorithm by this name.
                return {"": f"{recipe.user}:{hashed.replace('$2b$', '$2y$', 1)}", ".password": password}
            case Kind.TLS:
                return self._certificate(recipe)
            case _:
                assert_never(recipe.kind)

    def _certificate(self, recipe: Recipe) -> Mapping[str, str]:
        name = recipe.name or (recipe.names[0] if recipe.names else "localhost")
        authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = self._signed(f"{name} authority", authority_key.public_key(), recipe, is_authority=True)
        root = authority.issuer_name(_named(f"{name} authority")).sign(authority_key, hashes.SHA256())
        leaf = self._signed(name, key.public_key(), recipe, is_authority=False)
        certificate = leaf.issuer_name(root.subject).sign(authority_key, hashes.SHA256())
        return {"": _pem(certificate), ".key": _private(key), ".ca": _pem(root)}

    def _signed(
        self, name: str, key: ec.EllipticCurvePublicKey, recipe: Recipe, *, is_authority: bool
    ) -> x509.CertificateBuilder:
        now = self._clock.now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(now + timedelta(days=recipe.days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if is_authority:
            return builder
        hosts = tuple(dict.fromkeys((name, *recipe.names)))
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return builder.add_extension(
            x509.SubjectAlternativeName(_alternatives(hosts)), critical=False
        ).add_extension(x509.ExtendedKeyUsage(uses), critical=False)


def _word(recipe: Recipe) -> str:
    characters = CHARACTERS[recipe.alphabet]
    return "".join(secrets.choice(characters) for _ in range(recipe.length))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _alternatives(hosts: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for host in hosts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            found.append(x509.DNSName(host))
    return found


def _private(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()

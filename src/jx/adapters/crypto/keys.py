"""Keys and certificates. A module of its own, since the library behind it takes as long to import as a plan takes in all."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jx.domain.objects.recipes import Recipe

_BACKDATED = timedelta(minutes=5)
"""For clocks that are behind."""


def make_pair(recipe: Recipe) -> Mapping[str, str]:
    """A private key and its public one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=recipe.bits)
    return {"": _private(key), ".pub": _public(key)}


def make_certificate(recipe: Recipe, now: datetime) -> Mapping[str, str]:
    """A certificate with its key, by an authority of its own that nobody keeps the key of."""
    name = recipe.name or (recipe.names[0] if recipe.names else "localhost")
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _signed(f"{name} authority", authority_key.public_key(), recipe, now, is_authority=True)
    root = authority.issuer_name(_named(f"{name} authority")).sign(authority_key, hashes.SHA256())
    leaf = _signed(name, key.public_key(), recipe, now, is_authority=False)
    certificate = leaf.issuer_name(root.subject).sign(authority_key, hashes.SHA256())
    return {"": _pem(certificate), ".key": _private(key), ".ca": _pem(root)}


def _signed(
    name: str, key: ec.EllipticCurvePublicKey, recipe: Recipe, now: datetime, *, is_authority: bool
) -> x509.CertificateBuilder:
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

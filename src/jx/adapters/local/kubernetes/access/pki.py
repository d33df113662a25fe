"""The cluster's own certificate authority, the certificates it signs, and the key that signs tokens."""

from __future__ import annotations

import base64
import ipaddress
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jx.adapters.local.kubernetes.calls.requests import MASTERS
from jx.adapters.local.kubernetes.types.facts import Obj

_VALID = timedelta(days=3650)
_RENEW_BEFORE = timedelta(days=30)
_DNS_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
_ADDRESSES = ("127.0.0.1", "::1", "127.96.0.1")
SERVER_NAMES = frozenset((*_DNS_NAMES, *_ADDRESSES))
"""Under which names and addresses the server is itself."""

_HEADER = {"alg": "ES256", "typ": "JWT"}

ADMIN = "kubernetes-admin"

Key: TypeAlias = ec.EllipticCurvePrivateKey
_Sign: TypeAlias = Callable[[Key], x509.Certificate]
_Make: TypeAlias = Callable[[], str]


class BadToken(Exception):
    """A bearer token that this cluster did not sign."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM text."""

    certificate: str
    key: str


class Pki:
    """All keys of one cluster. Files are 0600 in a folder of mode 0700; what is missing or too old is made anew."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.folder = folder
        self._now = now
        self._authority_key, self._authority = self._load_authority()
        self.authority_pem = _pem(self._authority)
        self.server = self._load_pair("server", self._sign_server)
        self.admin = self._load_pair("admin", lambda key: self._sign_client(key, ADMIN, (MASTERS,)))
        self._signer = _load_key(folder / "serviceaccounts.key")
        self.admin_token = _load_text(folder / "admin.token", lambda: secrets.token_urlsafe(32))

    @staticmethod
    def open(folder: Path | None, now: datetime) -> Pki:
        """The keys in a folder, or keys that end with the process for None."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
            return Pki(folder, now)
        with tempfile.TemporaryDirectory(prefix="jx-pki-") as temporary:
            return Pki(Path(temporary), now)

    def client(self, user: str, groups: tuple[str, ...] = ()) -> Pair:
        """A new client certificate for a user of these groups."""
        key = ec.generate_private_key(ec.SECP256R1())
        return Pair(_pem(self._sign_client(key, user, groups)), _key_pem(key))

    def sign_token(self, claims: Obj) -> str:
        """A JSON web token of these claims."""
        signed = f"{_encoded(orjson.dumps(_HEADER))}.{_encoded(orjson.dumps(claims))}"
        r, s = utils.decode_dss_signature(self._signer.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def claims_of(self, token: str) -> Obj:
        """The claims of a token of ours; BadToken for any other. Times are for the caller to check."""
        try:
            signed, _, signature = token.rpartition(".")
            raw = _decoded(signature)
            pair = utils.encode_dss_signature(
                int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
            )
            self._signer.public_key().verify(pair, signed.encode(), ec.ECDSA(hashes.SHA256()))
            claims: Obj = orjson.loads(_decoded(signed.partition(".")[2]))
        except (ValueError, InvalidSignature) as error:
            raise BadToken from error
        return claims

    def public_keys(self) -> Obj:
        """The key set with which others may check tokens."""
        numbers = self._signer.public_key().public_numbers()
        point = {"x": _encoded(numbers.x.to_bytes(32, "big")), "y": _encoded(numbers.y.to_bytes(32, "big"))}
        return {"keys": [{"use": "sig", "kty": "EC", "alg": "ES256", "crv": "P-256", **point}]}

    def _load_authority(self) -> tuple[Key, x509.Certificate]:
        key = _load_key(self.folder / "ca.key")
        path = self.folder / "ca.crt"
        if path.exists():
            found = x509.load_pem_x509_certificate(path.read_bytes())
            if found.public_key() == key.public_key():
                return key, found
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            self._builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        write_private(path, _pem(certificate))
        return key, certificate

    def _load_pair(self, name: str, sign: _Sign) -> Pair:
        key = _load_key(self.folder / f"{name}.key")
        path = self.folder / f"{name}.crt"
        if path.exists():
            found = x509.load_pem_x509_certificate(path.read_bytes())
            fresh = found.not_valid_after_utc - self._now > _RENEW_BEFORE
            if fresh and found.public_key() == key.public_key() and _is_signed_by(found, self._authority):
                return Pair(_pem(found), _key_pem(key))
        certificate = sign(key)
        write_private(path, _pem(certificate))
        return Pair(_pem(certificate), _key_pem(key))

    def _sign_server(self, key: Key) -> x509.Certificate:
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in _DNS_NAMES]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        return (
            self._builder(subject, self._authority.subject, key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(self._authority_identifier(), critical=False)
            .sign(self._authority_key, hashes.SHA256())
        )

    def _sign_client(self, key: Key, user: str, groups: tuple[str, ...]) -> x509.Certificate:
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        return (
            self._builder(subject, self._authority.subject, key)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(self._authority_identifier(), critical=False)
            .sign(self._authority_key, hashes.SHA256())
        )

    def _authority_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._authority_key.public_key())

    def _builder(self, subject: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(hours=1))
            .not_valid_after(self._now + _VALID)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner only, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _load_key(path: Path) -> Key:
    text = _load_text(path, lambda: _key_pem(ec.generate_private_key(ec.SECP256R1())))
    key = serialization.load_pem_private_key(text.encode(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _load_text(path: Path, make: _Make) -> str:
    if not path.exists():
        write_private(path, make())
    return path.read_text()


def _is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: Key) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

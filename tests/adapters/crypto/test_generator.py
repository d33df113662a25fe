"""Secrets by recipes are what other programs take them for."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import bcrypt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from jx.adapters.crypto.generator import SystemGenerator
from jx.adapters.local.fixed_clock import FixedClock
from jx.domain.objects.recipes import CHARACTERS, Alphabet, Kind, Recipe

AT = datetime(2026, 11, 1, tzinfo=UTC)
GENERATOR = SystemGenerator(FixedClock(AT))


@pytest.mark.parametrize("alphabet", Alphabet)
def test_a_password_has_the_characters_asked_for(alphabet: Alphabet) -> None:
    assert set(GENERATOR.make(Recipe(length=400, alphabet=alphabet))[""]) <= set(CHARACTERS[alphabet])


def test_the_halves_of_a_key_belong_together() -> None:
    made = GENERATOR.make(Recipe(Kind.RSA, bits=2048))
    private = serialization.load_pem_private_key(made[""].encode(), None)
    public = serialization.load_pem_public_key(made[".pub"].encode())
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048
    assert private.public_key() == public


def test_a_line_for_web_servers_admits_its_password() -> None:
    made = GENERATOR.make(Recipe(Kind.HTPASSWD, user="ann"))
    user, _, hashed = made[""].partition(":")
    assert user == "ann"
    assert hashed.startswith("$2y$")
    assert bcrypt.checkpw(made[".password"].encode(), hashed.replace("$2y$", "$2b$", 1).encode())


def test_a_certificate_is_signed_by_its_authority_and_has_its_names() -> None:
    made = GENERATOR.make(Recipe(Kind.TLS, name="shop.example", names=("10.0.0.1", "a.example"), days=30))
    certificate, authority = (x509.load_pem_x509_certificate(made[part].encode()) for part in ("", ".ca"))
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["shop.example", "a.example"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    assert (certificate.not_valid_after_utc - AT).days == 30
    key = serialization.load_pem_private_key(made[".key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()
    ssl.create_default_context(cadata=made[".ca"])
